//! Looks, once a millisecond, at whether this is still the process that a lease was granted to, and its time the same.

use std::sync::Arc;
use std::{fmt, process};

use casflake::{Clock, SystemClock};

use crate::generator::signal::Signal;
use crate::monotonic::Monotonic;
use crate::sync::{AtomicU64, Ordering};

/// By so many nanoseconds the wall clock and the monotonic clock part when a machine is resumed from an old snapshot,
/// or its clock is set. Slewing does not move them apart by as much between two renewals.
const JUMP: u64 = 1_000_000_000;

/// By so many milliseconds one reading may be behind another of the same clock, which was checked: a jiffy and more.
const LAG: u64 = 16;

/// What a clock reads that must not be believed: after every window.
const NEVER: u64 = u64::MAX;

/// A clock whose readings are watched.
pub(crate) struct Watched<C> {
    pub(crate) clock: C,
    /// The millisecond up to which all was found well. Here, beside the clock, as each call looks at it.
    checked: AtomicU64,
    watch: Arc<Watch>,
}

impl<C> Watched<C> {
    pub(crate) fn new(clock: C, watch: Arc<Watch>) -> Self {
        Self { clock, checked: AtomicU64::new(0), watch }
    }

    /// Whether the reading `now`, in milliseconds, is to be believed.
    #[inline]
    fn believes(&self, now: u64) -> bool {
        // Of a time that is long after this nothing is known: its clock was set back since.
        // ORDERING: Relaxed, as in `check`.
        self.checked.load(Ordering::Relaxed).wrapping_sub(now) <= LAG || self.check(now)
    }

    #[cold]
    fn check(&self, now: u64) -> bool {
        let is_well = self.watch.is_well();
        if is_well {
            // ORDERING: Relaxed. Several threads may check the same millisecond; whichever is last stays.
            self.checked.store(now, Ordering::Relaxed);
        }
        is_well
    }
}

/// What the watched clocks of a process share, of which each generator has its own.
pub(crate) struct Watch {
    /// How far the wall clock was ahead of the monotonic one at the last grant or renewal, modulo 2^64.
    apart: AtomicU64,
    /// 1 where they have moved apart since.
    has_jumped: AtomicU64,
    process: u32,
    monotonic: Monotonic,
    signal: Arc<Signal>,
}

impl Watch {
    pub(crate) fn new(signal: Arc<Signal>) -> Self {
        let watch = Self {
            apart: AtomicU64::new(0),
            has_jumped: AtomicU64::new(0),
            process: process::id(),
            monotonic: Monotonic::new(),
            signal,
        };
        watch.settle(watch.apart_now());
        watch
    }

    /// A grant or a renewal has shown that the lease is this process's, and when the clocks were so far `apart` was now.
    pub(crate) fn settle(&self, apart: u64) {
        // ORDERING: Relaxed, all of them. Each is looked at by itself; a call that sees an old one is refused once
        // more.
        self.apart.store(apart, Ordering::Relaxed);
        self.has_jumped.store(0, Ordering::Relaxed);
    }

    /// Whether a jump was seen and no renewal since.
    pub(crate) fn has_jumped(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.has_jumped.load(Ordering::Relaxed) != 0
    }

    /// Whether this is a fork of the process that the lease was granted to.
    pub(crate) fn is_fork(&self) -> bool {
        process::id() != self.process
    }

    /// Whether this is the process that the lease was granted to, and no clock has jumped since.
    fn is_well(&self) -> bool {
        // A fork must not touch the signal: the thread that held its lock may be the other process's.
        if self.is_fork() || self.has_jumped() {
            return false;
        }
        // ORDERING: Relaxed, as in `settle`.
        let moved = self.apart_now().wrapping_sub(self.apart.load(Ordering::Relaxed));
        if moved.min(moved.wrapping_neg()) > JUMP {
            // ORDERING: Relaxed, as in `settle`.
            self.has_jumped.store(1, Ordering::Relaxed);
            self.signal.ring();
            return false;
        }
        true
    }

