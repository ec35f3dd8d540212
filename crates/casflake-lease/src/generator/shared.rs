//! `Shared`: the state that the keeper and the calls to a leased generator share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, Scheme};

use super::keeper::FIRST_RETRY;
use super::signal::Signal;
use super::stats::LeaseStats;
use super::switch::{Ended, Switch};
use super::watch::{Watch, Watched};
use crate::causes::Causes;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::sync::{Counter, Ordering};
use crate::terms::duration;

/// The state that the keeper and the calls to the generator share.
pub struct Shared<S, C> {
    pub switch: Switch<S, Watched<C>>,
    pub watch: Arc<Watch>,
    pub signal: Arc<Signal>,
    status: Mutex<Status>,
    /// The number of calls that have failed because there was no lease.
    expired: Counter,
}

/// The latest information that the keeper has about the lease and the store. The statistics come from this information,
/// and so do the errors of calls that have no lease.
#[derive(Debug)]
pub struct Status {
    lease: Lease,
    acquired: u64,
    renewals: u64,
    failures: u64,
    last_error: Option<String>,
    /// If the keeper's last attempt failed with `StoreClockBehind`, this is the `by` of that error. If the last attempt
    /// was a renewal, and the `StoreClock` was ahead of the store's clock by a TTL or more, this is the difference of
    /// the two clocks. Otherwise this is `None`.
    store_behind: Option<Duration>,
    /// How long a call that has no lease should wait before it tries again.
    retry_after: Duration,
}

impl Status {
    const fn holding(lease: Lease) -> Self {
        let (last_error, store_behind, retry_after) = (None, None, FIRST_RETRY);
        Self { lease, acquired: 1, renewals: 0, failures: 0, last_error, store_behind, retry_after }
    }

    /// Records a failure. `pause` is the longest time until the keeper calls the store again.
    pub fn failed(&mut self, error: &StoreError, pause: Duration) {
        // The `Display` form of the store's error may panic. Then another error is recorded, and counted once.
        self.last_error = Some(Causes(error).to_string());
        self.failures += 1;
        self.store_behind = if let StoreError::StoreClockBehind { by } = error { Some(*by) } else { None };
        self.retry_after = error.retry_after().unwrap_or_default().max(pause);
    }

    /// Records a renewal. `behind` is the time by which the store's clock was behind the `StoreClock`, if the
    /// `StoreClock` was moved back.
    pub fn renewed(&mut self, lease: Lease, behind: Option<Duration>) {
        self.renewals += 1;
        self.holds(lease);
        self.store_behind = behind;
    }

    /// Records that the store's clock is behind the `StoreClock` by this time.
    pub const fn is_behind(&mut self, by: Duration) {
        self.store_behind = Some(by);
    }

    fn holds(&mut self, lease: Lease) {
        self.lease = lease;
        self.last_error = None;
        self.store_behind = None;
        self.retry_after = FIRST_RETRY;
    }
}

impl<S: Scheme, C: Clock> Shared<S, C> {
    pub fn new(lease: Lease, first: Generator<S, Watched<C>>, watch: Arc<Watch>, signal: Arc<Signal>) -> Self {
        let (switch, status) = (Switch::new(first), Mutex::new(Status::holding(lease)));
        Self { switch, watch, signal, status, expired: Counter::new(0) }
    }

    pub fn record(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status());
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `generator` the current generator. It issues IDs in the window of `lease`.
    pub fn begin(&self, lease: Lease, generator: Generator<S, Watched<C>>) -> Result<(), Ended> {
        // The lock is held for the whole function, so that the statistics always show a lease together with its own
        // generator.
        let mut status = self.status();
        self.switch.publish(generator)?;
        status.acquired += 1;
        status.holds(lease);
        Ok(())
    }

    /// Counts a call that fails because it has no lease. Returns the error for the caller: `StoreClockBehind` if
    /// `store_behind` is `Some`, otherwise `LeaseExpired`.
    pub fn expired(&self) -> GenerateError {
        // ORDERING: Relaxed. An independent counter; no other memory is read because of it.
        self.expired.fetch_add(1, Ordering::Relaxed);
        let Status { lease, store_behind, retry_after, .. } = *self.status();
        match store_behind {
            Some(by) => GenerateError::StoreClockBehind { by },
            None => GenerateError::LeaseExpired { until_tick: lease.until, retry_after },
        }
    }

    pub fn stats(&self) -> LeaseStats<S> {
        // The lock is taken first, so that `remaining` belongs to the lease in `status`, or to a later renewal of that
        // lease.
        let status = self.status();
        let remaining = if self.watch.has_jumped() { Duration::ZERO } else { self.remaining() };
        // Begins with the statistics of the last generator, and adds the statistics of the earlier generators.
        let mut all = self.switch.all().rev();
        let last = all.next().unwrap_or_else(|| self.switch.current());
        let mut generator = last.stats();
        all.for_each(|earlier| generator.add_earlier(&earlier.stats()));
        LeaseStats {
            worker: last.worker(),
            lease: status.lease,
            remaining,
            acquired: status.acquired,
            renewals: status.renewals,
            failures: status.failures,
            last_error: status.last_error.clone(),
            // ORDERING: Relaxed, as in `expired`.
            expired: self.expired.load(Ordering::Relaxed),
            waiting: self.waiting(),
            generator,
        }
    }

    /// Returns the time from now until the end of the window, according to the generator's clock. Returns 0 if the
    /// window has ended, if the generator is closed, or if the clock can not be trusted. Before the layout's epoch,
    /// returns the time from the epoch until the end of the window.
    pub fn remaining(&self) -> Duration {
        let generator = self.switch.current();
        if generator.is_closed() {
            return Duration::ZERO;
        }
        let unix_ms = generator.clock().unix_ms();
        let ended = || if unix_ms < S::LAYOUT.epoch_unix_ms() { 0 } else { u64::MAX };
        let now_tick = S::LAYOUT.tick_at(unix_ms).unwrap_or_else(ended);
        duration(S::LAYOUT.tick_ms(), generator.fence().saturating_sub(now_tick))
    }
}

impl<S: Scheme, C> Shared<S, C> {
    /// Returns the number of calls that are waiting now, either for the next tick or for the keeper.
    pub fn waiting(&self) -> u64 {
        self.signal.callers() + self.switch.current().waiting()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::time::Duration;
    use std::{error, fmt};

    use super::Status;
    use crate::error::StoreError;
    use crate::lease::Lease;
    use crate::token::Token;

    #[derive(Debug)]
    struct Mute;

    impl fmt::Display for Mute {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            resume_unwind(Box::new("a bug of the store"))
        }
    }

    impl error::Error for Mute {}

    /// Would catch: the failure counts before its text is made, and once more as the failure that is recorded instead.
    #[test]
    fn a_failure_that_can_not_be_displayed_counts_once() {
        let mut status = Status::holding(Lease::new(7, 100, 200, 1, Token::numbered(1)));
        let mut record = |error| catch_unwind(AssertUnwindSafe(|| status.failed(&error, Duration::from_secs(1))));
        assert!(record(StoreError::unavailable("asking", Mute)).is_err());
        assert!(record(StoreError::unavailable("displaying an error of the store", "it has panicked")).is_ok());
        assert_eq!(status.failures, 1);
        assert!(status.last_error.is_some_and(|text| text.contains("displaying")));
    }
}
