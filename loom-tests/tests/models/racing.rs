//! I1 and I2: threads that race for the slots of a tick, while the clock moves on.

use std::sync::Arc;

use casflake::GenerateError;
use casflake_loom_tests::{Issued, bounded, exhaustive, shared, thread};

fn race(threads: usize, each: usize) {
    let generator = shared();
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let generator = Arc::clone(&generator);
            thread::spawn(move || (0..each).map(|_| generator.try_generate()).collect::<Vec<_>>())
        })
        .collect();
    generator.clock().tick();
    let mut issued = Issued::default();
    for thread in running {
        let outcomes = thread.join().expect("no panic");
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, GenerateError::Exhausted { .. }), "{error}");
        }
        issued.add(outcomes);
    }
    issued.check();
}

#[test]
fn i1_two_threads_with_two_ids_each() {
    exhaustive(|| race(2, 2));
}

#[test]
fn i1_three_threads_with_one_id_each() {
    exhaustive(|| race(3, 1));
}

#[test]
fn i1_three_threads_with_two_ids_each() {
    bounded(3, || race(3, 2));
}
