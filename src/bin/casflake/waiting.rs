//! A word on stderr while a worker is waited for, and why.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use casflake::Layout;
use casflake::lease::{Survey, open};

use crate::numbers::counted;
use crate::stop::{causes, report};

/// For how long nothing is said: most workers are leased by then.
const QUIET: Duration = Duration::from_secs(1);

/// Says once why a worker is waited for, unless it is dropped before.
pub(crate) struct Waiting {
    _over: Sender<()>,
}

impl Waiting {
    /// Begins a wait of up to `patience` for a worker of the store at `url`.
    pub(crate) fn begin(url: &str, layout: Layout, patience: Duration) -> Self {
        let (sender, receiver) = channel();
        let url = url.to_owned();
        // Without it the wait is silent, and nothing else.
        let _ = thread::Builder::new().spawn(move || tell(&receiver, &url, &layout, patience));
        Self { _over: sender }
    }
}

fn tell(over: &Receiver<()>, url: &str, layout: &Layout, patience: Duration) {
    let is_over = |wait| !matches!(over.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
    if is_over(QUIET) {
        return;
    }
    let why = why(url, layout);
    // Asking has taken a while, too.
    if !is_over(Duration::ZERO) {
        report(format_args!("waiting for a worker, up to {} s in all: {why}", patience.as_secs_f64()));
    }
}

/// Looks at the store, and says what keeps it from granting.
fn why(url: &str, layout: &Layout) -> String {
    let survey = open(url).and_then(|mut store| store.survey());
    match survey {
        Ok(survey) => reason(&survey, layout),
        Err(error) => causes(&error),
    }
}

fn reason(survey: &Survey, layout: &Layout) -> String {
    let Some(space) = &survey.space else { return "the ID space has lost its own record".into() };
    let now_ms = survey.unix_nanos / 1_000_000;
    let left = |tick| layout.unix_ms_of(tick).unwrap_or(u64::MAX).saturating_sub(now_ms);
    let floor = left(space.floor);
    if floor > 0 {
        return format!("the ID space is new or has lost something, and grants in {} s", floor.div_ceil(1000));
    }
    let ends: Vec<u64> = survey.workers.iter().map(|worker| left(worker.until)).filter(|left| *left > 0).collect();
    match ends.iter().min() {
        Some(first) if ends.len() as u64 >= space.workers => format!(
            "each of {} is leased, and the first is free in {} s, unless it is renewed",
            counted(space.workers, "worker"),
            first.div_ceil(1000)
        ),
        _ => "the store has not answered yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use casflake::lease::{Lease, Survey, SurveyedSpace, SurveyedWorker, Token};
    use casflake::{Scheme, Standard};

    use super::reason;

    #[test]
    fn the_reason_for_a_wait_is_what_the_store_holds() {
        let now = 1_000_000;
        let said = |workers: u64, floor: u64, untils: &[u64]| {
            let unix_nanos = Standard::LAYOUT.unix_ms_of(now).unwrap() * 1_000_000;
            let leased = untils.iter().zip(0..).map(|(&until, index)| {
                SurveyedWorker::new(&Lease::new(index, 0, until, 1, Token::random().unwrap()), None)
            });
            let space = SurveyedSpace::new(&Standard::LAYOUT, workers, floor);
            reason(&Survey::new(unix_nanos, Some(space), leased.collect()), &Standard::LAYOUT)
        };
        assert!(said(1, now + 1_001, &[]).contains("grants in 2 s"));
        assert!(said(1, now, &[now + 3_000]).starts_with("each of 1 worker is leased, and the first is free in 3 s"));
        assert!(
            said(2, 0, &[now + 9_000, now + 4_000])
                .starts_with("each of 2 workers is leased, and the first is free in 4 s")
        );
        assert!(said(2, 0, &[now, now + 4_000]).contains("not answered"));
    }
}
