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
    /// Whether the store is a file. The space in a file contains the name of a server. Each look at a file finds this
    /// server if the file is not a copy. If the file is a copy, or has no space, each look finds a new server.
    pub file: bool,
    /// The highest tick that the store's clock can read.
    pub clock: u8,
    /// Whether the store already has a space in the first state, because an operator has initialised the store.
    pub initialised: bool,
    /// Whether a process creates an absent space even if the process was never granted a lease. The library has a
    /// setting for this choice.
    pub creates: bool,
    /// The operations of operators, which can happen at any time.
    pub operators: Operators,
    /// The largest number of operations that operators can begin.
    pub operations: u8,
    /// Whether the URL of a process can change to a second store and back again. The second store is empty at first.
    pub moves: bool,
    /// The first tick after the last tick of the layout.
    pub end: u8,
    /// The TTL that processes ask for, in ticks.
    pub ttl: u8,
    /// The longest TTL that the protocol grants, in ticks.
    pub max_ttl: u8,
    /// The largest number of ticks by which the store's clock can be behind the clock's highest reading so far, if the
    /// store can lose something. If the store loses nothing, there is no such limit.
    pub slack: u8,
    /// The largest number of late calls at the same time. A late call is a call that goes on although its process no
    /// longer waits for the answer.
    pub late: usize,
    /// Whether a late renewal is a whole call: if the store denies the renewal, the call looks for the reason, and may
    /// try again. If this bound is `false`, a late renewal is a single message.
    pub whole_calls: bool,
    /// The largest number of successive renewals of a process that get no answer.
    pub unanswered: u8,
    /// The highest counter that a record can have. The search does not explore states with a higher counter.
    pub counter: u8,
    /// The largest number of losses. A change to another server counts as a loss, too.
    pub losses: u8,
    /// Whether the store can lose the record of a worker.
    pub record: bool,
    /// Whether the store can lose the space's own record.
    pub own_record: bool,
    /// Whether the store can lose everything.
    pub all: bool,
    /// Whether another server can take over. The new server has everything that the previous server had.
    pub failover: bool,
    /// Whether a backup can replace the contents of the store. Another server then serves the backup.
    pub restored: bool,
    /// Whether a backup can replace the contents of the store while the server stays the same. Immediately afterwards,
    /// a process renews a lease that was granted or renewed after the backup was made.
    pub known: bool,
    /// Whether requests and replies can be lost.
    pub lossy: bool,
    /// Whether processes can release their leases.
    pub releases: bool,
    /// Whether processes can be killed.
    pub crashes: bool,
    /// Whether the store's clock can move back.
    pub backwards: bool,
    /// Whether a process can become a copy of another process.
    pub clones: bool,
    /// Whether the store names its server only in the reply to a write. If another server takes over after a process
    /// has read the store, and before the process writes, the new server still makes the write, but the write grants no
    /// lease.
    pub told_after: bool,
}

/// The kinds of operations that operators, the people who run a store, perform in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    /// Operators do nothing.
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

    /// Returns the limits of the layout, of TTLs and of clocks for a model of this size, in the form that the shipped
    /// rules need.
    pub fn terms(&self) -> Terms {
        let mut terms = Terms::of(&Standard::LAYOUT);
        terms.layout = "L".into();
        (terms.end, terms.workers) = (self.end.into(), self.workers.into());
        (terms.max_ttl, terms.slack) = (self.max_ttl.into(), self.slack.into());
        terms
    }

    /// Returns the earliest tick to which the store's clock can move back. `high` is the clock's highest reading so
    /// far. If the store loses nothing, the clock can move back by any amount, so the earliest tick is 0.
    pub fn earliest(&self, high: u8) -> u8 {
        if self.losses == 0 { 0 } else { high.saturating_sub(self.slack) }
    }
}
