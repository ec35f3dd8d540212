//! Asks the operator for confirmation before an operation that could let IDs be issued twice.

use std::io::{self, BufRead, IsTerminal, Write};

use casflake::Layout;
use casflake_lease::Survey;

use super::list::{printable, remaining_ms};
use crate::stop::{Outcome, Stop};

/// The URL parameters that locate an ID space. Other parameters, such as a password or the path of a certificate, are
/// not shown.
const PLACES: [&str; 6] = ["db", "dbname", "host", "hostaddr", "port", "schema"];

/// The largest number of holders that a question names.
const NAMED: usize = 3;

/// Asks the operator a question. Fails if the answer is not yes, or if stdin is not a terminal. If the option `--yes`
/// is given, `yes` is true. Then this function asks nothing and succeeds.
pub(super) fn confirm(yes: bool, question: impl FnOnce() -> String) -> Outcome {
    if yes {
        return Ok(());
    }
    let (question, stdin) = (question(), io::stdin());
    if !stdin.is_terminal() {
        return Err(Stop::usage(format_args!(
            "{question} There is no terminal to ask on: if the answer is yes, add --yes"
        )));
    }
    // A question that can't be shown can't be answered, so this is a failure.
    write!(io::stderr(), "{question} (yes/no) ")?;
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Stop::failed(format_args!("the answer can't be read: {error}")))?;
    if is_yes(&answer) { Ok(()) } else { Err(Stop::failed("nothing was done, because the answer was not yes")) }
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.trim().eq_ignore_ascii_case(yes))
}

/// Returns the name and the location of the ID space of a URL, but not the user and the password in the URL. The URL is
/// valid, because `from_url` has accepted it before this call.
pub(super) fn whereabouts(url: &str) -> String {
    let url = url.trim();
    let (url, space) = url.split_once('#').unwrap_or((url, ""));
    let (url, parameters) = url.split_once('?').unwrap_or((url, ""));
    let place = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.eq_ignore_ascii_case("file") => {
            // The host is after the last @, because a password can contain an @, too.
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{host}")
        }
        _ => url.to_owned(),
    };
    let is_shown = |parameter: &&str| PLACES.contains(&parameter.split('=').next().unwrap_or_default());
    let places: Vec<&str> = parameters.split('&').filter(is_shown).collect();
    let mark = if places.is_empty() { "" } else { "?" };
    let place = printable(&format!("{place}{mark}{}", places.join("&")));
    if space.is_empty() { format!("ID space in {place}") } else { format!("ID space {space:?} in {place}") }
}

/// Returns the question that the operator must answer before an ID space grants leases immediately. `survey` is `None`
/// if the ID space does not exist.
pub(super) fn have_all_ended(survey: Option<&Survey>, layout: &Layout, url: &str) -> String {
    let space = whereabouts(url);
    let asked = match survey {
        None => {
            format!(
                "There is no {space} yet. If this ID space existed before, has every process that held a lease of it \
                 ended"
            )
        }
        // If the store has lost no data, it grants no window that overlaps with a lease of these holders. But if it has
        // lost a renewal, a lease of these holders ends later than the store knows.
        Some(survey) => match holders(survey, layout) {
            Some(held) if shows_a_loss(survey, layout) => {
                format!("{held}. Has every process that held a lease of the {space} ended")
            }
            Some(held) => format!(
                "{held}. Has every process that held any other lease of the {space} (any lease at all, if the store \
                 may have lost data) ended"
            ),
            None => format!("Has every process that held a lease of the {space} ended"),
        },
    };
    // A copy lists the holders of its original, but they renew their leases only in the original.
    format!(
        "{asked} for good? (If the ID space is also in use in another place, as a copy or as the original, the answer \
         is no.)"
    )
}

/// Returns whether the survey shows that the store may lack leases or renewals: the record of the ID space is missing,
/// the ID space grants nothing yet because of an earlier loss, or the store is a copy.
fn shows_a_loss(survey: &Survey, layout: &Layout) -> bool {
    let now_ms = survey.unix_ns / 1_000_000;
    survey.is_copy || survey.space.as_ref().is_none_or(|space| remaining_ms(layout, space.floor, now_ms) > 0)
}

