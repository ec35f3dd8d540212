//! Strict generators on clocks that never step back. A call that read the clock before the word would mistake the
//! progress of another call in between for a step back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use casflake::{Clock, SystemClock, WorkerId};

use crate::history::check;
use crate::{Wide, builder, calls, pool};

/// The system's clock without its steps back.
struct Forward(AtomicU64);

impl Clock for Forward {
    fn unix_ms(&self) -> u64 {
        let now_ms = SystemClock.unix_ms();
        // ORDERING: Relaxed. Coherence alone keeps a thread from reading less than before; across threads the
        // generator has to read the clock after the reading that the word rests on.
        self.0.fetch_max(now_ms, Ordering::Relaxed).max(now_ms)
    }
}

/// A clock that moves on by a millisecond with every look. Each fourth reading returns late, when other threads have
/// already seen later ones.
struct EachLook(AtomicU64);

impl Clock for EachLook {
    fn unix_ms(&self) -> u64 {
        // ORDERING: Relaxed, as in `Forward`.
        let now_ms = self.0.fetch_add(1, Ordering::Relaxed);
        if now_ms % 4 == 0 {
            thread::yield_now();
        }
        now_ms
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
