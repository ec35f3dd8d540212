//! The state of the model: small numbers, so that millions of them can be compared.

/// Room for the largest model; a smaller one leaves some of it empty.
pub(crate) const WORKERS: usize = 2;
pub(crate) const PROCESSES: usize = 3;
pub(crate) const LATE: usize = 2;
pub(crate) const TICKS: usize = 14;
pub(crate) const STORES: usize = 2;

/// A token's number, from 1 on.
pub(crate) type Name = u8;

/// In [`World::owners`]: granted to nobody; and to somebody who is gone, as are his messages.
pub(crate) const NOBODY: Name = 0;
pub(crate) const GONE: Name = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    pub version: u8,
    pub workers: u8,
    pub granted: u8,
    pub floor: u8,
    pub incarnation: Incarnation,
}

/// What serves a store, and, of a space that was found missing and nobody has looked at since, who has found that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation {
    pub server: u8,
    pub finder: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub from: u8,
    pub until: u8,
    pub counter: u8,
    pub token: Option<Name>,
    /// What no store knows: that this window was given back, whatever the token says.
    pub released: bool,
}

/// What a store keeps; or what a change writes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Data {
    pub space: Option<Space>,
    pub rows: [Option<Row>; WORKERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Store {
    /// What serves the store; of a file: what it was copied from, or 0 where it is no copy.
    pub server: u8,
    pub data: Data,
    pub backup: Option<Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// The store that has granted it.
    pub at: u8,
    pub worker: u8,
    pub from: u8,
    pub until: u8,
    pub counter: u8,
    pub token: Name,
}

/// A write that was decided on and is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Swap {
    /// The store that was read, and is written to.
    pub at: u8,
    /// What it was decided by, as far as anybody looks at that again.
    pub seen: Data,
    pub incarnation: Incarnation,
    pub change: Data,
    /// What is granted by it, if that is what it does.
    pub lease: Option<Held>,
}

/// A call of `acquire` under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asking {
    pub token: Name,
    pub after: Option<u8>,
    /// Which store has granted its process the last lease, if any has.
    pub home: Option<u8>,
    pub swap: Option<Swap>,
}

/// An operation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    /// Whether the operator vouches that no lease is in use; else it is the creation of a space.
    pub vouches: bool,
    /// What was decided on; `None` if the store has to be looked at first.
    pub swap: Option<Swap>,
    /// Whether all is done when that is written.
    pub is_last: bool,
}

/// A generator that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer {
    pub worker: u8,
    pub token: Name,
    pub from: u8,
    pub fence: u8,
    pub last: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// The store that its URL leads to.
    pub at: u8,
    /// Which store has granted it the last lease, if any has. (Where that ended does not matter: no window ends beyond
    /// the floor that a space gets which is made by a clock that is `slack` behind at most.)
    pub home: Option<u8>,
    /// Whether it has heard from the store since an operator vouched falsely.
    pub is_warned: bool,
    /// A call of `acquire` that was not answered, or not heard.
    pub asking: Option<Asking>,
    pub lease: Option<Held>,
    pub unanswered: u8,
    pub issuer: Option<Issuer>,
    /// The last tick issued by generators that are closed.
    pub last: Option<u8>,
    /// Whether it was told what it holds after the backup was made.
    pub is_newer: bool,
    /// Of a process that was cloned and of its clone: whether a renewal has succeeded since.
    pub twin: Option<bool>,
}

/// A call that its process has given up, or that is under way twice, and that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    Acquire(Asking),
    Renew(Held, u8),
    Release(Held, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// What the stores' clocks read.
    pub now: u8,
    /// The latest that they ever read.
    pub high: u8,
    /// The first is the one that is meant. The second is one that the same URL leads to at times: it has nothing.
    pub stores: [Store; STORES],
    pub operator: Option<Operator>,
    /// How often there was one.
    pub operations: u8,
    /// Whether an operator has vouched while leases were in use.
    pub is_deceived: bool,
    pub processes: [Process; PROCESSES],
    pub late: [Option<Call>; LATE],
    /// Whose each tick of each worker is, as granted and not given back, and whatever the store has forgotten.
    pub owners: [[Name; TICKS]; WORKERS],
    /// How often the store has lost something.
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
            owners: [[NOBODY; TICKS]; WORKERS],
            losses: 0,
        }
    }

    /// A token that nobody has or had, but for those who are gone.
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

    /// Every token but those of the owners.
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

    /// Issues nothing any more by the lease that it has.
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
