//! The shipped rules in small worlds of every kind: nothing that they promise breaks, whatever happens.

use std::env;
use std::time::Instant;

use lease_explorer::{Bounds, Model, Operators, SHIPPED, search};

/// A name, the model of every day, and the thorough one.
type Case = (&'static str, Bounds, Bounds);

const KEEPING: &[Case] = &[
    (
        "messages that are late and lost",
        Bounds { counter: 2, crashes: false, backwards: false, clock: 2, ..SHORT },
        Bounds { clock: 3, ..CALM },
    ),
    (
        "two of them late",
        Bounds { late: 2, counter: 1, lossy: false, crashes: false, backwards: false, clock: 1, ..SHORT },
        Bounds { late: 2, lossy: false, clock: 2, ..SHORT },
    ),
    (
        "whole calls that are late",
        Bounds { whole_calls: true, counter: 2, lossy: false, crashes: false, backwards: false, clock: 2, ..SHORT },
        Bounds { whole_calls: true, clock: 2, ..CALM },
    ),
    (
        "far into the future",
        Bounds { late: 0, counter: 2, clock: 3, ..CALM },
        Bounds { late: 0, counter: 4, unanswered: 2, clock: 5, ..CALM },
    ),
    (
        "three processes, one worker",
        Bounds { processes: 3, clock: 2, ..LEAN },
        Bounds { processes: 3, counter: 3, clock: 4, ..LEAN },
    ),
    (
        "two processes, two workers",
        Bounds { workers: 2, crashes: false, backwards: false, clock: 2, ..LEAN },
        Bounds { workers: 2, clock: 3, ..LEAN },
    ),
    (
        "three processes, two workers",
        Bounds { processes: 3, workers: 2, crashes: false, backwards: false, clock: 1, ..LEAN },
        Bounds { processes: 3, workers: 2, clock: 2, ..LEAN },
    ),
    ("the end of a layout", Bounds { end: 3, clock: 4, ..LEAN }, Bounds { end: 3, late: 1, clock: 4, ..LEAN }),
    (
        "clones",
        Bounds { clones: true, releases: false, clock: 3, ..LEAN },
        Bounds { clones: true, releases: false, processes: 3, counter: 3, clock: 3, ..LEAN },
    ),
];

const LOSING: &[Case] = &[
    ("one record", Bounds { record: true, clock: 2, ..LOSS }, Bounds { record: true, clock: 5, ..LATE }),
    (
        "two records",
        Bounds { record: true, losses: 2, backwards: false, clock: 3, ..LOSS },
        Bounds { record: true, losses: 2, clock: 5, ..CRASHING },
    ),
    (
        "everything",
        Bounds { all: true, initialised: false, creates: true, clock: 3, ..LOSS },
        Bounds { all: true, initialised: false, creates: true, clock: 4, ..LATE },
    ),
    (
        "everything, by three",
        Bounds { all: true, processes: 3, counter: 1, backwards: false, clock: 3, ..LOSS },
        Bounds { all: true, initialised: false, creates: true, processes: 3, counter: 1, clock: 4, ..LOSS },
    ),
    (
        "everything, and who finds that is late",
        Bounds {
            all: true,
            initialised: false,
            creates: true,
            counter: 1,
            releases: false,
            clock: 2,
            backwards: false,
            ..LATE
        },
        Bounds { all: true, initialised: false, creates: true, counter: 1, clock: 4, ..LATE },
    ),
    (
        "what a backup lacks",
        Bounds { restored: true, releases: false, backwards: false, clock: 3, ..LOSS },
        Bounds { restored: true, clock: 4, ..LATE },
    ),
    (
        "what a holder knows",
        Bounds { known: true, backwards: false, clock: 3, ..LOSS },
        Bounds { known: true, clock: 4, ..LATE },
    ),
    (
        "what a holder knows of two",
        Bounds { known: true, workers: 2, releases: false, backwards: false, clock: 2, ..LOSS },
        Bounds { known: true, workers: 2, clock: 4, ..LOSS },
    ),
    (
        "a file",
        Bounds { file: true, all: true, restored: true, counter: 1, backwards: false, clock: 3, ..LOSS },
        Bounds { file: true, all: true, restored: true, clock: 4, ..CRASHING },
    ),
    (
        "a server that tells who it is after it has written",
        Bounds { told_after: true, restored: true, releases: false, backwards: false, clock: 3, ..LOSS },
        Bounds { told_after: true, restored: true, failover: true, losses: 2, clock: 4, ..LATE },
    ),
    (
        "one thing after the other",
        Bounds { failover: false, all: false, counter: 1, releases: false, backwards: false, clock: 2, ..ANYTHING },
        Bounds { clock: 4, ..ANYTHING },
    ),
    (
        "three processes, two workers, and anything",
        Bounds {
            processes: 3,
            workers: 2,
            failover: false,
            record: false,
            known: false,
            counter: 1,
            releases: false,
            backwards: false,
            clock: 2,
            ..ONCE
        },
        Bounds { processes: 3, workers: 2, counter: 1, crashes: true, clock: 3, ..ONCE },
    ),
    (
        "shorter leases than there may be",
        Bounds { record: true, max_ttl: 2, slack: 2, releases: false, backwards: false, clock: 5, ..LOSS },
        Bounds { record: true, all: true, restored: true, max_ttl: 2, slack: 2, clock: 6, ..LOSS },
    ),
];

/// How spaces come into being, and what becomes of those that are lost.
const SPACES: &[Case] = &[
    (
        "a space that an operator creates",
        Bounds { operators: Operators::Create, all: true, initialised: false, clock: 3, ..OPERATED },
        Bounds { operators: Operators::Create, all: true, initialised: false, operations: 2, clock: 4, ..CRASHING },
    ),
    (
        "an operator who vouches, and is right",
        Bounds { operators: Operators::Vouch, all: true, clock: 2, ..OPERATED },
        Bounds { operators: Operators::Vouch, all: true, operations: 2, clock: 3, ..CRASHING },
    ),
    (
        "an operator who vouches for a space that there may not be",
        Bounds { operators: Operators::Vouch, all: true, initialised: false, creates: true, clock: 3, ..OPERATED },
        Bounds { operators: Operators::Vouch, all: true, initialised: false, creates: true, clock: 4, ..AT_WORK },
    ),
    (
        "an operator who vouches, and is right, and a store that is set back",
        Bounds { operators: Operators::Vouch, restored: true, clock: 3, ..OPERATED },
        Bounds { operators: Operators::Vouch, restored: true, failover: true, clock: 4, ..AT_WORK },
    ),
    (
        "an operator who vouches, and is wrong",
        Bounds { operators: Operators::Deceive, all: true, clock: 3, ..OPERATED },
        Bounds { operators: Operators::Deceive, all: true, clock: 4, ..AT_WORK },
    ),
    (
        "a URL that leads to another store at times",
        Bounds { moves: true, clock: 3, releases: false, ..LEAN },
        Bounds { moves: true, clock: 4, ..LEAN },
    ),
    (
        "a URL that leads to another store, and a loss",
        Bounds { moves: true, all: true, backwards: false, releases: false, clock: 3, ..LOSS },
        Bounds { moves: true, all: true, clock: 4, ..CRASHING },
    ),
    (
        "the space's own record",
        Bounds { own_record: true, clock: 3, backwards: false, ..LOSS },
        Bounds { own_record: true, record: true, losses: 2, clock: 3, ..CRASHING },
    ),
];

const AT_WORK: Bounds = Bounds { operations: 1, ..CRASHING };
const OPERATED: Bounds = Bounds { operations: 1, crashes: true, backwards: false, releases: false, counter: 1, ..LOSS };
const CALM: Bounds = Bounds { counter: 3, unanswered: 1, ..Bounds::CALM };
const SHORT: Bounds = Bounds { ttl: 1, max_ttl: 1, ..CALM };
const LEAN: Bounds = Bounds { late: 0, lossy: false, unanswered: 0, counter: 2, ..CALM };
const LOSS: Bounds = Bounds { losses: 1, crashes: false, ttl: 1, max_ttl: 1, ..LEAN };
const CRASHING: Bounds = Bounds { crashes: true, ..LOSS };
const LATE: Bounds = Bounds { late: 1, ..LOSS };
const ANYTHING: Bounds =
    Bounds { losses: 2, record: true, all: true, failover: true, restored: true, known: true, ..LOSS };
const ONCE: Bounds = Bounds { losses: 1, ..ANYTHING };

#[test]
fn a_store_that_keeps_everything() {
    explore(KEEPING);
}

#[test]
fn a_store_that_loses_something() {
    explore(LOSING);
}

#[test]
fn spaces_come_into_being_once() {
    explore(SPACES);
}

fn explore(cases: &[Case]) {
    let is_thorough = env::var_os("EXHAUSTIVE").is_some_and(|wanted| wanted == "1");
    let wanted = env::var("WORLD").unwrap_or_default();
    for &(name, everyday, thorough) in cases.iter().filter(|(name, ..)| name.contains(&*wanted)) {
        let bounds = if is_thorough { thorough } else { everyday };
        let started = Instant::now();
        let model = Model::new(bounds, SHIPPED);
        // At the end of a layout nobody gets on. Else one state in 16 is looked into, which is the costly part.
        let checked = if bounds.end < bounds.clock { 0 } else { u64::MAX / 16 };
        let check = |world: &_, digest| if digest < checked { model.everybody_gets_on(world) } else { Ok(()) };
        let found = search(&model, check);
        found.report(name, started.elapsed());
        if let Some(trace) = found.broken {
            panic!("{name}:\n{trace}");
        }
    }
}
