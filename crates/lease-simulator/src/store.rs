//! The store: its data and its clock in memory, behind the public `Backend`. The rules are the shipped ones.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

use casflake_lease::{Backend, Change, Contents, StoreError};

use crate::clocks::Drifting;
use crate::control::Control;
use crate::host::START_MS;
use crate::random::Random;
use crate::scenario::MS;
use crate::story::shown_change;
use crate::violation::Kind;
use crate::world::{Due, Planted, World, world};

/// The data and the state of the store.
pub(crate) struct Stored {
    pub(crate) contents: Contents,
    pub(crate) clock: Drifting,
    pub(crate) frozen_until: u64,
    pub(crate) backup: Option<Contents>,
    /// The number of incarnations so far.
    pub(crate) incarnations: u64,
    /// The changes that reach the store late. Each is `None` after it has arrived.
    late: Vec<Option<(Contents, Change)>>,
    /// The highest reading so far at which a lease may have been granted.
    pub(crate) highest_ns: u64,
}

impl Stored {
    pub(crate) fn new(random: &Random) -> Self {
        let start = i64::try_from(START_MS * MS).unwrap_or(0);
        Self {
            contents: Contents::new(0, "incarnation 0", "the only place"),
            clock: Drifting::new(start + random.around(2_000_000_000), random.around(50)),
            frozen_until: 0,
            backup: None,
            incarnations: 0,
            late: Vec::new(),
            highest_ns: 0,
        }
    }

    /// Gives the store another incarnation, because it may have lost something.
    pub(crate) fn reincarnate(&mut self) {
        self.incarnations += 1;
        self.contents.incarnation = format!("incarnation {}", self.incarnations);
    }
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    /// No request reaches the store.
    Unreachable,
    RequestLost,
    ReplyLost,
    Late,
    Doubled,
    Panics,
    PanicsAfterWrite,
}

/// A process' connection to the store.
pub(crate) struct Memory {
    /// `None` for an operator.
    pub(crate) process: Option<usize>,
    pub(crate) fate: Cell<Fate>,
}

pub(crate) fn unavailable(what: &str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { what: what.into(), cause: cause.into() }
}

impl Backend for Memory {
    fn place(&self) -> String {
        "the simulated store".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        if self.fate.get() == Fate::Unreachable {
            return Err(unavailable("reading the store", "no connection"));
        }
        let world = world();
        let mut stored = world.store.borrow_mut();
        let mut contents = stored.contents.clone();
        contents.unix_ns = stored.clock.at(world.now.get());
        stored.highest_ns = stored.highest_ns.max(contents.unix_ns);
        if let (Some(process), Some(Control::StoreGrantsTwice)) = (self.process, world.scenario.borrow().control) {
            let owner = &world.process(process).plan.owner;
            let others = contents.records.values_mut().filter(|record| record.owner != *owner);
            others.for_each(|record| record.until = record.from);
        }
        Ok(contents)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let world = world();
        if let Some(process) = self.process {
            let process = world.process(process);
            let owner = &process.plan.owner;
            if let Some((_, record)) = change.records.iter().find(|(_, r)| r.token.is_some() && r.owner != *owner) {
                world.broken(Kind::Setting, || format!("{owner} asked as {:?}", record.owner));
            }
            world.deliver_between();
        }
        // The second write of a call can meet the fault, too.
        let fate = if world.random.chance(7000) { self.fate.replace(Fate::Fine) } else { Fate::Fine };
        let lost = |what| Err(unavailable("writing to the store", what));
        match fate {
            Fate::Fine => Ok(write(&world, seen, change)),
            Fate::Unreachable => lost("no connection"),
            Fate::RequestLost => {
                world.count_and_tell("a request is lost");
                lost("the request is lost")
            }
            Fate::ReplyLost => {
                world.count_and_tell("a reply is lost");
                write(&world, seen, change);
                lost("the reply is lost")
            }
            Fate::Late => {
                world.count_and_tell("a request is late");
                later(&world, seen, change);
                lost("no reply in time")
            }
            Fate::Doubled => {
                world.count_and_tell("a request is doubled");
                later(&world, seen, change);
                Ok(write(&world, seen, change))
            }
            Fate::Panics => {
                world.count_and_tell("the store panics");
                resume_unwind(Box::new(Planted))
            }
            Fate::PanicsAfterWrite => {
                world.count_and_tell("the store panics after it has written");
                write(&world, seen, change);
                resume_unwind(Box::new(Planted))
            }
        }
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let others = world().scenario.borrow().others.clone();
        others.ok_or_else(|| unavailable("listing the spaces", "not allowed"))
    }
}

fn write(world: &World, seen: &Contents, change: &Change) -> bool {
    let mut stored = world.store.borrow_mut();
    let is_unchecked = world.scenario.borrow().control == Some(Control::StoreGrantsTwice);
    let is_as_seen = is_unchecked || stored.contents.is_as_seen(seen, change);
    if is_as_seen {
        stored.contents.apply(change);
    }
    world.tell(|| {
        let what = if is_as_seen { "writes" } else { "has changed, and refuses" };
        format!("the store {what}: {}", shown_change(change))
    });
    is_as_seen
}

/// Lets a copy of the request reach the store up to half a minute later.
fn later(world: &World, seen: &Contents, change: &Change) {
    let mut stored = world.store.borrow_mut();
    let index = stored.late.len();
    stored.late.push(Some((seen.clone(), change.clone())));
    let reach = world.random.pick(&[5 * MS, 300 * MS, 5000 * MS, 30_000 * MS]);
    world.at(world.now.get() + world.random.below(reach), Due::LateChange(index));
}

pub(crate) fn late_change(world: &World, index: usize) {
    let late = world.store.borrow_mut().late[index].take();
    if let Some((seen, change)) = late {
        world.tell(|| "a late request reaches the store".into());
        write(world, &seen, &change);
    }
}

impl World {
    /// Lets other messages reach the store after a call has read it, and before the call writes.
    fn deliver_between(&self) {
        let between = self.scenario.borrow().between;
        if between > 0 && self.is_shallow() && self.random.chance(between) {
            self.count_and_tell("another process writes between read and swap");
            self.nested(self.now.get() + self.random.below(5 * MS), self.now.get());
        }
    }
}

/// An error that can't be displayed.
#[derive(Debug)]
pub(crate) struct Mute;

impl fmt::Display for Mute {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        resume_unwind(Box::new(Planted))
    }
}

impl Error for Mute {}
