//! The state of the model, in small numbers, so that millions of states can be compared.

use serde::{Deserialize, Serialize};

/// The number of workers in the largest model. This constant and the next four are the lengths of the arrays in a
/// state. In a smaller model some elements of the arrays stay empty.
pub(crate) const WORKERS: usize = 2;
pub(crate) const PROCESSES: usize = 3;
pub(crate) const LATE: usize = 2;
pub(crate) const TICKS: usize = 14;
pub(crate) const STORES: usize = 2;

/// The number of a token, counted from 1.
pub(crate) type Name = u8;

/// The entry in [`World::owners`] for a tick that is not granted.
pub(crate) const NO_OWNER: Name = 0;
/// The entry in [`World::owners`] for a tick whose token no longer occurs anywhere else in the state.
pub(crate) const GONE: Name = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Space {
    pub version: u8,
    pub workers: u8,
    pub granted: u8,
    pub floor: u8,
    pub incarnation: Incarnation,
}

/// The incarnation of a store or a space. `server` is the number of the store's server. `finder` is the token of the
/// look that found no space. The creation of the space writes the `finder`, and the next change of the space removes
/// the `finder`, except in a file that is not a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation {
    pub server: u8,
    pub finder: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    pub from: u8,
    pub until: u8,
    pub counter: u8,
    pub token: Option<Name>,
    /// Whether this window was released. A store shows a release only by the missing token. The model knows more: this
    /// field is true even if a faulty rule for releases keeps the token.
    pub released: bool,
}

/// The contents of a store, or those records that a change writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Data {
    pub space: Option<Space>,
    pub rows: [Option<Row>; WORKERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// The number of the store's server. If the store is a file, this is 0, unless the file is a copy. A copy becomes
    /// an original file, with the number 0, when a process or an operator writes the space in the copy.
    pub server: u8,
    pub data: Data,
    pub backup: Option<Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// The store that granted the lease.
    pub at: u8,
    pub worker: u8,
    pub from: u8,
    pub until: u8,
    pub counter: u8,
    pub token: Name,
}

/// A write that was decided on but not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Swap {
    /// The store that was read. The write goes to the same store.
    pub at: u8,
    /// The records that the caller has read, and that the store compares with its records before the write.
    pub seen: Data,
    pub incarnation: Incarnation,
    pub change: Data,
    /// The lease that the write grants, if it grants one.
    pub lease: Option<Held>,
}

/// A call of `acquire` in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asking {
    pub token: Name,
    pub after: Option<u8>,
    /// The store that granted the last lease of this process, if any.
    pub home: Option<u8>,
    pub swap: Option<Swap>,
}

/// An operation of an operator that is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Operator {
    /// Whether the operator vouches that no lease is in use. If not, the operation creates a space.
    pub vouches: bool,
    /// The write that the operator has decided on; `None` if the operator must look at the store before a decision.
    pub swap: Option<Swap>,
    /// Whether this write finishes the operation.
    pub is_last: bool,
}

/// An open generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issuer {
    pub worker: u8,
    pub token: Name,
    pub from: u8,
    pub fence: u8,
    pub last: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// The store that the URL of this process leads to.
    pub at: u8,
    /// The store that granted the last lease of this process, if any. The model does not keep the end of that lease. If
    /// the process creates a lost space again, that lease ends at the new floor or earlier, because the store's clock
    /// is at most `slack` behind its highest reading so far.
    pub home: Option<u8>,
    /// Whether the process has heard from the store since an operator vouched falsely.
    pub is_warned: bool,
    /// A call of `acquire` that has no answer yet, or whose answer was lost.
    pub asking: Option<Asking>,
    pub lease: Option<Held>,
    pub unanswered: u8,
    pub issuer: Option<Issuer>,
    /// The tick of the last ID that the process issued with generators that are now closed.
    pub last: Option<u8>,
    /// Whether the process has learned of a grant or a renewal of its lease since the backup was made.
    pub is_newer: bool,
    /// Whether the process has renewed its lease since a cloning in which the process was the original or the copy.
    /// `None` if there was no such cloning under this lease.
    pub twin: Option<bool>,
}

