//! Explores the shipped rules in small models of every kind: no order of events breaks an invariant of leases.

use std::env;
use std::time::Instant;

use lease_explorer::{Bounds, Model, Operators, SHIPPED, search};

/// The name of a model, its everyday bounds, and its thorough ones.
type SizedModel = (&'static str, Bounds, Bounds);

/// Stores that keep everything.
const KEEPING: &[SizedModel] = &[
    (
        "late and lost messages",
        Bounds { counter: 2, crashes: false, backwards: false, clock: 2, ..SHORT_TTL },
        Bounds { clock: 3, ..NO_LOSS },
    ),
    (
        "two late messages",
        Bounds { late: 2, counter: 1, lossy: false, crashes: false, backwards: false, clock: 1, ..SHORT_TTL },
        Bounds { late: 2, lossy: false, clock: 2, ..SHORT_TTL },
    ),
    (
        "late whole calls",
        Bounds { whole_calls: true, counter: 2, lossy: false, crashes: false, backwards: false, clock: 2, ..SHORT_TTL },
        Bounds { whole_calls: true, clock: 2, ..NO_LOSS },
    ),
    (
        "far into the future",
        Bounds { late: 0, counter: 2, clock: 3, ..NO_LOSS },
        Bounds { late: 0, counter: 4, unanswered: 2, clock: 5, ..NO_LOSS },
    ),
    (
        "three processes, one worker",
        Bounds { processes: 3, clock: 2, ..ON_TIME },
        Bounds { processes: 3, counter: 3, clock: 4, ..ON_TIME },
    ),
    (
        "two processes, two workers",
        Bounds { workers: 2, crashes: false, backwards: false, clock: 2, ..ON_TIME },
        Bounds { workers: 2, clock: 3, ..ON_TIME },
    ),
    (
        "three processes, two workers",
        Bounds { processes: 3, workers: 2, crashes: false, backwards: false, clock: 1, ..ON_TIME },
        Bounds { processes: 3, workers: 2, clock: 2, ..ON_TIME },
    ),
    ("the end of a layout", Bounds { end: 3, clock: 4, ..ON_TIME }, Bounds { end: 3, late: 1, clock: 4, ..ON_TIME }),
    (
        "clones",
        Bounds { clones: true, releases: false, clock: 3, ..ON_TIME },
        Bounds { clones: true, releases: false, processes: 3, counter: 3, clock: 3, ..ON_TIME },
    ),
];

/// Stores that lose something.
const LOSING: &[SizedModel] = &[
    ("one record", Bounds { record: true, clock: 2, ..ONE_LOSS }, Bounds { record: true, clock: 5, ..LOSS_AND_LATE }),
    (
        "two records",
        Bounds { record: true, losses: 2, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { record: true, losses: 2, clock: 5, ..LOSS_AND_CRASH },
    ),
    (
        "everything",
        Bounds { all: true, initialised: false, creates: true, clock: 3, ..ONE_LOSS },
        Bounds { all: true, initialised: false, creates: true, clock: 4, ..LOSS_AND_LATE },
    ),
    (
        "everything, three processes",
        Bounds { all: true, processes: 3, counter: 1, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { all: true, initialised: false, creates: true, processes: 3, counter: 1, clock: 4, ..ONE_LOSS },
    ),
    (
        "everything, found by a late call",
        Bounds {
            all: true,
            initialised: false,
            creates: true,
            counter: 1,
            releases: false,
            clock: 2,
            backwards: false,
            ..LOSS_AND_LATE
        },
        Bounds { all: true, initialised: false, creates: true, counter: 1, clock: 4, ..LOSS_AND_LATE },
    ),
    (
        "everything since a backup",
        Bounds { restored: true, releases: false, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { restored: true, clock: 4, ..LOSS_AND_LATE },
    ),
    (
        "everything since a backup, noticed by a holder",
        Bounds { known: true, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { known: true, clock: 4, ..LOSS_AND_LATE },
    ),
    (
        "everything since a backup, noticed by a holder, two workers",
        Bounds { known: true, workers: 2, releases: false, backwards: false, clock: 2, ..ONE_LOSS },
        Bounds { known: true, workers: 2, clock: 3, ..ONE_LOSS },
    ),
    (
        "a file",
        Bounds { file: true, all: true, restored: true, counter: 1, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { file: true, all: true, restored: true, clock: 4, ..LOSS_AND_CRASH },
    ),
    (
        "a server that gives its name after a write",
        Bounds { told_after: true, restored: true, releases: false, backwards: false, clock: 3, ..ONE_LOSS },
        Bounds { told_after: true, restored: true, failover: true, clock: 3, ..LOSS_AND_LATE },
    ),
    (
        "a server that gives its name after a write, and two losses",
        Bounds {
            told_after: true,
            restored: true,
            failover: true,
            losses: 2,
            counter: 1,
            releases: false,
            backwards: false,
            clock: 2,
            ..ONE_LOSS
        },
        Bounds { told_after: true, restored: true, failover: true, losses: 2, clock: 4, ..ONE_LOSS },
    ),
    (
        "one loss after the other",
        Bounds { failover: false, all: false, counter: 1, releases: false, backwards: false, clock: 2, ..ANY_LOSSES },
        Bounds { clock: 3, ..ANY_LOSSES },
    ),
    (
        "three processes, two workers, and any loss",
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
            ..ANY_LOSS
        },
        Bounds { processes: 3, workers: 2, counter: 1, crashes: true, clock: 2, ..ANY_LOSS },
    ),
    (
        "leases shorter than the longest",
        Bounds { record: true, max_ttl: 2, slack: 2, releases: false, backwards: false, clock: 5, ..ONE_LOSS },
        Bounds { record: true, all: true, restored: true, max_ttl: 2, slack: 2, clock: 6, ..ONE_LOSS },
    ),
];

/// Spaces that are created, lost and remade, by processes and by operators.
const SPACES: &[SizedModel] = &[
    (
        "an operator that creates a space",
        Bounds { operators: Operators::Create, all: true, initialised: false, clock: 3, ..OPERATION },
        Bounds {
            operators: Operators::Create,
            all: true,
            initialised: false,
            operations: 2,
            clock: 4,
            ..LOSS_AND_CRASH
        },
    ),
    (
        "an operator that vouches, and is right",
        Bounds { operators: Operators::Vouch, all: true, clock: 2, ..OPERATION },
        Bounds { operators: Operators::Vouch, all: true, operations: 2, clock: 3, ..LOSS_AND_CRASH },
    ),
    (
        "an operator that vouches for a space that may be absent",
        Bounds { operators: Operators::Vouch, all: true, initialised: false, creates: true, clock: 3, ..OPERATION },
        Bounds {
            operators: Operators::Vouch,
            all: true,
            initialised: false,
            creates: true,
            clock: 4,
            ..FULL_OPERATION
        },
    ),
    (
        "an operator that vouches, and is right, and a restored backup",
        Bounds { operators: Operators::Vouch, restored: true, clock: 3, ..OPERATION },
        Bounds { operators: Operators::Vouch, restored: true, failover: true, clock: 4, ..FULL_OPERATION },
    ),
    (
        "an operator that vouches, and is wrong",
        Bounds { operators: Operators::Deceive, all: true, clock: 3, ..OPERATION },
        Bounds { operators: Operators::Deceive, all: true, clock: 4, ..FULL_OPERATION },
    ),
    (
        "a URL that leads to another store at times",
        Bounds { moves: true, clock: 3, releases: false, ..ON_TIME },
        Bounds { moves: true, clock: 4, ..ON_TIME },
    ),
    (
        "a URL that leads to another store, and a loss",
        Bounds { moves: true, all: true, backwards: false, releases: false, clock: 3, ..ONE_LOSS },
        Bounds { moves: true, all: true, clock: 4, ..LOSS_AND_CRASH },
    ),
    (
        "the space's own record",
        Bounds { own_record: true, clock: 3, backwards: false, ..ONE_LOSS },
        Bounds { own_record: true, record: true, losses: 2, clock: 3, ..LOSS_AND_CRASH },
    ),
];

/// A store that keeps everything, with late and lost messages, crashes and a clock that moves back: for thorough models.
const NO_LOSS: Bounds = Bounds { counter: 3, unanswered: 1, ..Bounds::CALM };
/// The same with leases of one tick: for models that would be too large with longer ones.
const SHORT_TTL: Bounds = Bounds { ttl: 1, max_ttl: 1, ..NO_LOSS };
/// The same without late or lost messages: for models with more processes or workers, and to make others from.
const ON_TIME: Bounds = Bounds { late: 0, lossy: false, unanswered: 0, counter: 2, ..NO_LOSS };

/// A store that loses something once, with leases of one tick and without crashes: for everyday models of losses. Each
/// model says what the store loses.
const ONE_LOSS: Bounds = Bounds { losses: 1, crashes: false, ttl: 1, max_ttl: 1, ..ON_TIME };
/// The same with crashes: for thorough models.
const LOSS_AND_CRASH: Bounds = Bounds { crashes: true, ..ONE_LOSS };
/// The same with one late call: for thorough models.
const LOSS_AND_LATE: Bounds = Bounds { late: 1, ..ONE_LOSS };
/// A store that loses anything, twice: for losses that follow each other.
const ANY_LOSSES: Bounds =
    Bounds { losses: 2, record: true, all: true, failover: true, restored: true, known: true, ..ONE_LOSS };
/// A store that loses anything, once: for models with three processes and two workers.
const ANY_LOSS: Bounds = Bounds { losses: 1, ..ANY_LOSSES };

/// One operation of an operator, with crashes, but without releases and with a clock that only moves forward: for
/// everyday models of operators.
const OPERATION: Bounds =
    Bounds { operations: 1, crashes: true, backwards: false, releases: false, counter: 1, ..ONE_LOSS };
/// One operation of an operator, with crashes, releases and a clock that moves back: for thorough models of operators.
const FULL_OPERATION: Bounds = Bounds { operations: 1, ..LOSS_AND_CRASH };

#[test]
fn no_invariant_breaks_on_a_store_that_keeps_everything() {
    explore(KEEPING);
}

#[test]
fn no_invariant_breaks_on_a_store_that_loses_something() {
    explore(LOSING);
}

#[test]
fn no_invariant_breaks_while_spaces_are_created_and_lost() {
    explore(SPACES);
}

fn explore(models: &[SizedModel]) {
    let is_thorough = env::var_os("EXHAUSTIVE").is_some_and(|wanted| wanted == "1");
    let wanted = env::var("WORLD").unwrap_or_default();
    for &(name, everyday, thorough) in models.iter().filter(|(name, ..)| name.contains(&*wanted)) {
        let bounds = if is_thorough { thorough } else { everyday };
        let started = Instant::now();
        let model = Model::new(bounds, SHIPPED);
        // After the end of a layout no process makes progress. Otherwise one state in 16 is checked for progress,
        // because that is the costly part.
        let checked = if bounds.end < bounds.clock { 0 } else { u64::MAX / 16 };
        let check = |world: &_, digest| if digest < checked { model.every_process_progresses(world) } else { Ok(()) };
        let found = search(&model, check);
        found.report(name, started.elapsed());
        if let Some(trace) = found.broken {
            panic!("{name}:\n{trace}");
        }
    }
}
