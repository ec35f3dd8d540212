//! Tests of the store on a simulated disk. The store is the shipped code. At each call of the store to the disk in
//! turn, the call fails or hangs, the power fails, or the process is killed.
//!
//! After a loss of power, each change that was not synced has survived or not, independently of all others. A test
//! tries each combination, or a sample if there are too many of them. Each of these states must still contain every
//! lease that the store has acknowledged, and the store must serve new requests in it: see [`audit`].
//!
//! | module | contents |
//! |---|---|
//! | `medium` | the files and names: the durable ones, and those that are only in the cache |
//! | `host` | the open files, the locks, the processes, and the fault that is planned for a call |
//! | `disk` | the calls of the store, on a host |
//! | `ledger` | the leases that were acknowledged |
//! | `site` | processes that lease workers, and repeat the calls that fail |
//! | `audit` | the checks of each state that a crash can leave |
//! | `scenarios` | the calls, during which the faults happen |
//! | `crashes`, `failures`, `orders`, `hangs`, `lies` | the tests |
//!
//! By default, the tests take a few seconds. With `CASFLAKE_DISK=all`, they take many minutes: the power then fails at
//! each call after each fault, all orders of two processes are tried, and the samples are larger. Each sample prints its
//! seed, and `PROPTEST_RNG_SEED` repeats it.

mod audit;
mod crashes;
mod disk;
mod failures;
mod hangs;
mod host;
mod ledger;
mod lies;
mod medium;
mod orders;
mod scenarios;
mod site;

/// Returns whether the tests combine more faults than by default.
fn is_thorough() -> bool {
    std::env::var_os("CASFLAKE_DISK").is_some_and(|wanted| wanted == "all")
}
