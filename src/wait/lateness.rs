//! `Wait::Park`: how long to sleep, learnt from how late the system wakes its threads up.

use core::time::Duration;

use crate::sync::{AtomicU64, Ordering, const_fn, sleep, spin_loop};

/// What a machine is taken for that nobody has slept on yet: Linux lets a timer be late by 50 microseconds.
const FIRST_GUESS: u64 = 100_000;

/// The longest time to sleep at once, so that a generator's end and a clock that was set are noticed soon.
const LONGEST: Duration = Duration::from_millis(10);

/// A shorter sleep is not worth its two switches of context.
const SHORTEST: Duration = Duration::from_micros(20);

/// The lateness beyond which one sleep says more of that moment than of the machine.
const OUTLIER: u64 = 1_000_000;

/// How late sleeping threads have been woken of late, in nanoseconds: most of them, not all. One for all threads.
pub(crate) struct Lateness(AtomicU64);

impl Lateness {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self(AtomicU64::new(FIRST_GUESS))
        }
    }

    /// Sleeps until some time before `until` is over, or spins for a moment where that would be hardly any time. Returns how
    /// long it has slept, at least. `is_first`: the first of its wait.
    pub(crate) fn nap(&self, until: Duration, is_first: bool) -> Duration {
        // ORDERING: Relaxed, and so below. An estimate, on which nothing but the length of a sleep depends; where two learn
        // at once one lesson is lost.
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

/// What to expect after a sleep that was `late`: quick to rise and slow to fall, so that most sleeps end in time.
fn learnt(expected: u64, late: Duration) -> u64 {
    let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX).min(OUTLIER);
    if late > expected { expected + (late - expected) / 4 } else { expected - (expected - late) / 16 }
}
