//! A deterministic simulation of leases: several processes, each with the shipped client of `casflake-lease`, share one
//! store, which obeys the shipped rules. The simulator imagines everything else: the time, the hosts, the network, the
//! data of the store, the callers and the faults. One seed is one run. Every ID of every process is compared.
//!
//! `SEED=n cargo test --release -p casflake-lease-simulator --test seeds -- --nocapture` replays a seed and prints its
//! story. In a story, "row N" is a row of the table in `keeper.rs`, and a line with `build:` is a row of `start.rs`. Times
//! are true times, and ticks are those of each process' clock. A rest is "deaf to rings" as long as a call without a lease
//! can't wake the keeper. `| grep -v 'a call for'` leaves out the calls.
//!
//! `SEEDS=1000000`, in place of `SEED=n`, runs a million seeds from 0 on; with `FIRST=n`, from n on.
//!
//! # What is shipped code, and what is not
//! A process is made of the shipped `Start`, `Keeper`, `Process`, `Parts`, `Shared`, `Switch`, `Signal`, `Watch`,
//! `StoreClock`, `Events`, `Call`, `Taken` and `Filled`, and of real generators. A call of the store is a call of the
//! shipped `BackendStore`. The loops around them are mirrored here, because a loop here waits in virtual time: `life`
//! mirrors `start/run.rs`, `builder.rs` and `keeper/run.rs`; `caller` mirrors `retry.rs`; `closing` mirrors `end.rs`. A
//! fault in one of these loops is therefore not found here, but by the tests of `casflake-lease`.
//!
//! # What is simulated
//! * **Time.** An actor is a thread. A reading of a clock takes up to a microsecond. In any reading an actor may be
//!   preempted: other actors then run, which may be preempted too, three levels deep. So threads are interleaved at
//!   each reading of a clock, also inside a call of a generator. An actor that waits for a tick lets the other actors
//!   run.
//! * **Processes** start, wait for a worker, issue IDs from one to three threads, are drained, shut down or dropped, are
//!   killed, paused and started again. A process forks: its other threads vanish, and the parent is killed, because the
//!   memory of a process can't be copied here. Clocks, callbacks and stores of the program panic.
//! * **Messages** to the store are lost, late, doubled and reordered, and so are replies. Between the reading and the
//!   writing of a call, other processes write.
//! * **The store** loses everything, a record, or the space, is restored from a backup, or is taken over by another
//!   server. It notices each of these, because a loss that is not noticed is outside the promise. It freezes, panics,
//!   and breaks its contract. Its clock drifts and steps. If the store can lose data, the clock stays within
//!   `CLOCK_SLACK`.
//! * **Operators** reclaim the workers of dead processes and vouch for the space. They are always right.
//! * **Hosts** are suspended. Their wall clocks step, drift, and pass the end of the layout. Their monotonic clocks
//!   drift, and stop in a suspend or go on.
//!
//! # What is not simulated
//! * Memory that is reordered: the models in `loom-tests` check that. Actors are preempted only at readings of clocks.
//! * Copies of a virtual machine, and the return to a snapshot.
//! * `Wait::Sleep`, which sleeps in real time.
//! * A thread that can't be started, and the time limits that the loops of `end.rs` set themselves.
//!
//! # The verdict
//! [`Kind`] lists the promises that are judged. A table of planted faults ([`Control`]) proves that each verdict can
//! fail.

mod account;
mod caller;
mod clocks;
mod closing;
mod control;
mod coverage;
mod events;
mod fault;
mod final_verdict;
mod host;
mod life;
mod process;
mod random;
mod request;
mod row;
mod scenario;
mod store;
mod story;
mod verdict;
mod violation;
mod watcher;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use control::Control;
pub use coverage::{CALL_ROWS, Coverage, FAULTS, START_ROWS};
pub use violation::{Kind, Violation};

use crate::clocks::Drifting;
use crate::fault::Fault;
use crate::host::{HostClocks, START_MS};
use crate::random::Random;
use crate::scenario::{Beginning, MS, SECOND, Scenario};
use crate::world::{Due, World};

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    /// How often each row and each fault has happened.
    pub coverage: Coverage,
    /// The number of IDs that were issued and compared.
    pub ids: u64,
    /// The virtual time of the run, in milliseconds.
    pub virtual_ms: u64,
    /// The story of the run; empty unless it was asked for.
    pub story: Vec<String>,
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64) -> Outcome {
    run_with(seed, None, false)
}

/// Runs a seed and tells its story.
#[must_use]
pub fn replay(seed: u64, control: Option<Control>) -> Outcome {
    run_with(seed, control, true)
}

/// Runs a seed with a planted fault.
#[must_use]
pub fn run_control(seed: u64, control: Control) -> Outcome {
    run_with(seed, Some(control), false)
}

fn run_with(seed: u64, control: Option<Control>, is_told: bool) -> Outcome {
    let random = Random::new(seed);
    let scenario = Scenario::draw(&random, control);
    let world = World::new(seed, scenario, random, is_told);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| live(&world))) {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.broken(Kind::Panic, || text.unwrap_or_else(|| "a planted panic was not caught".into()));
    }
    let ids = world.processes().iter().map(|process| process.account.borrow().ids).sum();
    let outcome = Outcome {
        violation: world.violation(),
        coverage: world.coverage.take(),
        ids,
        virtual_ms: world.now.get() / MS,
        story: world.story.take(),
    };
    World::leave();
    outcome
}

/// Lets a world live: first with faults, then without, then in peace to its end.
fn live(world: &World) {
    let scenario = world.scenario.borrow().clone();
    let random = &world.random;
    let start = i64::try_from(START_MS * MS).unwrap_or(0);
    for _ in 0..scenario.hosts {
        let wall = Drifting::new(start + random.around(300_000_000), random.around(50));
        let monotonic = Drifting::new(i64::try_from(random.below(1_000_000 * SECOND)).unwrap_or(0), random.around(50));
        world.hosts.borrow_mut().push(HostClocks { wall, monotonic, suspended_until: 0 });
    }
    if scenario.beginning != Beginning::Missing {
        fault::create(world, scenario.beginning == Beginning::Vouched);
    }
    // The verdict on IDs must find this planted fault, so the verdict on losses is off.
    world.ledger.borrow_mut().has_lost = scenario.control == Some(Control::StoreGrantsTwice);
    for nth in 0..scenario.processes {
        process::start(world, nth % scenario.hosts, random.below(SECOND));
    }
    world.at(random.below(scenario.fault_every_ns * 2), Due::Fault(Fault::Any));
    world.run_until(scenario.chaos_ns);
    final_verdict::heal(world);
    final_verdict::expect_life(world);
    final_verdict::end_in_peace(world);
}
