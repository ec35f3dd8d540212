//! Every way that a small world of leases can go: all that can happen between a store, its clock, processes and
//! messages, in any order, by the shipped functions and no others. A hand-made model checker, breadth first.
//!
//! # The model
//! * Times are ticks, from 0 to 6 at most. The **store's clock** goes on and is set back by single ticks, between any
//!   two other events, so in all it jumps as it likes. A store that loses something has a clock that is never more than
//!   `slack` behind the latest that it has read.
//! * A **process** has no clock: it issues any tick of its window that is after its last. So nothing rests on clocks
//!   that are right. It acquires, renews, releases, is lost a lease, and moves on to another as the keeper does. It is
//!   paused wherever other events come first, and killed at any time; who comes after it knows nothing.
//! * To **acquire** is to read the store, to decide, and to write if the store is as it was seen, by
//!   [`Contents::is_as_seen`](crate::lease::cells::Contents::is_as_seen): any number of other events may lie between. A
//!   **renewal** and a **release** are done in one step.
//! * Requests get lost, and so do replies. A call that its process has given up may go on: an acquisition with a write
//!   that was decided on long ago, or from its beginning; a renewal as the message that it is, or (`whole_calls`) as
//!   all of a call, which asks why it was denied and tries again; a release.
//! * A **space** that is absent is made by a process that was granted a lease of it, or by any other one if these
//!   `create`; by an **operator** who creates or vouches, by a look and a write between which anything can happen. An
//!   operator who is right vouches when no process runs that was ever granted a lease, and none has issued ahead of the
//!   store's clock. One who is wrong vouches at any time.
//! * The URL of a process leads to a **second store** at times (`moves`), which has nothing.
//! * A **store loses** one record, or everything, or all since a backup was made, or nothing, when another server takes
//!   over. That it was set back is noticed in one of two ways. Either another server serves what was restored. Or the
//!   next that talks to the store is a process that renews, that was told after the backup what it holds, and for whose
//!   worker the backup has no record, or one with a lower counter. A loss that nobody could notice is not in the model.
//! * Some stores (`told_after`) say only with the reply to a write what serves them: it is done, whatever serves, but
//!   nobody is told that anything was granted by it.
//! * A **file** is served by what it says itself; a copy of it, or nothing, by something new each time, until its space
//!   is written anew.
//!
//! # What must hold in every state
//! * No tick of a worker is granted to two tokens, ever, whatever the store has forgotten; what was released is granted
//!   up to the last tick that was issued.
//! * No tick is issued but by the token that it is granted to. So none is issued by two. (After an operator was wrong:
//!   by no process that has heard from the store since. If the store loses everything once more before that, nothing
//!   tells the process that an operator was wrong, and it may use its window up; that is not explored.)
//! * A process's ticks increase, over all its leases.
//! * What was released is not renewed, and nothing ends after the layout.
//! * Where nothing is lost no lease is lost whose window has not passed on the store's clock.
//! * A call that nobody disturbs ends after some rounds, and a process that keeps asking gets a lease and issues by it,
//!   if nothing is lost any more and the clock goes on; and if the space exists, or a process still runs that was granted
//!   a lease of it there.
//!
//! States are told apart up to the names of tokens, servers and processes. Of each a digest of 64 bits is kept.
//!
//! Without `EXHAUSTIVE=1` the models are small. With it they take minutes in a release build, and gigabytes. `WORLD=name`
//! explores those alone in whose names the text occurs.

use std::env;
use std::time::Instant;

use bounds::{Bounds, Operators};
use model::{Model, SHIPPED};
use search::search;

mod bounds;
mod canon;
mod model;
mod operator;
mod progress;
mod rules_out;
mod search;
mod steps;
mod world;

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
