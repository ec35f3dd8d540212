//! The size of a model, and the events that can happen in it.

use casflake::{Scheme, Standard};
use casflake_lease::Terms;

/// The size of a model, and the events that can happen in it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The number of processes.
    pub processes: usize,
    /// The number of workers.
    pub workers: u8,
    /// Whether the store is a file. A file that is not a copy carries the name of its server. A copy, and a file without
    /// a space, is served by a new server each time.
    pub file: bool,
    /// The latest tick that the store's clock reads.
    pub clock: u8,
    /// Whether an operator has initialised the store, which is new. If not, the store has no space.
    pub initialised: bool,
    /// Whether a process that was never granted a lease creates an absent space, as a process does if it is set to.
    pub creates: bool,
    /// The operations of operators, which can happen at any time.
    pub operators: Operators,
    /// The most operations.
    pub operations: u8,
    /// Whether the same URL leads to another store at times. That store is empty.
    pub moves: bool,
    /// The first tick after those of the layout.
    pub end: u8,
    /// The TTL that processes ask for, in ticks.
    pub ttl: u8,
    /// The longest TTL that the protocol grants, in ticks.
    pub max_ttl: u8,
    /// How far the store's clock may be behind its latest reading if the store loses something, in ticks.
    pub slack: u8,
    /// The most calls that go on at the same time after their processes have given them up.
    pub late: usize,
    /// Whether a late renewal is a whole call, which asks why it was denied and tries again. If not, it is one message.
    pub whole_calls: bool,
    /// The most renewals in a row without an answer.
    pub unanswered: u8,
    /// The highest counter of a record. States with a higher one are not explored.
    pub counter: u8,
    /// The most losses of the store.
    pub losses: u8,
    /// Whether the store can lose the record of a worker.
    pub record: bool,
    /// Whether the store can lose the space's own record.
    pub own_record: bool,
    /// Whether the store can lose everything.
    pub all: bool,
    /// Whether another server can take over, which knows everything that the one before did.
    pub failover: bool,
    /// Whether the store can be replaced by a backup that another server serves.
    pub restored: bool,
    /// Whether the store can be replaced by a backup such that the next process that talks to it knows more.
    pub known: bool,
    /// Whether requests and replies can be lost.
    pub lossy: bool,
    /// Whether processes can release their leases.
    pub releases: bool,
    /// Whether processes can be killed.
    pub crashes: bool,
    /// Whether the store's clock can move back.
    pub backwards: bool,
    /// Whether a process can become a copy of another one.
    pub clones: bool,
    /// Whether the store names its server only in the reply to a write. A write that another server receives than was
    /// read is done, but grants nothing.
    pub told_after: bool,
}

/// The operations of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    /// None.
    Nothing,
    /// They create an absent space.
    Create,
    /// They vouch that no lease is in use, and this is true: no process runs that was ever granted one.
    Vouch,
    /// They vouch that no lease is in use, whether this is true or not.
    Deceive,
}

impl Bounds {
    /// Two processes, one worker, and a store that loses nothing. All other bounds are made from these.
    pub const CALM: Self = Self {
        processes: 2,
        workers: 1,
        file: false,
        clock: 6,
        initialised: true,
        creates: false,
        operators: Operators::Nothing,
        operations: 0,
        moves: false,
        end: 100,
        ttl: 2,
        max_ttl: 2,
        slack: 1,
        late: 1,
        whole_calls: false,
        unanswered: 2,
        counter: 4,
        losses: 0,
        record: false,
        own_record: false,
        all: false,
        failover: false,
        restored: false,
        known: false,
        lossy: true,
        releases: true,
        crashes: true,
        backwards: true,
        clones: false,
        told_after: false,
    };

    /// Returns the terms of a model of this size.
    pub fn terms(&self) -> Terms {
        let mut terms = Terms::of(&Standard::LAYOUT);
        terms.layout = "L".into();
        (terms.end, terms.workers) = (self.end.into(), self.workers.into());
        (terms.max_ttl, terms.slack) = (self.max_ttl.into(), self.slack.into());
        terms
    }

    /// Returns the earliest tick to which the store's clock moves back. It is 0 if the store loses nothing.
    pub fn earliest(&self, high: u8) -> u8 {
        if self.losses == 0 { 0 } else { high.saturating_sub(self.slack) }
    }
}