    pub(crate) fn apart_now(&self) -> u64 {
        let wall = u64::try_from(SystemClock.precise_unix_ns()).unwrap_or(NEVER);
        wall.wrapping_sub(self.monotonic.nanos())
    }
}

impl<C: Clock> Clock for Watched<C> {
    #[inline]
    fn unix_ms(&self) -> u64 {
        let now = self.clock.unix_ms();
        if self.believes(now) { now } else { NEVER }
    }

    fn precise_unix_ns(&self) -> u128 {
        let now = self.clock.precise_unix_ns();
        let is_believed = self.believes(u64::try_from(now / 1_000_000).unwrap_or(u64::MAX));
        if is_believed { now } else { u128::from(NEVER) * 1_000_000 }
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
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use casflake::{Clock, ManualClock};

    use super::{JUMP, NEVER, Watch, Watched};
    use crate::generator::signal::Signal;
    use crate::sync::Ordering;

    const NOW: u64 = 1_800_000_000_000;

    fn watched() -> (Watched<ManualClock>, Arc<Signal>) {
        let signal = Arc::new(Signal::default());
        let watch = Arc::new(Watch::new(Arc::clone(&signal)));
        (Watched::new(ManualClock::new(NOW), watch), signal)
    }

    /// As if the wall clock had been set by so much since the last renewal.
    fn step(watch: &Watch, nanos: i64) {
        // ORDERING: Relaxed, both: one thread.
        let apart = watch.apart.load(Ordering::Relaxed);
        watch.apart.store(apart.wrapping_add_signed(-nanos), Ordering::Relaxed);
    }

    fn readings(clock: &Watched<ManualClock>) -> [u64; 2] {
        [clock.unix_ms(), u64::try_from(clock.precise_unix_ns() / 1_000_000).unwrap()]
    }

    fn is_rung(signal: &Signal) -> bool {
        let started = Instant::now();
        let _ = signal.sleep(Duration::from_secs(60), false);
        started.elapsed() < Duration::from_secs(30)
    }

    #[test]
    fn a_clock_is_believed_as_long_as_the_wall_clock_keeps_step() {
        for slewed in [0, 500_000_000, -500_000_000] {
            let (clock, _) = watched();
            step(&clock.watch, slewed);
            assert_eq!(readings(&clock), [NOW; 2], "{slewed}");
        }
    }

    #[test]
    fn after_a_jump_nothing_is_believed_until_the_lease_was_renewed() {
        let far = i64::try_from(JUMP).unwrap() + 500_000_000;
        for jump in [far, -far, 3_600_000_000_000, -3_600_000_000_000] {
            let (clock, signal) = watched();
            assert_eq!(readings(&clock), [NOW; 2]);
            step(&clock.watch, jump);
            assert_eq!(readings(&clock), [NOW; 2], "of the millisecond that was looked at before");
            clock.clock.advance(1);
            assert_eq!(readings(&clock), [NEVER; 2], "{jump}");
            assert!(clock.watch.has_jumped() && is_rung(&signal));
            clock.watch.settle(clock.watch.apart_now());
            assert_eq!(readings(&clock), [NOW + 1; 2]);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_looked_at_again() {
        let (mut clock, _) = watched();
        clock.clock.advance(3_600_000);
        assert_eq!(readings(&clock), [NOW + 3_600_000; 2]);
        clock.clock.step_back(3_600_000 - 17);
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        assert_eq!(readings(&clock), [NEVER; 2]);
    }

    #[test]
    fn a_reading_that_lags_is_of_what_was_checked() {
        let (mut clock, _) = watched();
        assert_eq!(readings(&clock), [NOW; 2]);
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        clock.clock.step_back(super::LAG);
        assert_eq!(readings(&clock), [NOW - super::LAG; 2]);
    }

    #[test]
    fn a_fork_believes_nothing_and_rings_for_nobody() {
        let (mut clock, _) = watched();
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        assert!(clock.watch.is_fork());
        assert_eq!(readings(&clock), [NEVER; 2]);
        assert!(!clock.watch.has_jumped());
    }
}
