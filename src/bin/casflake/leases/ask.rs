//! The operator's word: what is asked before IDs could be issued twice, and what counts as yes.

use std::io::{self, BufRead, IsTerminal, Write};

use casflake::Layout;
use casflake::lease::Survey;

use super::list::{printable, remaining_ms};
use crate::numbers::counted;
use crate::stop::{Outcome, Stop};

/// How many holders are named.
const NAMED: usize = 3;

/// Asks whether it is so, unless that was said before.
pub(super) fn confirm(yes: bool, question: impl FnOnce() -> String) -> Outcome {
    if yes {
        return Ok(());
    }
    let (question, stdin) = (question(), io::stdin());
    if !stdin.is_terminal() {
        return Err(Stop::usage(format_args!("{question}? There is nobody to ask: say --yes if you are sure")));
    }
    // Nobody can answer what could not be asked.
    write!(io::stderr(), "{question}? (yes/no) ")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|error| Stop::failed(format_args!("no answer: {error}")))?;
    if is_yes(&answer) { Ok(()) } else { Err(Stop::failed("nothing was done: the answer was not yes")) }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Returns the ID space of a URL, and where it is, without a password: the URL was opened, so that it is one.
pub(super) fn whereabouts(url: &str) -> String {
    let url = url.trim();
    let (url, space) = url.split_once('#').unwrap_or((url, ""));
    let place = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.eq_ignore_ascii_case("file") => {
            // The last @ of all: none that a password has then comes after it.
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            // Parameters name certificates and the like, not the store.
            format!("{scheme}://{}", host.split('?').next().unwrap_or_default())
        }
        _ => url.to_owned(),
    };
    let place = printable(&place);
    if space.is_empty() { format!("the ID space in {place}") } else { format!("the ID space {space:?} in {place}") }
}

/// Returns how many leases have not ended, and who holds the first of them; `None` if all have.
pub(super) fn holders(survey: &Survey, layout: &Layout) -> Option<String> {
    let now_ms = survey.unix_nanos / 1_000_000;
    let held = || {
        let held = survey.workers.iter().filter(|worker| remaining_ms(layout, worker.until, now_ms) > 0);
        held.filter_map(|worker| Some((worker.worker, worker.owner.as_deref()?)))
    };
    let count = held().count();
    let named: Vec<String> =
        held().take(NAMED).map(|(worker, owner)| format!("worker {worker} by {}", printable(owner))).collect();
    let others = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    let verb = if count == 1 { "is" } else { "are" };
    (count > 0).then(|| format!("{} {verb} held now: {}{others}", counted(count as u64, "lease"), named.join(", ")))
}

#[cfg(test)]
mod tests {
    use casflake::lease::{Lease, Survey, SurveyedWorker, Token};
    use casflake::{Scheme, Standard};

    use super::{holders, is_yes, whereabouts};

    #[test]
    fn yes_is_understood_in_any_case_and_short() {
        for answer in ["y", "Y", "yes", "Yes", "YES\n", " yes \r\n"] {
            assert!(is_yes(answer), "{answer:?}");
        }
        for answer in ["", "\n", "n", "no", "yess", "ye", "yes please", "ja"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }

    #[test]
    fn a_store_is_named_without_its_password() {
        for (url, name) in [
            ("file:/tmp/a@b", "the ID space in file:/tmp/a@b"),
            ("file:///tmp/ids", "the ID space in file:///tmp/ids"),
            ("redis://:p@ss@host:1/0#orders", "the ID space \"orders\" in redis://host:1/0"),
            (" postgres://u:p@h/db?schema=s#o\n", "the ID space \"o\" in postgres://h/db"),
            ("etcd://h1,h2", "the ID space in etcd://h1,h2"),
        ] {
            assert_eq!(whereabouts(url), name);
        }
    }

    #[test]
    fn the_first_holders_are_named_and_the_others_counted() {
        let now_tick = 1_000_000;
        let unix_nanos = Standard::LAYOUT.unix_ms_of(now_tick).unwrap() * 1_000_000;
        let worker = |index: u64, until: u64, owner: Option<&str>| {
            let lease = Lease::new(index, 0, until, 1, Token::random().unwrap());
            SurveyedWorker::new(&lease, owner.map(str::to_owned))
        };
        let told = |workers: Vec<SurveyedWorker>| holders(&Survey::new(unix_nanos, None, workers), &Standard::LAYOUT);
        let (over, held) = (now_tick, now_tick + 1);
        assert_eq!(told(vec![worker(0, over, Some("a")), worker(1, held, None)]), None, "ended or released");
        assert_eq!(told(vec![worker(7, held, Some("a\n"))]).as_deref(), Some("1 lease is held now: worker 7 by a\\n"));
        let many = (0..5).map(|index| worker(index, held, Some("h"))).collect();
        let expected = "5 leases are held now: worker 0 by h, worker 1 by h, worker 2 by h and 2 more";
        assert_eq!(told(many).as_deref(), Some(expected));
    }
}
