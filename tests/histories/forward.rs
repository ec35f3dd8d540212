//! Strict generators on clocks that never step back. A call that reads the clock before the word would take another's
//! progress in between for a step back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use casflake::{Clock, SystemClock, WorkerId};

use crate::history::check;
use crate::{Wide, builder, calls, pool};

/// The system's clock, but for its steps back.
struct Forward(AtomicU64);

impl Clock for Forward {
    fn unix_ms(&self) -> u64 {
        let now = SystemClock.unix_ms();
        // ORDERING: Relaxed. Coherence alone keeps a thread from reading less than before; across threads it is for the
        // generator to read the clock after the reading that the word rests on.
        self.0.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

/// A clock that every look moves on by a millisecond. Each fourth reading comes late: others have got ahead of it by then.
struct EachLook(AtomicU64);

impl Clock for EachLook {
    fn unix_ms(&self) -> u64 {
        // ORDERING: Relaxed, as in `Forward`.
        let now = self.0.fetch_add(1, Ordering::Relaxed);
        if now % 4 == 0 {
            thread::yield_now();
        }
        now
    }
}

fn never_behind<C: Clock + Sync>(clock: impl Fn() -> C, percent: usize) {
    for threads in [2, 8] {
        let standard = builder(WorkerId::fixed::<4, 4>(), clock()).strict(true).build().expect("a generator");
        check(&standard, &pool(threads), calls(percent) / 4);
        assert_eq!(standard.stats().clock_behind, 0);
        let wide = builder(WorkerId::<Wide>::fixed_in::<0, 1>(), clock()).strict(true).build().expect("a generator");
        check(&wide, &pool(threads), calls(percent) / 4);
        assert_eq!(wide.stats().clock_behind, 0);
    }
}

#[test]
fn i4_a_strict_generator_refuses_nothing_on_a_clock_that_moves_only_forward() {
    never_behind(|| Forward(AtomicU64::new(0)), 8);
}

#[test]
fn i4_a_strict_generator_refuses_nothing_on_a_clock_that_moves_with_every_look() {
    never_behind(|| EachLook(SystemClock.unix_ms().into()), 12);
}
