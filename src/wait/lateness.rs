//! The sleeps of `Wait::Sleep`. Their length is estimated from how late the system has woken threads up before.

use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_fn, sleep, spin_loop};

/// The estimate of a new generator, in nanoseconds. Linux allows a timer to be 50 microseconds late.
const FIRST_GUESS: u64 = 100_000;

/// The longest sleep. It is short, so that a call soon notices that the generator was closed or that the clock was set.
const LONGEST: Duration = Duration::from_millis(10);

/// The shortest sleep. A shorter one would not be worth its two context switches.
const SHORTEST: Duration = Duration::from_micros(20);

/// The highest estimate, in nanoseconds. It is a little more than 15.6 ms, the period of the slowest timers.
const LATEST: u64 = 20_000_000;

/// An estimate of how late the system wakes threads up, in nanoseconds. Most recent sleeps were no later than this. All
/// threads share the estimate.
pub(crate) struct Lateness(AtomicU64);

impl Lateness {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(FIRST_GUESS))
        }
    }

    /// Sleeps until some time before `left` is over, or spins for a moment if the sleep would be too short. Returns the
    /// time that the thread has slept, or less. `is_first` says whether this is the first call of a wait.
    pub(crate) fn nap(&self, left: Duration, is_first: bool) -> Duration {
        // ORDERING: Relaxed, here and below. Only the length of a sleep depends on the estimate. If two threads update
        // it together, one update is lost, which does no harm.
        let expected = self.0.load(Ordering::Relaxed);
        let time = left.min(LONGEST).saturating_sub(Duration::from_nanos(expected));
        if time < SHORTEST {
            spin_loop();
            // The estimate is lowered here, too. If only sleeps changed it, an estimate so high that no call sleeps
            // would stay high, even if the machine became punctual again.
            if is_first {
                // ORDERING: Relaxed, as above.
                self.0.store(expected - expected / 64, Ordering::Relaxed);
            }
            return Duration::ZERO;
        }
        let Some(late) = sleep(time) else {
            return Duration::ZERO;
        };
        // ORDERING: Relaxed, as above.
        self.0.store(updated(expected, late), Ordering::Relaxed);
        time
    }
}

/// Returns the new estimate after a sleep that lasted longer than asked by `late`. `expected` is the estimate before
/// the sleep. The estimate rises fast and falls slowly, so that most sleeps end before the tick begins. One sleep can't
/// raise the estimate to more than about twice its value, because this sleep may be an outlier.
fn updated(expected: u64, late: Duration) -> u64 {
    let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX).min(LATEST);
    match late.checked_sub(expected) {
        Some(more) => expected + (more / 4).min(expected.max(FIRST_GUESS / 8)),
        None => expected - (expected - late) / 16,
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use core::time::Duration;

    use super::{FIRST_GUESS, LATEST, LONGEST, Lateness, updated};
    use crate::sync::Ordering;

    fn expected(lateness: &Lateness) -> u64 {
        // ORDERING: Relaxed. One thread.
        lateness.0.load(Ordering::Relaxed)
    }

    /// The estimate soon rises to the lateness that the machine always has. If the machine is punctual again, the
    /// estimate falls a little more slowly.
    #[test]
    fn the_estimate_follows_the_machine() {
        let after = |start, late: u64, sleeps| {
            let late = Duration::from_nanos(late);
            (0..sleeps).fold(start, |expected, _| updated(expected, late))
        };
        assert!((290_000..=300_000).contains(&after(FIRST_GUESS, 300_000, 20)));
        assert!((0..50_000).contains(&after(300_000, 0, 40)));
        assert_eq!(updated(80_000, Duration::from_nanos(80_000)), 80_000);
    }

    /// If one sleep in twenty is late, calls still sleep, because the estimate stays far below the length of a tick,
    /// which is a million nanoseconds.
    #[test]
    fn rare_outliers_leave_most_of_the_tick_to_sleep() {
        let highest = (0..200).scan(FIRST_GUESS, |expected, sleep| {
            *expected = updated(*expected, if sleep % 20 == 0 { Duration::from_secs(9) } else { Duration::ZERO });
            Some(*expected)
        });
        assert!(highest.max().is_some_and(|highest| highest < 250_000));
    }

    #[test]
    fn the_estimate_stays_between_0_and_the_latest() {
        let after = |late, sleeps| (0..sleeps).fold(FIRST_GUESS, |expected, _| updated(expected, late));
        assert!((LATEST - 10..=LATEST).contains(&after(Duration::MAX, 100)));
        assert!(after(Duration::ZERO, 1000) < 20);
        assert!(updated(0, Duration::MAX) > 0, "it rises even from 0");
    }

    #[test]
    fn no_sleep_is_longer_than_the_time_left_or_the_longest() {
        for (left, slept) in [
            (Duration::from_secs(3600), LONGEST - Duration::from_nanos(FIRST_GUESS)),
            (Duration::from_millis(1), Duration::from_nanos(1_000_000 - FIRST_GUESS)),
            (Duration::from_nanos(FIRST_GUESS), Duration::ZERO),
            (Duration::ZERO, Duration::ZERO),
        ] {
            assert_eq!(Lateness::new().nap(left, true), slept);
        }
    }

    /// If the estimate did not fall here, calls that spin through a whole tick because of one outlier would spin
    /// through every later tick, too.
    #[test]
    fn the_estimate_falls_if_the_first_sleep_of_a_wait_would_be_too_short() {
        let lateness = Lateness::new();
        lateness.nap(Duration::from_nanos(FIRST_GUESS), false);
        assert_eq!(expected(&lateness), FIRST_GUESS, "a later call of a wait does not count");
        lateness.nap(Duration::from_nanos(FIRST_GUESS), true);
        assert!(expected(&lateness) < FIRST_GUESS);
    }
}
