//! Defends I1 and I2 over millions of calls, from many threads, from threads that share too few cores, and from many
//! processes. Every call notes the highest ID that any call had returned before it began, and must return more; all IDs
//! together must be distinct. A strict generator (I4) takes part on clocks that only move forward.
//!
//! `CASFLAKE_CALLS` sets how many calls the whole suite makes, 100,000 or more:
//!
//! ```text
//! CASFLAKE_CALLS=50000000 cargo test --release --test histories -- --nocapture
//! ```
//!
//! A call gives 4 to 5 IDs on average. However many there are, they are checked in rounds of half a million calls, and
//! dropped before the next round: about 100 MiB of memory for each test that runs at the same time.

#![cfg(feature = "std")]

mod forward;
mod history;
mod mix;
#[cfg(target_os = "linux")]
mod pinned;
mod pools;
mod processes;

use std::env;
use std::io::{self, Write};
use std::process;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use casflake::{Clock, GeneratorBuilder, Layout, Scheme, WorkerId};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// 4 million IDs a millisecond, more than a machine can draw, so that threads contend for the word and do not wait for
/// the clock.
struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(39, 0, 2, 22).with_epoch_unix_ms(1_735_689_600_000);
}

const CALLS: usize = if cfg!(debug_assertions) { 1_500_000 } else { 10_000_000 };

/// Long, because a busy machine can keep a thread off its core for a while.
const MAX_WAIT: Duration = Duration::from_secs(20);

fn all_calls() -> usize {
    let calls = env::var("CASFLAKE_CALLS").map_or(CALLS, |text| text.parse().expect("CASFLAKE_CALLS is a number"));
    assert!(calls >= 100_000, "CASFLAKE_CALLS={calls} is too few to prove anything: give 100000 or more");
    calls
}

/// Returns a test's part of the calls of the suite. The parts of all tests add up to 100 percent.
fn calls(percent: usize) -> usize {
    all_calls() / 100 * percent
}

fn builder<S: Scheme, C: Clock>(worker: WorkerId<S>, clock: C) -> GeneratorBuilder<S, C> {
    GeneratorBuilder::new(worker, clock).max_wait(MAX_WAIT)
}

fn pool(threads: usize) -> ThreadPool {
    end_if_a_thread_starves();
    ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// Ends the run if a thread never gets its IDs.
fn end_if_a_thread_starves() {
    static WATCH: Once = Once::new();
    // Far more than any machine needs: a million calls take about a second.
    let limit = Duration::from_secs(120 + all_calls() as u64 / 20_000);
    WATCH.call_once(|| {
        thread::spawn(move || {
            thread::sleep(limit);
            // Not `eprintln`: its text is captured, and a test that does not end never prints it.
            let _ = writeln!(io::stderr(), "a thread still waits for its IDs after {limit:?}");
            process::exit(1);
        });
    });
}
