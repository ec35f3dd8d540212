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
/// than `JUMP` between two renewals.
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
        // lags. Each window belongs to one holder, so its IDs are unique nevertheless. ORDERING: Relaxed, as in `check`.
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
    /// 1 if a check has found that a clock has jumped since the last grant or renewal, otherwise 0.
    has_jumped: AtomicU64,
    process: u32,
    host: Host,
    signal: Arc<Signal>,
}

impl Watch {
    pub fn new(host: Host, signal: Arc<Signal>) -> Self {
        let watch =
            Self { apart: AtomicU64::new(0), has_jumped: AtomicU64::new(0), process: host.process(), host, signal };
        watch.settle(watch.apart_now());
        watch
    }

    /// Begins to trust the clocks again, because a grant or a renewal has shown that this process holds the lease.
    /// `apart` is the result of a call to `apart_now` before the request for that grant or renewal was sent.
    pub fn settle(&self, apart: u64) {
        // ORDERING: Relaxed, here and below. Each variable is read independently of the others; a call that sees an old
        // value is refused once more.
        self.apart.store(apart, Ordering::Relaxed);
        self.has_jumped.store(0, Ordering::Relaxed);
    }

    /// Returns whether a check has found that a clock has jumped since the last grant or renewal.
    pub fn has_jumped(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.has_jumped.load(Ordering::Relaxed) != 0
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
        let moved = self.apart_now().wrapping_sub(self.apart.load(Ordering::Relaxed));
        if moved.min(moved.wrapping_neg()) > JUMP {
            // ORDERING: Relaxed, as in `settle`.
            self.has_jumped.store(1, Ordering::Relaxed);
            self.signal.ring();
            return false;
        }
        true
    }

