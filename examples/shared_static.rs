//! One generator as a `static`, shared by threads without a lock.

use std::collections::HashSet;
use std::thread;

use casflake::{GenerateError, Generator, Snowflake, WorkerId};

static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());

fn main() -> Result<(), GenerateError> {
    let draw = || (0..10_000).map(|_| IDS.generate()).collect::<Result<Vec<Snowflake>, _>>();
    let threads = thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        running.into_iter().flat_map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>()
    })?;

    let distinct: HashSet<Snowflake> = threads.iter().flatten().copied().collect();
    println!("{} IDs from {} threads, {} of them distinct", 40_000, threads.len(), distinct.len());
    println!("each thread's increase: {}", threads.iter().all(|ids| ids.is_sorted()));
    println!("{:#?}", IDS.stats());
    Ok(())
}
