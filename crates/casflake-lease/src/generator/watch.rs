//! Checks the readings of a generator's clock. The first reading in each millisecond is trusted only if the current
//! process is still the process that was granted the lease, and if no clock has jumped.

use std::fmt;
use std::sync::Arc;

use casflake::Clock;

use crate::generator::host::Host;
use crate::generator::signal::Signal;
use crate::sync::{AtomicU64, Ordering};

/// A check finds that a clock has jumped if the difference between the wall clock and the monotonic clock has changed
/// by more than `JUMP` nanoseconds since the last grant or renewal. Clocks jump if a machine is resumed from an old
/// snapshot, or if the wall clock is set. A time service that only slews the wall clock changes the difference by less
/// than `JUMP` between two renewals. Each difference is measured to `STALL` nanoseconds.
const JUMP: u64 = 1_000_000_000;

/// A reading is trusted without another check if it equals the last checked reading of the same clock, or is earlier
/// than that reading by at most this many milliseconds. The value is a little more than a jiffy, the interval of the
/// kernel's timer.
const LAG: u64 = 16;

/// [`Watch::apart_now`] reads the monotonic clock before and after the wall clock. If more than `STALL` nanoseconds pass
/// between these two readings, the thread was stalled, and it reads the clocks again.
const STALL: u64 = 10_000_000;

/// The maximum number of times that the clocks are read, so that a machine that stalls each time can't hold a call up.
const TRIES: u32 = 8;

/// A watched clock returns this value if its reading can not be trusted. The value is after the end of every window, so
/// no ID is issued.
const NEVER: u64 = u64::MAX;

/// The value of [`Watched::checked`] if no check counts. Only a reading that is after the end of every window would count
/// as checked. The value is not 0, because a clock reads 0 before 1970.
const UNCHECKED: u64 = NEVER;

/// A clock whose readings are checked by a [`Watch`].
pub struct Watched<C> {
    pub clock: C,
    /// The reading of `clock` at the last check, in Unix milliseconds; `UNCHECKED` if that check has failed, or if there
    /// was none. It is stored next to `clock`, because each call reads both.
    checked: AtomicU64,
    watch: Arc<Watch>,
}

impl<C> Watched<C> {
    pub fn new(clock: C, watch: Arc<Watch>) -> Self {
        Self { clock, checked: AtomicU64::new(UNCHECKED), watch }
    }

    /// Returns whether the reading `now_ms` can be trusted.
    #[inline]
    fn trusts(&self, now_ms: u64) -> bool {
        // If `checked` is long after `now_ms`, the clock has moved back since that check, so the check proves nothing
        // about `now_ms`. A clock that has moved back to `LAG` before `checked`, or less, can't be told from a clock that
        // lags. The IDs are unique nevertheless, because a clock that was set back does not leave the window of this
        // process. ORDERING: Relaxed, as in `check`.
        self.checked.load(Ordering::Relaxed).wrapping_sub(now_ms) <= LAG || self.check(now_ms)
    }

    #[cold]
    fn check(&self, now_ms: u64) -> bool {
        let is_unchanged = self.watch.is_unchanged();
        // If the check has failed, no earlier check counts any more. Otherwise a clock that has moved back would be
        // trusted again for a moment, when it reads the millisecond of that earlier check a second time.
        // ORDERING: Relaxed. Several threads may check at the same time; the last store wins. If it is the store of a
        // check before a jump, a reading is trusted as if the jump were not found yet, see `trusts`.
        self.checked.store(if is_unchanged { now_ms } else { UNCHECKED }, Ordering::Relaxed);
        is_unchanged
    }
}

/// The state that all watched clocks of a `LeasedGenerator` share. A `LeasedGenerator` has one generator for each
/// lease, and each of these generators has a watched clock of its own.
pub struct Watch {
    /// How far the wall clock was ahead of the monotonic clock at the last grant or renewal, in nanoseconds, modulo
    /// 2^64.
    apart: AtomicU64,
    /// The value of `apart` from which a check has found that a clock has jumped. If it differs from `apart`, no check
    /// has found a jump since the last grant or renewal.
    jumped_from: AtomicU64,
    process: u32,
    host: Host,
    signal: Arc<Signal>,
}

