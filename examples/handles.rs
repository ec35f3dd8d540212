//! A handle for each thread: blocks of IDs from one generator, for threads that need very many.
//!
//! `cargo run --release --example handles`

use std::thread;

use casflake::{GenerateError, Generator, Standard, WorkerId};

static IDS: Generator = Generator::new(WorkerId::<Standard>::fixed::<1, 7>());

const EACH: usize = 10_000;

fn main() -> Result<(), GenerateError> {
    let mut all = thread::scope(|scope| {
        let draw = || {
            let mut mine = IDS.local(256);
            (0..EACH).map(|_| mine.generate()).collect::<Result<Vec<_>, _>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
    })?
    .concat();

    all.sort_unstable();
    all.dedup();
    let stats = IDS.stats();
    println!("{} distinct IDs; {} were reserved, {} of them not used", all.len(), stats.ids, stats.unused);
    assert_eq!(all.len(), 4 * EACH);
    Ok(())
}
