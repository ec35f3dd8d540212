//! `Wait::Park`: how long to sleep, learnt from how late the system wakes its threads up.

use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_fn, sleep, spin_loop};

/// What a machine is taken for that nobody has slept on yet: Linux lets a timer be late by 50 microseconds.
const FIRST_GUESS: u64 = 100_000;

/// The longest time to sleep at once, so that a generator's end and a clock that was set are noticed soon.
const LONGEST: Duration = Duration::from_millis(10);

/// A shorter sleep is not worth its two switches of context.
const SHORTEST: Duration = Duration::from_micros(20);

/// The latest that a machine is taken for: a little over the slowest timers there are, of 15.6 ms.
const LATEST: u64 = 20_000_000;

/// How late sleeping threads have been woken of late, in nanoseconds: most of them, not all. One for all threads.
pub(crate) struct Lateness(AtomicU64);

impl Lateness {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(FIRST_GUESS))
        }
    }

    /// Sleeps until some time before `until` is over, or spins for a moment where that would be hardly any time.
    /// Returns how long it has slept, at least. `is_first`: the first of its wait.
    pub(crate) fn nap(&self, until: Duration, is_first: bool) -> Duration {
        // ORDERING: Relaxed, and so below. An estimate, on which nothing but the length of a sleep depends; where two
        // learn at once one lesson is lost.
        let expected = self.0.load(Ordering::Relaxed);
        let time = until.min(LONGEST).saturating_sub(Duration::from_nanos(expected));
        if time < SHORTEST {
            spin_loop();
            // Who never sleeps never learns that the machine has become punctual again.
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
        self.0.store(learnt(expected, late), Ordering::Relaxed);
        time
    }
}

/// What to expect after a sleep that was `late`: quick to rise and slow to fall, so that most sleeps end in time; but
/// no more than twice what it was, for one sleep may say more of its moment than of the machine.
fn learnt(expected: u64, late: Duration) -> u64 {
    let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX).min(LATEST);
    match late.checked_sub(expected) {
        Some(more) => expected + (more / 4).min(expected.max(FIRST_GUESS / 8)),
        None => expected - (expected - late) / 16,
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use core::time::Duration;

    use super::{FIRST_GUESS, LATEST, LONGEST, Lateness, learnt};
    use crate::sync::Ordering;

    fn expected(lateness: &Lateness) -> u64 {
        // ORDERING: Relaxed. One thread.
        lateness.0.load(Ordering::Relaxed)
    }

    /// A machine that is always so late is taken for that soon, and one that is punctual again a little later.
    #[test]
    fn what_is_learnt_follows_the_machine() {
        let after = |start, late: u64, sleeps| {
            let late = Duration::from_nanos(late);
            (0..sleeps).fold(start, |expected, _| learnt(expected, late))
        };
        assert!((290_000..=300_000).contains(&after(FIRST_GUESS, 300_000, 20)));
        assert!((0..50_000).contains(&after(300_000, 0, 40)));
        assert_eq!(learnt(80_000, Duration::from_nanos(80_000)), 80_000);
    }

    /// One sleep in twenty that is late does not end sleeping: the tick is a million nanoseconds long.
    #[test]
    fn a_rare_outlier_leaves_most_of_the_tick_to_sleep() {
        let highest = (0..200).scan(FIRST_GUESS, |expected, sleep| {
            *expected = learnt(*expected, if sleep % 20 == 0 { Duration::from_secs(9) } else { Duration::ZERO });
            Some(*expected)
        });
        assert!(highest.max().is_some_and(|highest| highest < 250_000));
    }

    #[test]
    fn no_machine_is_taken_for_later_than_the_latest_nor_for_early() {
        let after = |late, sleeps| (0..sleeps).fold(FIRST_GUESS, |expected, _| learnt(expected, late));
        assert!((LATEST - 10..=LATEST).contains(&after(Duration::MAX, 100)));
        assert!(after(Duration::ZERO, 1000) < 20);
        assert!(learnt(0, Duration::MAX) > 0, "even from nothing it rises");
    }

    #[test]
    fn no_sleep_is_longer_than_the_wait_or_than_the_longest() {
        for (until, slept) in [
            (Duration::from_secs(3600), LONGEST - Duration::from_nanos(FIRST_GUESS)),
            (Duration::from_millis(1), Duration::from_nanos(1_000_000 - FIRST_GUESS)),
            (Duration::from_nanos(FIRST_GUESS), Duration::ZERO),
            (Duration::ZERO, Duration::ZERO),
        ] {
            assert_eq!(Lateness::new().nap(until, true), slept);
        }
    }

    /// Or who has spun through a whole tick because of one outlier would do so for ever.
    #[test]
    fn who_can_not_sleep_at_first_expects_less_the_next_time() {
        let lateness = Lateness::new();
        lateness.nap(Duration::from_nanos(FIRST_GUESS), false);
        assert_eq!(expected(&lateness), FIRST_GUESS, "the last of a wait tells nothing");
        lateness.nap(Duration::from_nanos(FIRST_GUESS), true);
        assert!(expected(&lateness) < FIRST_GUESS);
    }
}