/// A late call: a call that goes on after its process has given it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Call {
    Acquire(Asking),
    Renew(Held, u8),
    Release(Held, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// The reading of the stores' clocks.
    pub now: u8,
    /// The highest reading of the stores' clocks so far.
    pub high: u8,
    /// The two stores. At first the URL of each process leads to the first store, and the second store is empty. With
    /// `moves`, the URL can change to the second store and back again.
    pub stores: [Store; STORES],
    pub operator: Option<Operator>,
    /// The number of operations that operators have begun so far.
    pub operations: u8,
    /// Whether an operator has vouched while leases were in use.
    pub is_deceived: bool,
    pub processes: [Process; PROCESSES],
    pub late: [Option<Call>; LATE],
    /// The owner of each tick of each worker. The owner is the token that the tick was granted to, until that token
    /// releases the tick. The token stays the owner even if the store loses the record.
    pub owners: [[Name; TICKS]; WORKERS],
    /// The number of losses so far.
    pub losses: u8,
}

impl World {
    pub fn start() -> Self {
        Self {
            now: 0,
            high: 0,
            stores: [Store { server: 0, data: Data::default(), backup: None }; STORES],
            operator: None,
            operations: 0,
            is_deceived: false,
            processes: [Process::default(); PROCESSES],
            late: [None; LATE],
            owners: [[NO_OWNER; TICKS]; WORKERS],
            losses: 0,
        }
    }

    /// Returns a token that does not occur in the stores, the processes or the messages of this state.
    pub fn fresh(&self) -> Name {
        let mut copy = *self;
        let mut highest = 0;
        copy.each_token(|token| highest = highest.max(*token));
        highest + 1
    }

    pub fn fresh_server(&self) -> u8 {
        let mut copy = *self;
        let mut highest = 0;
        copy.each_server(|server| highest = highest.max(*server));
        highest + 1
    }

    /// Calls `visit` for every token of this state, except for those in `owners`.
    pub fn each_token(&mut self, mut visit: impl FnMut(&mut Name)) {
        for Store { data, backup, .. } in &mut self.stores {
            data.each_token(&mut visit);
            backup.iter_mut().for_each(|data| data.each_token(&mut visit));
        }
        self.operator
            .iter_mut()
            .filter_map(|operator| operator.swap.as_mut())
            .for_each(|swap| swap.each_token(&mut visit));
        self.processes.iter_mut().for_each(|process| process.each_token(&mut visit));
        self.late.iter_mut().flatten().for_each(|call| call.each_token(&mut visit));
    }

    pub fn each_server(&mut self, mut visit: impl FnMut(&mut u8)) {
        for Store { server, data, backup } in &mut self.stores {
            visit(server);
            data.space.iter_mut().chain(backup.iter_mut().flat_map(|data| &mut data.space)).for_each(|space| {
                visit(&mut space.incarnation.server);
            });
        }
        let asking = self.processes.iter_mut().filter_map(|process| process.asking.as_mut());
        let late = self.late.iter_mut().flatten().filter_map(|call| match call {
            Call::Acquire(asking) => Some(asking),
            Call::Renew(..) | Call::Release(..) => None,
        });
        let asked = asking.chain(late).filter_map(|asking| asking.swap.as_mut());
        for swap in asked.chain(self.operator.iter_mut().filter_map(|operator| operator.swap.as_mut())) {
            visit(&mut swap.incarnation.server);
            let spaces = swap.seen.space.iter_mut().chain(&mut swap.change.space);
            spaces.for_each(|space| visit(&mut space.incarnation.server));
        }
    }
}

impl Data {
    fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.rows.iter_mut().flatten().filter_map(|row| row.token.as_mut()).for_each(&mut *visit);
        self.space.iter_mut().filter_map(|space| space.incarnation.finder.as_mut()).for_each(visit);
    }
}

impl Asking {
    fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        visit(&mut self.token);
        self.swap.iter_mut().for_each(|swap| swap.each_token(visit));
    }
}

impl Swap {
    fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.incarnation.finder.iter_mut().for_each(&mut *visit);
        self.seen.each_token(visit);
        self.change.each_token(visit);
        self.lease.iter_mut().for_each(|lease| visit(&mut lease.token));
    }
}

impl Process {
    pub fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.asking.iter_mut().for_each(|asking| asking.each_token(visit));
        self.lease.iter_mut().for_each(|lease| visit(&mut lease.token));
        self.issuer.iter_mut().for_each(|issuer| visit(&mut issuer.token));
    }

    /// Closes the generator, so that the process issues nothing more under its lease.
    pub fn close(&mut self) {
        self.last = self.last.max(self.issuer.take().and_then(|issuer| issuer.last));
    }
}

impl Call {
    pub fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        match self {
            Self::Acquire(asking) => asking.each_token(visit),
            Self::Renew(held, _) | Self::Release(held, _) => visit(&mut held.token),
        }
    }
}
