//! A service of many processes, as it would run in containers. Each process leases a worker from one store, and answers
//! requests on several threads. Start it as often as you like, on as many hosts as you like.
//!
//! Run it with `IDS_STORE=file:/tmp/ids cargo run -p casflake-lease --example leased`, or with `--features redis` and
//! `IDS_STORE=redis://127.0.0.1:6379/0`, and likewise for `postgres` and `etcd`. The README says how to create the ID
//! space.

use std::error::Error;
use std::iter::successors;
use std::process::exit;
use std::time::Duration;
use std::{env, thread};

use casflake::GenerateError;
use casflake_lease::{LeaseEvent, LeasedGenerator, from_url};

fn main() {
    if let Err(error) = serve() {
        // The error says what to do, and its causes say why.
        let causes = successors(error.source(), |&cause| cause.source()).map(|cause| format!(": {cause}"));
        eprintln!("{error}{}", causes.collect::<String>());
        exit(1);
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let store = from_url(&env::var("IDS_STORE")?)?;
    let ids: LeasedGenerator = LeasedGenerator::builder(store)
        // While other processes start and stop, all workers may be leased for a while.
        .wait_for_worker(Duration::from_secs(60))
        // Prints a line when the store becomes unavailable and every 10 s until it is back, and one when the lease
        // ends.
        .on_event(|event| {
            if !matches!(event, LeaseEvent::Renewed { .. }) {
                eprintln!("ids: {event}");
            }
        })
        .build()?;
    println!("worker {}, leased for {:?}, renewed until shutdown", ids.worker(), ids.stats().remaining);

    let served: usize = thread::scope(|scope| {
        let serve = || (0..1000).filter(|_| answer(&ids)).count();
        let threads = [(); 4].map(|()| scope.spawn(serve));
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });

    let stats = ids.stats();
    println!("{served} requests served, {} leases, {} renewals", stats.acquired, stats.renewals);
    // After the last request was answered: releases the worker for the next process. If the store is unavailable, the
    // IDs are valid nevertheless, and the worker is free when its window ends. So this is not a reason to fail.
    if let Err(error) = ids.shutdown() {
        eprintln!("the worker was not released: {error:?}");
    }
    Ok(())
}

/// Answers one request. Returns whether it was served.
fn answer(ids: &LeasedGenerator) -> bool {
    // On a thread of an async runtime, use `try_generate`, which never blocks.
    match ids.generate() {
        Ok(id) => id.as_u64() > 0,
        // This process shuts down. An HTTP server answers with a 503 here, and the retry reaches another process.
        Err(GenerateError::ShutDown) => false,
        // The store is unavailable, or the clock is behind: a 503, too, with `error.retry_after()` as `Retry-After`.
        Err(error) if error.is_retryable() => false,
        // A fork, or the end of the layout's ticks: waiting does not help.
        Err(error) => panic!("{error}"),
    }
}
