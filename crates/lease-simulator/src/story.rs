//! `Story`: the trace of a run, for people. It is written only if a seed is replayed, so that a run is fast.
//!
//! Each decision of a keeper is one line: its row, its event, and the next action, such as `row 2: woken -> Renew`. The
//! request that follows has a line of its own, and so has the answer. To get an overview of a long story, search for
//! `event:`, which begins each report to the program, and for `BROKEN`.

use std::cell::RefCell;

use casflake_lease::_simulation::{Next, StartNext};
use casflake_lease::{Change, Lease, Missing, Record, StoreError};

use crate::request::Request;

pub(crate) struct Story {
    lines: Option<RefCell<Vec<String>>>,
}

impl Story {
    pub(crate) fn new(is_told: bool) -> Self {
        Self { lines: is_told.then(RefCell::default) }
    }

    /// Adds a line, with the true time in milliseconds. The text is made only if the story is told.
    pub(crate) fn tell(&self, now: u64, text: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{:>12}.{:03} ms  {}", now / 1_000_000, now / 1000 % 1000, text());
            lines.borrow_mut().push(line);
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.lines.as_ref().map(RefCell::take).unwrap_or_default()
    }
}

/// Returns what a process asks of the store.
pub(crate) fn shown_request(request: &Request) -> String {
    match request {
        Request::Acquire(request) => {
            let creates = if request.missing == Missing::Create { ", and may create the space" } else { "" };
            format!("asks for a lease with {:?}, {}{creates}", request.token, after(request.after))
        }
        Request::Renew(renewal) => {
            let (lease, unanswered) = (shown_lease(&renewal.lease), renewal.unanswered);
            format!("asks to renew {lease}, with {unanswered} unanswered renewals")
        }
        Request::Release(lease, last_tick) => format!("releases {}, {}", shown_lease(lease), after(*last_tick)),
        Request::Others => "asks for the other spaces".into(),
    }
}

fn after(last_tick: Option<u64>) -> String {
    last_tick.map_or_else(|| "after no ID".into(), |tick| format!("after tick {tick}"))
}

pub(crate) fn shown_lease(lease: &Lease) -> String {
    let (worker, window) = (lease.worker(), lease.from()..lease.until());
    format!("worker {worker} for {window:?}, counter {}, {:?}", lease.counter(), lease.token())
}

pub(crate) fn shown_change(change: &Change) -> String {
    let record = |(worker, record): &(u64, Record)| {
        let Record { from, until, counter, token, owner, .. } = record;
        let token = token.map_or_else(|| "free".into(), |token| format!("{token:?}"));
        format!("worker {worker} for {:?}, counter {counter}, {token}, of {owner}", from..until)
    };
    let space = change.space.iter().map(|space| {
        let (version, floor, of) = (space.version, space.floor, &space.incarnation);
        format!("the space, version {version}, floor {floor}, {of}")
    });
    space.chain(change.records.iter().map(record)).collect::<Vec<_>>().join("; ")
}

/// Returns what a keeper does next. The details of a request follow when it is sent.
pub(crate) fn shown_next(next: &Next) -> String {
    match next {
        Next::Rest(rest) => {
            let (deaf, listening) = rest.shortened(0);
            let deaf_for = if listening.is_zero() { "all of it".into() } else { format!("the first {deaf:?}") };
            format!("rests for {:?} at most, {deaf_for} deaf to rings", deaf + listening)
        }
        Next::Renew { .. } => "Renew".into(),
        Next::Acquire { .. } => "Acquire".into(),
        Next::Release { .. } => "Release".into(),
        Next::Publish { lease, from } => format!("Publish from tick {from}: {}", shown_lease(lease)),
        Next::Done { outcome: Err(error), .. } => format!("Done, but not released: {}", shown(error)),
        Next::Done { .. } => "Done".into(),
        Next::Look | Next::Close | Next::DrawToken | Next::End => format!("{next:?}"),
    }
}

/// Returns what `build` does next. The details of a request follow when it is sent.
pub(crate) fn shown_start(next: &StartNext) -> String {
    match next {
        StartNext::Fail(error) => format!("Fail: {}", shown(error)),
        StartNext::Pause(time) => format!("pauses for {time:?}"),
        StartNext::Acquire { .. } => "Acquire".into(),
        StartNext::Make(_) => "Make".into(),
        StartNext::Release(_) => "Release".into(),
        StartNext::Done { .. } => "Done".into(),
        StartNext::DrawToken | StartNext::ListOthers => format!("{next:?}"),
    }
}

/// Returns the text of an error, even if the error can't be displayed.
pub(crate) fn shown(error: &StoreError) -> String {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.to_string())).unwrap_or_else(|_| "(mute)".into())
}
