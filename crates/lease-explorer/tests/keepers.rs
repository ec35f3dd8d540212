//! Explores the shipped keeper in small models of every kind: no order of events breaks an invariant of the client of
//! leases.

use std::env;
use std::time::Instant;

use lease_explorer::keeping::{Keepers, Limits, ROWS, decided};
use lease_explorer::{Bounds, search};

/// The name of a model, its everyday limits, and its thorough ones.
type SizedModel = (&'static str, Limits, Limits);

/// The store keeps everything.
const KEEPING: &[SizedModel] = &[
    (
        "keepers that stop",
        Limits { store: Bounds { clock: 2, ..STORE }, ..STOPS },
        Limits { draws: 3, store: Bounds { clock: 3, counter: 4, ..STORE }, ..STOPS },
    ),
    (
        "lost messages",
        Limits { lossy: true, store: SHORT, shutdown: false, ..STOPS },
        Limits { lossy: true, store: Bounds { unanswered: 2, ..STORE }, ..STOPS },
    ),
    (
        "late messages",
        Limits { late: true, store: SHORT, ..STOPS },
        Limits { late: true, lossy: true, store: Bounds { clock: 2, ..STORE }, ..STOPS },
    ),
    (
        "clocks that jump",
        Limits { jumps: true, lossy: true, store: SHORT, ..Limits::CALM },
        Limits { jumps: true, lossy: true, store: STORE, ..Limits::CALM },
    ),
    (
        "faults of a process",
        Limits { panics: true, unfit: true, no_tokens: true, store: Bounds { clock: 2, ..STORE }, ..STOPS },
        Limits { panics: true, unfit: true, no_tokens: true, lossy: true, store: STORE, ..STOPS },
    ),
    (
        "answers about other leases",
        Limits { wrong: true, store: Bounds { workers: 2, clock: 1, ..SHORT }, ..Limits::CALM },
        Limits { wrong: true, store: Bounds { workers: 2, ..SHORT }, ..Limits::CALM },
    ),
    (
        "losses that do not occur here otherwise",
        Limits { told: true, store: SHORT, dropped: true, ..Limits::CALM },
        Limits { told: true, lossy: true, store: STORE, ..STOPS },
    ),
    (
        "two workers, and a clock that moves back",
        Limits { store: Bounds { workers: 2, clock: 1, backwards: true, ..SHORT }, ..Limits::CALM },
        Limits { store: Bounds { workers: 2, backwards: true, ..SHORT }, dropped: true, ..Limits::CALM },
    ),
    (
        "a store that ignores the last tick",
        Limits { deaf: true, store: Bounds { workers: 2, clock: 1, backwards: true, ..SHORT }, ..Limits::CALM },
        Limits { deaf: true, store: Bounds { workers: 2, backwards: true, ..SHORT }, draws: 3, ..Limits::CALM },
    ),
    (
        "leases that follow each other fast",
        Limits { told: true, draws: 3, store: Bounds { workers: 2, clock: 1, ..SHORT }, ..Limits::CALM },
        Limits { told: true, draws: 3, store: Bounds { workers: 2, ..SHORT }, ..Limits::CALM },
    ),
    (
        "processes that are killed",
        Limits { store: Bounds { crashes: true, ..SHORT }, ..STOPS },
        Limits { draws: 3, store: Bounds { crashes: true, ..STORE }, ..STOPS },
    ),
    (
        "a longer TTL",
        Limits { store: Bounds { clock: 3, ..LONG }, shutdown: false, ..STOPS },
        Limits { lossy: true, store: Bounds { clock: 4, ..LONG }, ..STOPS },
    ),
];

/// The store loses something.
const LOSING: &[SizedModel] = &[
    (
        "one record",
        Limits { store: Bounds { record: true, ..LOSS }, shutdown: false, ..STOPS },
        Limits { lossy: true, store: Bounds { record: true, clock: 3, ..LOSS }, ..STOPS },
    ),
    (
        "everything, in a space that a process may create",
        Limits { store: Bounds { all: true, counter: 1, clock: 3, ..NEW }, ..Limits::CALM },
        Limits { store: Bounds { all: true, clock: 4, ..NEW }, ..STOPS },
    ),
    (
        "everything, and late messages",
        Limits { late: true, store: Bounds { all: true, counter: 1, ..LOSS }, ..Limits::CALM },
        Limits { late: true, lossy: true, store: Bounds { all: true, clock: 3, ..LOSS }, ..Limits::CALM },
    ),
    (
        "another server, and clocks that panic",
        Limits { panics: true, store: Bounds { failover: true, ..LOSS }, ..Limits::CALM },
        Limits { panics: true, jumps: true, store: Bounds { failover: true, clock: 4, ..LOSS }, ..STOPS },
    ),
    (
        "two losses, and two workers",
        Limits { store: Bounds { record: true, workers: 2, counter: 1, ..LOSS }, ..Limits::CALM },
        Limits {
            store: Bounds { record: true, workers: 2, losses: 2, counter: 1, ..LOSS },
            dropped: true,
            ..Limits::CALM
        },
    ),
];

const STORE: Bounds = Limits::CALM.store;
/// A store with few ticks, and with few grants and renewals of each worker.
const SHORT: Bounds = Bounds { clock: 2, counter: 2, ..STORE };
const LONG: Bounds = Bounds { ttl: 2, max_ttl: 2, ..STORE };
const LOSS: Bounds = Bounds { losses: 1, ..SHORT };
/// A store that is empty at first.
const NEW: Bounds = Bounds { initialised: false, creates: true, ..LOSS };
/// Keepers that stop at any time, in both ways.
const STOPS: Limits = Limits { shutdown: true, dropped: true, ..Limits::CALM };

#[test]
fn no_invariant_of_a_keeper_breaks_and_each_transition_of_its_table_occurs() {
    let mut rows = [0; ROWS];
    for &(name, everyday, thorough) in KEEPING.iter().chain(LOSING) {
        let is_thorough = env::var_os("EXHAUSTIVE").is_some_and(|wanted| wanted == "1");
        if name.contains(&env::var("WORLD").unwrap_or_default()) {
            explore(name, if is_thorough { thorough } else { everyday }, &mut rows);
        }
    }
    for (row, count) in rows.iter().enumerate() {
        println!("row {row:2}: {count} transitions");
    }
    let [outside, rows @ ..] = rows;
    assert_eq!(outside, 0, "each decision follows a row");
    let missing: Vec<usize> = (1..).zip(rows).filter(|(_, count)| *count == 0).map(|(row, _)| row).collect();
    assert!(missing.is_empty() || env::var_os("WORLD").is_some(), "rows that do not occur: {missing:?}");
}

fn explore(name: &str, limits: Limits, rows: &mut [u64; ROWS]) {
    let model = Keepers::new(limits, decided);
    let started = Instant::now();
    // One state in 16 is checked for progress, because that is the costly part.
    let check = |state: &_, digest| if digest < u64::MAX / 16 { model.every_keeper_progresses(state) } else { Ok(()) };
    let found = search(&model, check);
    found.report(name, started.elapsed());
    rows.iter_mut().zip(model.rows()).for_each(|(row, count)| *row += count);
    if let Some(trace) = found.broken {
        panic!("{name}:\n{trace}");
    }
}
