//! `Events`: reports the events of a lease to `tracing` and to a callback, and limits the number of reports of an
//! outage.

mod event;

use std::fmt;
use std::time::Duration;

pub use self::event::LeaseEvent;
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;
use crate::panics::catching_panics;

/// The minimum time between two reports of the same outage, or of the same wait for a worker.
const AGAIN: Duration = Duration::from_secs(10);

/// The callback that the program has set.
pub type Callback = Box<dyn FnMut(&LeaseEvent<'_>) + Send>;

/// Logs `note` as a warning of `tracing`. The note names the parameters of a store's URL that have no effect.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "without `tracing` there is nothing to do"))]
pub fn noted(note: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "casflake::lease", "{note}");
}

/// Reports the events of one generator, and remembers past reports so that reports are not repeated too often.
#[derive(Default)]
pub struct Events {
    callback: Option<Callback>,
    /// The moment at which the wait for the first worker was last reported.
    waiting: Option<Duration>,
    outage: Option<Outage>,
    /// Whether the end of the lease was reported. The end is not reported again until the lease is renewed or replaced.
    has_ended: bool,
}

/// A period in which every call to the store has failed.
#[derive(Debug)]
struct Outage {
    since: Duration,
    reported: Duration,
    failures: u64,
}

impl Events {
    pub fn call(&mut self, callback: Callback) {
        self.callback = Some(callback);
    }

    /// Reports that no worker was granted, and that the caller retries. Reports nothing if the last such report was
    /// less than `AGAIN` ago. `now` is the time of the failure.
    pub fn waiting(&mut self, error: &StoreError, now: Duration) {
        if self.waiting.is_none_or(|reported| now.saturating_sub(reported) >= AGAIN) {
            self.waiting = Some(now);
            self.report(&LeaseEvent::Waiting { error });
        }
    }

    /// Reports a grant. `remaining` is how long the window still lasts according to the generator's own clock. It is
    /// zero if that clock is already past the window.
    pub fn acquired(&mut self, lease: &Lease, remaining: Duration, now: Duration) {
        self.recovered(lease.worker, remaining, now);
        self.report(&LeaseEvent::Acquired { lease: *lease });
    }

    /// Reports a renewal. `remaining` has the same meaning as for [`acquired`](Self::acquired).
    pub fn renewed(&mut self, lease: &Lease, remaining: Duration, now: Duration) {
        self.recovered(lease.worker, remaining, now);
        self.report(&LeaseEvent::Renewed { lease: *lease });
    }

    /// Reports the first failure of an outage. Reports a later failure only if the last report was at least `AGAIN`
    /// ago. `now` is the time of the failure, and `remaining` is how long the window still lasted then.
    pub fn failed(&mut self, worker: u64, remaining: Duration, error: &StoreError, now: Duration) {
        let Some(outage) = &mut self.outage else {
            self.outage = Some(Outage { since: now, reported: now, failures: 1 });
            return self.report(&LeaseEvent::StoreFailed { worker, remaining, error });
        };
        outage.failures += 1;
        let failures = outage.failures;
        if now.saturating_sub(outage.reported) >= AGAIN {
            outage.reported = now;
            self.report(&LeaseEvent::StillFailing { worker, remaining, failures, error });
        }
    }

