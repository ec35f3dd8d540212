//! The sleeps of `Wait::Sleep`. The system wakes a sleeping thread up late. So a call estimates this lateness from
//! earlier sleeps, and asks for a sleep that is shorter by the estimate.

use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_fn, sleep, spin_loop};

/// The first estimate of the lateness, in nanoseconds. Linux allows a timer to be 50 microseconds late, and the first
/// estimate is twice as long.
const FIRST_GUESS: u64 = 100_000;

/// The longest sleep. It is short, so that a call soon notices that the generator was closed or that the clock was set.
const LONGEST: Duration = Duration::from_millis(10);

/// The shortest sleep. A shorter one would not be worth its two context switches.
const SHORTEST: Duration = Duration::from_micros(20);

/// The highest value that the estimate of the lateness can have, in nanoseconds. It is a little more than 15.6 ms, the
/// period of the slowest timers.
const LATEST: u64 = 20_000_000;

/// An estimate of how late the system wakes up a sleeping thread, in nanoseconds. The estimate follows the lateness of
/// the recent sleeps, and is at least as high as the lateness of most sleeps. All threads of a generator share the
/// estimate.
pub(crate) struct Lateness(AtomicU64);

impl Lateness {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(FIRST_GUESS))
        }
    }

    /// Sleeps for `left` minus the estimate, or for [`LONGEST`] minus the estimate if `left` is longer than
    /// [`LONGEST`]. So most sleeps last no longer than `left`. If the difference is less than [`SHORTEST`], `nap` does
    /// not sleep, but spins for a moment. In this case it also lowers the estimate if `is_first` is true, that is, in
    /// the first call of `nap` in a wait.
    ///
    /// Returns the difference if `nap` slept, else 0.
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

/// Returns the new estimate after a sleep. `expected` is the estimate before the sleep, and `late` is how much longer
/// than requested the sleep lasted. The estimate rises fast and falls slowly, so that most sleeps end before the tick
/// begins. One late sleep may be an outlier. So one sleep raises the estimate by at most 12,500 ns or `expected`,
/// whichever is larger.
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

    /// If every sleep is 300,000 ns late, the estimate is almost 300,000 ns after 20 sleeps. If every sleep is punctual
    /// from then on, the estimate is below 50,000 ns after 40 more sleeps.
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

    /// In this test one sleep in twenty is 9 s late, and all others are punctual. Calls still sleep, because the
    /// estimate stays below 250,000 ns, and a tick has 1,000,000 ns.
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

    /// Late sleeps can raise the estimate so high that all calls spin and none sleeps. So a wait without sleeps has to
    /// lower the estimate. Otherwise the estimate would stay high, and all later calls would spin, even if the machine
    /// became punctual again.
    #[test]
    fn the_estimate_falls_if_the_first_sleep_of_a_wait_would_be_too_short() {
        let lateness = Lateness::new();
        lateness.nap(Duration::from_nanos(FIRST_GUESS), false);
        assert_eq!(expected(&lateness), FIRST_GUESS, "a later call of a wait does not count");
        lateness.nap(Duration::from_nanos(FIRST_GUESS), true);
        assert!(expected(&lateness) < FIRST_GUESS);
    }
}
