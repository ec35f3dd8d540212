//! `Account`: the facts that the verdict knows about one process: the windows that it was granted, its IDs, and the
//! numbers that its statistics must show.

use std::ops::RangeInclusive;

use casflake_lease::{Lease, Token};

/// A window that the store has granted, and of which the process has heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) worker: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) token: Token,
    /// The number of calls that had begun when the process had been told that the lease is another's.
    pub(crate) revoked: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) windows: Vec<Window>,
    /// The highest ID that a call has returned.
    pub(crate) highest_id: Option<u64>,
    /// The highest reading of the clock, in milliseconds.
    pub(crate) highest_ms: u64,
    /// The true times at which the clock was set, each with its reading right before.
    pub(crate) sets: Vec<(u64, u64)>,
    /// How far the wall clock was ahead of the monotonic clock when the last request that was answered was sent.
    pub(crate) apart: i64,
    /// The number of calls that had begun when the clocks were last as far apart as then.
    pub(crate) last_in_step: u64,
    /// The last reading of the generator's clock before a clock has jumped, in milliseconds.
    pub(crate) before_jump_ms: u64,
    /// The number of calls that had begun when the generator was drained or shut down.
    pub(crate) ended: Option<u64>,
    /// The true time of the last ID.
    pub(crate) issued_at: Option<u64>,
    pub(crate) ids: u64,
    pub(crate) acquired: u64,
    pub(crate) renewals: u64,
    pub(crate) failures: u64,
    pub(crate) expired: u64,
    /// Whether a call has ended with a panic, so that its IDs are lost.
    pub(crate) has_panicked: bool,
    /// The reading of the clock at the fork.
    pub(crate) fork_ms: u64,
    pub(crate) events: Seen,
}

/// The largest change of the difference of both clocks that the watch does not notice, with some room for drift.
const JUMP_NS: i64 = 1_100_000_000;

/// After a jump, a reading that a clock has shown before the jump is still trusted, and so is a reading that is earlier
/// by at most this many milliseconds, see `LAG` of the watch.
const LAG_MS: u64 = 16;

/// The state that follows from the events so far.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) is_failing: bool,
    pub(crate) has_ended: bool,
    pub(crate) is_over: bool,
    pub(crate) acquired: u64,
    pub(crate) renewed: u64,
}

impl Account {
    /// Returns the highest reading right before the clock was set, from the true time `since` on; 0 if it was not set.
    pub(crate) fn highest_since(&self, since: u64) -> u64 {
        let sets = self.sets.iter().rev().take_while(|(at, _)| *at >= since);
        sets.map(|(_, reading)| *reading).max().unwrap_or(0)
    }

    /// Returns whether a clock has jumped since the last request that was answered. `apart` is how far the wall clock is
    /// ahead of the monotonic clock.
    pub(crate) const fn has_jumped(&self, apart: i64) -> bool {
        apart.wrapping_sub(self.apart).abs() > JUMP_NS
    }

    /// Returns whether one of these readings may be one that was checked before a clock has jumped. The last reading
    /// before the jump may itself be earlier than the last one that was checked.
    pub(crate) const fn may_be_checked(&self, readings_ms: RangeInclusive<u64>) -> bool {
        *readings_ms.start() <= self.before_jump_ms + LAG_MS && self.before_jump_ms <= *readings_ms.end() + LAG_MS
    }

    /// Notes a grant of which the process has heard.
    pub(crate) fn granted(&mut self, lease: &Lease) {
        let (worker, from, until, token) = (lease.worker(), lease.from(), lease.until(), lease.token());
        self.windows.push(Window { worker, from, until, token, revoked: None });
    }

    /// Notes a renewal of which the process has heard. Returns whether the process holds such a lease.
    pub(crate) fn renewed(&mut self, lease: &Lease, max_until: u64) -> bool {
        let is_it = |w: &&mut Window| (w.worker, w.from, w.token) == (lease.worker(), lease.from(), lease.token());
        let Some(window) = self.windows.iter_mut().rev().find(is_it) else { return false };
        if lease.until() <= max_until {
            window.until = window.until.max(lease.until());
        }
        true
    }

    /// Notes that the process has heard that its lease is another's.
    pub(crate) fn revoke(&mut self, calls: u64) {
        if let Some(window) = self.windows.last_mut() {
            window.revoked.get_or_insert(calls);
        }
    }
}
