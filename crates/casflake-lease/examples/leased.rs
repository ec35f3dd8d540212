//! A service of many processes, as it would run in a container: each leases a worker from one store, and answers
//! requests by several threads. Start it as often as you like, on as many hosts as you like.
//!
//! `IDS_STORE=file:/tmp/ids cargo run -p casflake-lease --example leased`, or with `--features redis` and
//! `IDS_STORE=redis://127.0.0.1:6379/0`; and so for `postgres` and `etcd`. The README says how to begin a store.

use std::error::Error;
use std::iter::successors;
use std::process::exit;
use std::time::Duration;
use std::{env, thread};

use casflake::GenerateError;
use casflake_lease::{LeaseEvent, LeasedGenerator, from_url};

fn main() {
    if let Err(error) = serve() {
        // What is to be done stands in the error's own words, and why in those of its causes.
        let causes = successors(error.source(), |&cause| cause.source()).map(|cause| format!(": {cause}"));
        eprintln!("{error}{}", causes.collect::<String>());
        exit(1);
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let store = from_url(&env::var("IDS_STORE")?)?;
    let ids: LeasedGenerator = LeasedGenerator::builder(store)
        // While others start and stop all workers may be taken for a while.
        .wait_for_worker(Duration::from_secs(60))
        // A line when the store goes away and every 10 s until it is back, and one when the lease ends.
        .on_event(|event| {
            if !matches!(event, LeaseEvent::Renewed { .. }) {
                eprintln!("ids: {event}");
            }
        })
        .build()?;
    println!("worker {}, for {:?}, renewed as long as it is in use", ids.worker(), ids.stats().remaining);

    let served: usize = thread::scope(|scope| {
        let serve = || (0..1000).filter(|_| answer(&ids)).count();
        let threads = [(); 4].map(|()| scope.spawn(serve));
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });

    let stats = ids.stats();
    println!("{served} requests served, {} leases, {} renewals", stats.acquired, stats.renewals);
    // For the next process, after the last request is answered. If the store is away the IDs are good all the same, and the
    // worker is free when its window ends: no reason to fail.
    if let Err(error) = ids.shutdown() {
        eprintln!("the worker was not given back: {error:?}");
    }
    Ok(())
}

/// One request. Whether it was served.
fn answer(ids: &LeasedGenerator) -> bool {
    // On a thread of an async runtime: `try_generate`, which never blocks.
    match ids.generate() {
        Ok(id) => id.as_u64() > 0,
        // This process stops: "try again", as an HTTP server says with a 503, and the next try reaches another process.
        Err(GenerateError::ShutDown) => false,
        // The store is away, or the clock is behind: a 503, too, with `error.retry_after()` as its `Retry-After`.
        Err(error) if error.is_retryable() => false,
        // A fork, or the layout's last tick: time does not mend it.
        Err(error) => panic!("{error}"),
    }
}