impl Watch {
    pub fn new(host: Host, signal: Arc<Signal>) -> Self {
        let watch =
            Self { apart: AtomicU64::new(0), jumped_from: AtomicU64::new(1), process: host.process(), host, signal };
        watch.settle(watch.apart_now());
        watch
    }

    /// Begins to trust the clocks again, because a grant or a renewal has shown that this process holds the lease.
    /// `apart` is the result of a call to `apart_now` before the request for that grant or renewal was sent.
    pub fn settle(&self, apart: u64) {
        // ORDERING: Relaxed, here and below. Each variable is read independently of the others; a call that sees an old
        // value is refused once more.
        self.apart.store(apart, Ordering::Relaxed);
        // Any value that `apart` does not have.
        self.jumped_from.store(!apart, Ordering::Relaxed);
    }

    /// Returns whether a check has found that a clock has jumped since the last grant or renewal.
    pub fn has_jumped(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.jumped_from.load(Ordering::Relaxed) == self.apart.load(Ordering::Relaxed)
    }

    /// Returns whether the current process is a fork of the process that was granted the lease.
    pub fn is_fork(&self) -> bool {
        self.host.process() != self.process
    }

    /// Returns true if the current process is the process that was granted the lease, and no clock has jumped since the
    /// last grant or renewal.
    fn is_unchanged(&self) -> bool {
        // A fork must not use the signal, because the lock of the signal may be held by a thread that exists only in
        // the parent process.
        if self.is_fork() || self.has_jumped() {
            return false;
        }
        // ORDERING: Relaxed, as in `settle`.
        let apart = self.apart.load(Ordering::Relaxed);
        let moved = self.apart_now().wrapping_sub(apart);
        if moved.min(moved.wrapping_neg()) > JUMP {
            // ORDERING: Relaxed, as in `settle`.
            self.jumped_from.store(apart, Ordering::Relaxed);
            self.signal.ring();
            return false;
        }
        true
    }

    /// Returns how far the wall clock is ahead of the monotonic clock now, in nanoseconds, modulo 2^64. By the monotonic
    /// clock, the result is too small by `STALL` at most, except if the thread was stalled each of `TRIES` times.
    pub fn apart_now(&self) -> u64 {
        let (mut shortest, mut apart) = (u64::MAX, 0);
        for _ in 0..TRIES {
            let before = self.host.monotonic_ns();
            let wall = self.host.wall_ns();
            let after = self.host.monotonic_ns();
            // The time of a stall would count as a jump, or would hide one.
            let stall = after.wrapping_sub(before);
            if stall < shortest {
                (shortest, apart) = (stall, wall.wrapping_sub(after));
            }
            if stall <= STALL {
                break;
            }
        }
        apart
    }

    pub const fn host(&self) -> &Host {
        &self.host
    }
}

impl<C: Clock> Clock for Watched<C> {
    #[inline]
    fn unix_ms(&self) -> u64 {
        let now_ms = self.clock.unix_ms();
        if self.trusts(now_ms) { now_ms } else { NEVER }
    }

    fn precise_unix_ns(&self) -> u128 {
        let now_ns = self.clock.precise_unix_ns();
        let is_trusted = self.trusts(u64::try_from(now_ns / 1_000_000).unwrap_or(u64::MAX));
        if is_trusted { now_ns } else { u128::from(NEVER) * 1_000_000 }
    }

    fn monotonic(&self) -> Option<std::time::Duration> {
        self.clock.monotonic()
    }
}

impl<C: fmt::Debug> fmt::Debug for Watched<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clock.fmt(f)
    }
}

#[cfg(test)]
mod tests;