/// Returns a sentence about the workers that are held. The sentence names the holders of the first [`NAMED`] workers
/// that are held, and counts the others. Returns `None` if all leases have ended.
fn holders(survey: &Survey, layout: &Layout) -> Option<String> {
    let now_ms = survey.unix_ns / 1_000_000;
    let held = || {
        let held = survey.workers.iter().filter(|worker| remaining_ms(layout, worker.until, now_ms) > 0);
        held.filter_map(|worker| Some((worker.worker, worker.owner.as_deref()?)))
    };
    let count = held().count();
    let named: Vec<String> =
        held().take(NAMED).map(|(worker, owner)| format!("{worker} is held by {}", printable(owner))).collect();
    let others = if count > NAMED { format!(", and {} more are held", count - NAMED) } else { String::new() };
    (count > 0).then(|| format!("Worker {}{others}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use casflake::{Scheme, Standard};
    use casflake_lease::{Lease, Survey, SurveyedSpace, SurveyedWorker, Token};

    use super::{have_all_ended, holders, is_yes, whereabouts};

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
            ("file:/tmp/a@b", "ID space in file:/tmp/a@b"),
            ("file:///tmp/ids", "ID space in file:///tmp/ids"),
            ("redis://:p@ss@host:1/0#orders", "ID space \"orders\" in redis://host:1/0"),
            (" postgres://u:p@h/db?schema=s#o\n", "ID space \"o\" in postgres://h/db?schema=s"),
            ("etcd://h1,h2", "ID space in etcd://h1,h2"),
            ("unix:/run/redis.sock?user=u&pass=p", "ID space in unix:/run/redis.sock"),
            ("unix:/run/redis.sock?pass=a@b&db=3", "ID space in unix:/run/redis.sock?db=3"),
            ("postgres:///d?password=p&host=h&port=1&sslkey=/k", "ID space in postgres:///d?host=h&port=1"),
            ("redis+unix:///run/redis.sock?pass=p", "ID space in redis+unix:///run/redis.sock"),
        ] {
            assert_eq!(whereabouts(url), name);
        }
    }

    #[test]
    fn the_first_holders_are_named_and_the_others_counted() {
        let now_tick = 1_000_000;
        let unix_ns = Standard::LAYOUT.unix_ms_of(now_tick).unwrap() * 1_000_000;
        let worker = |index: u64, until: u64, owner: Option<&str>| {
            let lease = Lease::new(index, 0, until, 1, Token::random().unwrap());
            SurveyedWorker::new(&lease, owner.map(str::to_owned))
        };
        let named = |workers: Vec<SurveyedWorker>| holders(&Survey::new(unix_ns, None, workers), &Standard::LAYOUT);
        let (over, held) = (now_tick, now_tick + 1);
        assert_eq!(named(vec![worker(0, over, Some("a")), worker(1, held, None)]), None, "ended or released");
        assert_eq!(named(vec![worker(7, held, Some("a\n"))]).as_deref(), Some("Worker 7 is held by a\\n"));
        let many = (0..5).map(|index| worker(index, held, Some("h"))).collect();
        let expected = "Worker 0 is held by h, 1 is held by h, 2 is held by h, and 2 more are held";
        assert_eq!(named(many).as_deref(), Some(expected));
    }

    #[test]
    fn the_question_says_that_a_space_does_not_exist() {
        let asked = |survey: Option<&Survey>| have_all_ended(survey, &Standard::LAYOUT, "redis://h#orders");
        let rest = "ended for good? (If the ID space is also in use in another place, as a copy or as the original, \
                    the answer is no.)";
        assert_eq!(
            asked(None),
            format!(
                "There is no ID space \"orders\" in redis://h yet. If this ID space existed before, has every process \
                 that held a lease of it {rest}"
            )
        );
        assert_eq!(
            asked(Some(&Survey::new(0, None, Vec::new()))),
            format!("Has every process that held a lease of the ID space \"orders\" in redis://h {rest}")
        );
    }

    /// Would catch: a question that an operator must answer with no, although the store knows all leases in use; and a
    /// question that leaves out a holder even if the store may have lost a renewal of its lease.
    #[test]
    fn the_question_leaves_out_the_leases_that_the_store_knows() {
        assert_eq!(
            have_all_ended(Some(&held_by_web_1(0)), &Standard::LAYOUT, "redis://h"),
            "Worker 7 is held by web-1. Has every process that held any other lease of the ID space in redis://h (any \
             lease at all, if the store may have lost data) ended for good? (If the ID space is also in use in another \
             place, as a copy or as the original, the answer is no.)"
        );
    }

    /// Would catch: a question that leaves out a holder although the store is known to lack renewals.
    #[test]
    fn the_question_is_about_all_leases_if_the_store_shows_a_loss() {
        let (mut lost, mut copy) = (held_by_web_1(0), held_by_web_1(0));
        lost.space = None;
        copy.is_copy = true;
        for survey in [lost, copy, held_by_web_1(10_000)] {
            let question = have_all_ended(Some(&survey), &Standard::LAYOUT, "redis://h");
            assert!(question.contains("web-1. Has every process that held a lease of the ID space"), "{question}");
        }
    }

    /// Returns a survey at tick 1000. The worker 7 is held until tick 2000, and the space grants leases from `floor`.
    fn held_by_web_1(floor: u64) -> Survey {
        let unix_ns = Standard::LAYOUT.unix_ms_of(1_000).unwrap() * 1_000_000;
        let lease = Lease::new(7, 0, 2_000, 1, Token::random().unwrap());
        let space = SurveyedSpace::new(&Standard::LAYOUT, 8, floor);
        Survey::new(unix_ns, Some(space), vec![SurveyedWorker::new(&lease, Some("web-1".into()))])
    }
}
