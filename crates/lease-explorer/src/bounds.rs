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
    /// Whether the store is a file. An original file carries the name of its server. A copy of a file has a new server
    /// at each look, and so has a file without a space.
    pub file: bool,
    /// The latest tick that the store's clock reads.
    pub clock: u8,
    /// Whether an operator has initialised the new store before the first event. If not, the store has no space.
    pub initialised: bool,
    /// Whether a process that was never granted a lease creates an absent space. In the library this is a setting.
    pub creates: bool,
    /// The operations of operators, which can happen at any time.
    pub operators: Operators,
    /// The largest number of operations of operators.
    pub operations: u8,
    /// Whether the URL can lead to another store at times. That store is empty at first.
    pub moves: bool,
    /// The first tick after the last tick of the layout.
    pub end: u8,
    /// The TTL that processes ask for, in ticks.
    pub ttl: u8,
    /// The longest TTL that the protocol grants, in ticks.
    pub max_ttl: u8,
    /// How many ticks the store's clock may move back behind its latest reading, if the store can lose something.
    pub slack: u8,
    /// The largest number of late calls at the same time. A late call goes on after its process has given it up.
    pub late: usize,
    /// Whether a late renewal is a whole call. If the store denies the renewal, a whole call asks why and tries again.
    /// If this is not set, a late renewal is one message.
    pub whole_calls: bool,
    /// The largest number of renewals in a row without an answer.
    pub unanswered: u8,
    /// The highest counter of a record. States with a higher counter are not explored.
    pub counter: u8,
    /// The largest number of losses of the store.
    pub losses: u8,
    /// Whether the store can lose the record of a worker.
    pub record: bool,
    /// Whether the store can lose the space's own record.
    pub own_record: bool,
    /// Whether the store can lose everything.
    pub all: bool,
    /// Whether another server can take over. It then has everything that the previous server had.
    pub failover: bool,
    /// Whether the store can be replaced by a backup that is served by another server.
    pub restored: bool,
    /// Whether the store can be replaced by a backup while a process knows more than the backup. That process is then
    /// the next one to talk to the store.
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
    /// Whether the store names its server only in the reply to a write. If a write reaches another server than the one
    /// that was read, the write is done, but it grants nothing.
    pub told_after: bool,
}

/// The operations of operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    /// No operations.
    Nothing,
    /// Operators create an absent space.
    Create,
    /// Operators vouch that no lease is in use, and this is true: no process that was ever granted a lease still runs.
    Vouch,
    /// Operators vouch that no lease is in use, whether this is true or not.
    Deceive,
}

impl Bounds {
    /// Two processes, one worker, and a store that loses nothing. All other models are made by changing these bounds.
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

    /// Returns the earliest tick to which the store's clock can move back, if `high` is the clock's latest reading.
    /// This is 0 if the store loses nothing.
    pub fn earliest(&self, high: u8) -> u8 {
        if self.losses == 0 { 0 } else { high.saturating_sub(self.slack) }
    }
}