    /// Reports that the window has ended, and that calls fail. Reports it only once until the lease is renewed or
    /// replaced.
    pub fn ended(&mut self, worker: u64) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.report(&LeaseEvent::Ended { worker });
        }
    }

    pub fn lost(&mut self, worker: u64, reason: LostReason) {
        self.report(&LeaseEvent::Lost { worker, reason });
    }

    pub fn released(&mut self, worker: u64) {
        self.report(&LeaseEvent::Released { worker });
    }

    pub fn not_released(&mut self, worker: u64, error: &StoreError) {
        self.report(&LeaseEvent::NotReleased { worker, error });
    }

    /// If the store had failed or the lease had ended, reports that the generator has a lease again. Reports nothing if
    /// `remaining` is zero. Call this function after the store has granted or renewed a lease.
    fn recovered(&mut self, worker: u64, remaining: Duration, now: Duration) {
        if remaining.is_zero() {
            return;
        }
        let outage = self.outage.take();
        let has_ended = std::mem::take(&mut self.has_ended);
        if let Some(Outage { since, failures, .. }) = outage {
            self.report(&LeaseEvent::Recovered { worker, failures, after: now.saturating_sub(since) });
        } else if has_ended {
            self.report(&LeaseEvent::Recovered { worker, failures: 0, after: Duration::ZERO });
        }
    }

    fn report(&mut self, event: &LeaseEvent<'_>) {
        // A panic in a `tracing` subscriber or in the callback must not end the keeper's thread or `build`.
        let _ = catching_panics(|| event.trace());
        if let Some(callback) = &mut self.callback {
            let _ = catching_panics(|| callback(event));
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("has_callback", &self.callback.is_some()).field("outage", &self.outage).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{AGAIN, Events, StoreError};
    use crate::lease::Lease;
    use crate::token::Token;

    fn recorded() -> (Events, Arc<Mutex<Vec<String>>>) {
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut events = Events::default();
        let recorder = Arc::clone(&log);
        events.call(Box::new(move |event| recorder.lock().unwrap().push(event.to_string())));
        (events, log)
    }

    fn reported(log: &Mutex<Vec<String>>) -> Vec<String> {
        std::mem::take(&mut *log.lock().unwrap())
    }

    fn lease() -> Lease {
        Lease::new(7, 100, 200, 1, Token::numbered(1))
    }

    #[test]
    fn an_outage_is_reported_when_it_begins_and_every_ten_seconds() {
        let (mut events, log) = recorded();
        let (start, error) = (Duration::from_secs(1000), StoreError::unavailable("asking", "no store"));
        let mut fail = |millis: u64| {
            events.failed(7, Duration::from_secs(20), &error, start + Duration::from_millis(millis));
            reported(&log).len()
        };
        assert_eq!(fail(0), 1);
        assert_eq!((1..100).map(|tenth| fail(tenth * 100)).sum::<usize>(), 0);
        assert_eq!((fail(10_000), fail(10_001), fail(19_999), fail(20_000)), (1, 0, 0, 1));
        events.renewed(&lease(), AGAIN, start + 2 * AGAIN);
        let reported = reported(&log);
        assert!(reported[0].contains("after 20.0 s and 104 failures"), "{reported:?}");
        assert_eq!(reported.len(), 2);
    }

    #[test]
    fn the_end_of_a_lease_is_reported_once_until_it_is_renewed() {
        let (mut events, log) = recorded();
        (0..3).for_each(|_| events.ended(7));
        assert_eq!(reported(&log).len(), 1);
        events.renewed(&lease(), Duration::ZERO, Duration::from_secs(1000));
        events.ended(7);
        assert_eq!(reported(&log).len(), 1, "renewed, but ended by this host's clock");
        events.renewed(&lease(), AGAIN, Duration::from_secs(1000));
        assert_eq!(reported(&log).len(), 2, "recovered, and renewed");
        events.ended(7);
        assert_eq!(reported(&log).len(), 1);
    }

    #[test]
    fn a_wait_for_a_worker_is_reported_when_it_begins_and_every_ten_seconds() {
        let (mut events, log) = recorded();
        let (start, error) = (Duration::from_secs(1000), StoreError::Contended { attempts: 1 });
        let mut wait = |seconds| {
            events.waiting(&error, start + Duration::from_secs(seconds));
            reported(&log).len()
        };
        assert_eq!((wait(0), wait(1), wait(9), wait(10), wait(11)), (1, 0, 0, 1, 0));
    }

    #[test]
    fn events_show_whether_there_is_a_callback_and_an_outage() {
        assert_eq!(format!("{:?}", Events::default()), "Events { has_callback: false, outage: None }");
        assert_eq!(format!("{:?}", recorded().0), "Events { has_callback: true, outage: None }");
    }

    #[test]
    fn a_callback_that_panics_does_not_end_the_thread() {
        let mut events = Events::default();
        events.call(Box::new(|_| panic!("a bug of the program")));
        events.released(7);
    }
}
