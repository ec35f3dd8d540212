//! A service that consists of many processes, for example in containers. Each process leases a worker from one store,
//! and answers requests on several threads. Start as many processes as you like, on as many hosts as you like.
//!
//! Run it with `IDS_STORE=file:/tmp/ids cargo run -p casflake-lease --example leased`. For Redis, add `--features
//! redis` and set `IDS_STORE=redis://127.0.0.1:6379/0`. PostgreSQL and etcd work in the same way. The README says how
//! to create the ID space.

use std::error::Error;
use std::iter::successors;
use std::process::exit;
use std::time::Duration;
use std::{env, thread};

use casflake::GenerateError;
use casflake_lease::{LeaseEvent, LeasedGenerator, from_url};

fn main() {
    if let Err(error) = serve() {
        // The error names the remedy. The causes of the error say why it happened.
        let causes = successors(error.source(), |&cause| cause.source()).map(|cause| format!(": {cause}"));
        eprintln!("{error}{}", causes.collect::<String>());
        exit(1);
    }
}

fn serve() -> Result<(), Box<dyn Error>> {
    let store = from_url(&env::var("IDS_STORE")?)?;
    let ids: LeasedGenerator = LeasedGenerator::builder(store)
        // When many processes start and stop, all workers may be leased for a while.
        .wait_for_worker(Duration::from_secs(60))
        // Prints a line when the store becomes unavailable and then every 10 s until it is available again. Also prints
        // a line when the lease ends.
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
    // All requests were answered, so this releases the worker for the next process. If the store is unavailable, the
    // IDs are valid nevertheless, and the worker becomes free when its window ends. So an error here is not a reason to
    // fail.
    if let Err(error) = ids.shutdown() {
        eprintln!("the worker was not released: {error:?}");
    }
    Ok(())
}

/// Answers one request. Returns whether the request was served.
fn answer(ids: &LeasedGenerator) -> bool {
    // On a thread of an async runtime, use `try_generate`, which never blocks.
    match ids.generate() {
        Ok(id) => id.as_u64() > 0,
        // This process shuts down. An HTTP server would answer with status 503 here, and the client's retry would reach
        // another process.
        Err(GenerateError::ShutDown) => false,
        // The store is unavailable, or the clock is behind. An HTTP server would also answer with status 503, with
        // `error.retry_after()` as the header `Retry-After`.
        Err(error) if error.is_retryable() => false,
        // Waiting does not help: the process was forked, or the layout has no ticks left.
        Err(error) => panic!("{error}"),
    }
}
