//! Threads that the system places on cores.

use casflake::{SystemClock, Wait, WorkerId};

use crate::history::check;
use crate::{Wide, builder, calls, pool};

const THREADS: [usize; 4] = [2, 4, 8, 16];

/// The `Standard` scheme has 4096 IDs a millisecond, so that most threads wait most of the time.
#[test]
fn i2_threads_that_wait_for_the_clock_get_ids_above_all_that_were_returned_before() {
    for threads in THREADS {
        for wait in [Wait::Spin, Wait::Yield] {
            let generator = builder(WorkerId::fixed::<3, 3>(), SystemClock).wait(wait).build().expect("a generator");
            check(&generator, &pool(threads), calls(15) / THREADS.len() / 2);
        }
    }
}

#[test]
fn i2_threads_that_meet_at_the_word_get_ids_above_all_that_were_returned_before() {
    for threads in THREADS {
        let generator = builder(WorkerId::<Wide>::fixed_in::<0, 3>(), SystemClock).build().expect("a generator");
        check(&generator, &pool(threads), calls(40) / THREADS.len());
    }
}
