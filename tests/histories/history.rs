//! The checks of the IDs that threads get from one generator.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use casflake::{Clock, Generator, Scheme, Snowflake};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::mix::{call, ids_of_steps, steps};

/// The number of calls in a round, which are checked together. It bounds the memory.
pub(crate) const ROUND: usize = 1 << 19;

/// The highest ID that any call has returned so far.
#[derive(Default)]
pub(crate) struct Returned(AtomicU64);

impl Returned {
    fn highest(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `add`: the calls that returned what this reads happened before
        // the call that follows, which can't move to before it.
        self.0.load(Ordering::Acquire)
    }

    fn add<S: Scheme>(&self, id: Snowflake<S>) {
        // ORDERING: Release, so that the call that returned `id` stays before it, and Acquire, so that it passes on what
        // those before it have released.
        self.0.fetch_max(id.as_u64(), Ordering::AcqRel);
    }
}

/// Checks `calls` calls, divided evenly among all threads of `pool`, round by round.
///
/// No ID is repeated in a later round because of I2: each is above all IDs of the rounds before.
pub(crate) fn check<S: Scheme, C: Clock + Sync>(generator: &Generator<S, C>, pool: &ThreadPool, calls: usize) {
    let returned = Returned::default();
    let rounds = (0..calls).step_by(ROUND).map(|done| ROUND.min(calls - done));
    let ids: usize = rounds.map(|calls| round(generator, pool, calls, &returned).len()).sum();
    println!("{calls} calls by {} threads gave {ids} IDs", pool.current_num_threads());
}

/// Runs one round, and returns its IDs in order.
pub(crate) fn round<S: Scheme, C: Clock + Sync>(
    generator: &Generator<S, C>,
    pool: &ThreadPool,
    calls: usize,
    returned: &Returned,
) -> Vec<Snowflake<S>> {
    let threads = pool.current_num_threads();
    let start = Barrier::new(threads);
    let of_threads = pool.broadcast(|thread| {
        start.wait();
        one_thread(generator, thread.index(), calls / threads, returned)
    });
    of_threads.par_iter().for_each(|ids| assert_increasing(ids));
    let ids = sorted_and_distinct(of_threads);
    assert_eq!(ids.len(), planned(threads, calls), "every thread gets all of its IDs");
    ids
}

/// Returns how many IDs a round gives.
pub(crate) fn planned(threads: usize, calls: usize) -> usize {
    (0..threads).map(|thread| ids_of_steps(thread, calls / threads)).sum()
}

fn one_thread<S: Scheme, C: Clock>(
    generator: &Generator<S, C>,
    thread: usize,
    calls: usize,
    returned: &Returned,
) -> Vec<Snowflake<S>> {
    let mut ids = Vec::with_capacity(ids_of_steps(thread, calls));
    for step in steps(thread, calls) {
        while !gets_more_than_returned(generator, step, returned, &mut ids) {
            thread::yield_now();
        }
    }
    ids
}

/// Makes one call, with the check of I2. Returns whether it gave any ID.
fn gets_more_than_returned<S: Scheme, C: Clock>(
    generator: &Generator<S, C>,
    step: usize,
    returned: &Returned,
    ids: &mut Vec<Snowflake<S>>,
) -> bool {
    let begin = ids.len();
    let before = returned.highest();
    call(generator, step, ids);
    let [first, ..] = ids[begin..] else { return false };
    returned.add(ids[ids.len() - 1]);
    assert!(first.as_u64() > before, "{first:?} although {before} had been returned");
    true
}

fn assert_increasing<S: Scheme>(ids: &[Snowflake<S>]) {
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] >= pair[1]) {
        panic!("{:?} was followed by {:?} in one thread", pair[0], pair[1]);
    }
}

/// Returns all IDs in order. Checks that each is there once.
pub(crate) fn sorted_and_distinct<S: Scheme>(parts: Vec<Vec<Snowflake<S>>>) -> Vec<Snowflake<S>> {
    let mut ids = parts.concat();
    drop(parts);
    ids.par_sort_unstable();
    let twice = ids.par_windows(2).find_any(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "issued twice");
    ids
}
