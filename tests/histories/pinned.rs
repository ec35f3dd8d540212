//! More threads than cores, by pinning. A thread may lose its core in the middle of a call, or spin on a core that
//! another thread needs. The other threads get all of their IDs nevertheless.

use std::io::{self, Write};

use casflake::{SystemClock, Wait, WorkerId};
use rayon::ThreadPool;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::history::check;
use crate::{Wide, builder, calls, pool};

const THREADS: usize = 8;

/// Returns a pool of 8 threads on this many cores, or `None` if this process may not use as many.
fn pinned(cores: usize) -> Option<ThreadPool> {
    let affinity = || sched_getaffinity(None).expect("the cores of this thread");
    let allowed = affinity();
    let mut chosen = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).take(cores).for_each(|core| chosen.set(core));
    if usize::try_from(chosen.count()) != Ok(cores) {
        return None;
    }
    let pool = pool(THREADS);
    pool.broadcast(|_| {
        sched_setaffinity(None, &chosen).expect("cores that this process may use");
        assert_eq!(affinity(), chosen);
    });
    Some(pool)
}

fn eight_threads_on(cores: usize) {
    let Some(pool) = pinned(cores) else {
        // Not `eprintln`: its text is captured, and a test that passes never prints it.
        let _ = writeln!(io::stderr(), "NOT RUN: 8 threads on {cores} cores, because this process may not use as many");
        return;
    };
    for wait in [Wait::Spin, Wait::Yield] {
        let standard = builder(WorkerId::fixed::<5, 5>(), SystemClock).wait(wait).build().expect("a generator");
        check(&standard, &pool, calls(10) / 4);
        let wide = builder(WorkerId::<Wide>::fixed_in::<0, 2>(), SystemClock).wait(wait).build().expect("a generator");
        check(&wide, &pool, calls(10) / 4);
    }
}

#[test]
fn i2_eight_threads_on_one_core_get_ids_above_all_that_were_returned_before() {
    eight_threads_on(1);
}

#[test]
fn i2_eight_threads_on_two_cores_get_ids_above_all_that_were_returned_before() {
    eight_threads_on(2);
}