    /// Returns how far the wall clock is ahead of the monotonic clock now, in nanoseconds, modulo 2^64. The result is
    /// wrong by `STALL` at most, except if the thread was stalled at each of `TRIES` readings.
    pub fn apart_now(&self) -> u64 {
        let mut tries = 1;
        loop {
            let before = self.host.monotonic_ns();
            let wall = self.host.wall_ns();
            let after = self.host.monotonic_ns();
            // The time of a stall would count as a jump, or would hide one.
            if after.wrapping_sub(before) <= STALL || tries == TRIES {
                return wall.wrapping_sub(after);
            }
            tries += 1;
        }
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
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use casflake::{Clock, ManualClock};

    use super::{Host, JUMP, NEVER, STALL, TRIES, Watch, Watched};
    use crate::generator::host::Imagined;
    use crate::generator::signal::Signal;
    use crate::sync::{AtomicU64, Ordering};

    const NOW: u64 = 1_800_000_000_000;

    fn watched() -> (Watched<ManualClock>, Arc<Signal>) {
        let signal = Arc::new(Signal::default());
        let watch = Arc::new(Watch::new(Host::real(), Arc::clone(&signal)));
        (Watched::new(ManualClock::new(NOW), watch), signal)
    }

    /// Changes `watch` as if the wall clock had moved forward by `nanos` since the last renewal. A negative `nanos`
    /// moves the wall clock back.
    fn step(watch: &Watch, nanos: i64) {
        // ORDERING: Relaxed for both, because only one thread uses the variable.
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
    fn a_clock_is_trusted_while_the_wall_clock_keeps_step() {
        for slewed in [0, 500_000_000, -500_000_000] {
            let (clock, _) = watched();
            step(&clock.watch, slewed);
            assert_eq!(readings(&clock), [NOW; 2], "{slewed}");
        }
    }

    #[test]
    fn after_a_jump_no_reading_is_trusted_until_a_renewal() {
        let far = i64::try_from(JUMP).unwrap() + 500_000_000;
        for jump in [far, -far, 3_600_000_000_000, -3_600_000_000_000] {
            let (clock, signal) = watched();
            assert_eq!(readings(&clock), [NOW; 2]);
            step(&clock.watch, jump);
            assert_eq!(readings(&clock), [NOW; 2], "the millisecond that was checked before");
            clock.clock.advance(1);
            assert_eq!(readings(&clock), [NEVER; 2], "{jump}");
            assert!(clock.watch.has_jumped() && is_rung(&signal));
            clock.watch.settle(clock.watch.apart_now());
            assert_eq!(readings(&clock), [NOW + 1; 2]);
        }
    }

    /// Would catch: a clock that has moved back is trusted while it reads what it read before a jump was found.
    #[test]
    fn after_a_failed_check_no_earlier_check_counts() {
        let (clock, _) = watched();
        assert_eq!(readings(&clock), [NOW; 2]);
        step(&clock.watch, 3_600_000_000_000);
        clock.clock.step_back(5000);
        assert_eq!(readings(&clock), [NEVER; 2]);
        clock.clock.advance(5000);
        assert_eq!(readings(&clock), [NEVER; 2]);
    }

    /// A host whose clocks keep step, and on which each reading takes the time that `takes_ns` returns for its number.
    struct Stalling<F> {
        now_ns: AtomicU64,
        readings: AtomicU64,
        takes_ns: F,
    }

    impl<F: Fn(u64) -> u64 + Send + Sync> Imagined for Stalling<F> {
        fn wall_ns(&self) -> u64 {
            NOW * 1_000_000 + self.monotonic_ns()
        }

        fn monotonic_ns(&self) -> u64 {
            // ORDERING: Relaxed for both, because only one thread uses the host.
            let nth = self.readings.fetch_add(1, Ordering::Relaxed);
            self.now_ns.fetch_add((self.takes_ns)(nth), Ordering::Relaxed)
        }

        fn process(&self) -> u32 {
            1
        }
    }

    fn apart_on(takes_ns: impl Fn(u64) -> u64 + Send + Sync + 'static) -> (u64, u64) {
        let host = Arc::new(Stalling { now_ns: AtomicU64::new(0), readings: AtomicU64::new(0), takes_ns });
        let watch = Watch::new(Host::imagined(Arc::clone(&host) as _), Arc::new(Signal::default()));
        // ORDERING: Relaxed, as above.
        (watch.apart.load(Ordering::Relaxed).abs_diff(NOW * 1_000_000), host.readings.load(Ordering::Relaxed))
    }

    /// Would catch: a thread that is stalled between two readings, so that the time of the stall counts as a jump, or
    /// hides one.
    #[test]
    fn l12_a_stall_between_the_readings_of_two_clocks_is_no_jump_and_hides_none() {
        for stalled in 0..7 {
            let (wrong_by, _) = apart_on(move |nth| if nth == stalled { 900_000_000 } else { 1000 });
            assert!(wrong_by <= STALL, "wrong by {wrong_by} ns if reading {stalled} is stalled");
        }
        assert_eq!(apart_on(|_| STALL / 2), (STALL / 2, 3), "read once");
        assert_eq!(apart_on(|_| STALL).1, u64::from(3 * TRIES), "a machine that stalls each time ends it too");
    }

    #[test]
    fn a_clock_that_moves_back_is_checked_again() {
        let (mut clock, _) = watched();
        clock.clock.advance(3_600_000);
        assert_eq!(readings(&clock), [NOW + 3_600_000; 2]);
        clock.clock.step_back(3_600_000 - 17);
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        assert_eq!(readings(&clock), [NEVER; 2]);
    }

    #[test]
    fn a_reading_that_lags_slightly_is_not_checked_again() {
        let (mut clock, _) = watched();
        assert_eq!(readings(&clock), [NOW; 2]);
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        clock.clock.step_back(super::LAG);
        assert_eq!(readings(&clock), [NOW - super::LAG; 2]);
    }

    #[test]
    fn a_watched_clock_is_its_clock_in_all_else() {
        let (clock, _) = watched();
        let (before, monotonic) = (clock.clock.monotonic(), clock.monotonic());
        assert!(before.is_some() && monotonic >= before && monotonic <= clock.clock.monotonic());
        assert_eq!(format!("{clock:?}"), format!("{:?}", clock.clock));
    }

    /// Would catch: a reading of 0, which every clock returns before 1970, that counts as checked before any check.
    #[test]
    fn a_reading_of_zero_is_checked() {
        let (mut clock, _) = watched();
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        clock.clock.step_back(NOW);
        assert_eq!(readings(&clock), [NEVER; 2]);
    }

    #[test]
    fn a_fork_trusts_no_reading_and_does_not_ring() {
        let (mut clock, _) = watched();
        Arc::get_mut(&mut clock.watch).unwrap().process ^= 1;
        assert!(clock.watch.is_fork());
        assert_eq!(readings(&clock), [NEVER; 2]);
        assert!(!clock.watch.has_jumped());
    }
}
