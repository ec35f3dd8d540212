//! The state of the model: small numbers, so that millions of them can be compared.

/// Room for the largest model; a smaller one leaves some of it empty.
pub(super) const WORKERS: usize = 2;
pub(super) const PROCESSES: usize = 3;
pub(super) const LATE: usize = 2;
pub(super) const TICKS: usize = 14;
pub(super) const STORES: usize = 2;

/// A token's number, from 1 on.
pub(super) type Name = u8;

/// In [`World::owners`]: granted to nobody; and to somebody who is gone, as are his messages.
pub(super) const NOBODY: Name = 0;
pub(super) const GONE: Name = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Space {
    pub(super) version: u8,
    pub(super) workers: u8,
    pub(super) granted: u8,
    pub(super) floor: u8,
    pub(super) incarnation: Incarnation,
}

/// What serves a store, and, of a space that was found missing and nobody has looked at since, who has found that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Incarnation {
    pub(super) server: u8,
    pub(super) finder: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Row {
    pub(super) from: u8,
    pub(super) until: u8,
    pub(super) counter: u8,
    pub(super) token: Option<Name>,
    /// What no store knows: that this window was given back, whatever the token says.
    pub(super) released: bool,
}

/// What a store keeps; or what a change writes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Data {
    pub(super) space: Option<Space>,
    pub(super) rows: [Option<Row>; WORKERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Store {
    /// What serves the store; of a file: what it was copied from, or 0 where it is no copy.
    pub(super) server: u8,
    pub(super) data: Data,
    pub(super) backup: Option<Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Held {
    /// The store that has granted it.
    pub(super) at: u8,
    pub(super) worker: u8,
    pub(super) from: u8,
    pub(super) until: u8,
    pub(super) counter: u8,
    pub(super) token: Name,
}

/// A write that was decided on and is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Swap {
    /// The store that was read, and is written to.
    pub(super) at: u8,
    /// What it was decided by, as far as anybody looks at that again.
    pub(super) seen: Data,
    pub(super) incarnation: Incarnation,
    pub(super) change: Data,
    /// What is granted by it, if that is what it does.
    pub(super) lease: Option<Held>,
}

/// A call of `acquire` under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Asking {
    pub(super) token: Name,
    pub(super) after: Option<u8>,
    /// Which store has granted its process the last lease, if any has.
    pub(super) home: Option<u8>,
    pub(super) swap: Option<Swap>,
}

/// An operation that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Operator {
    /// Whether the operator vouches that no lease is in use; else it is the creation of a space.
    pub(super) vouches: bool,
    /// What was decided on; `None` if the store has to be looked at first.
    pub(super) swap: Option<Swap>,
    /// Whether all is done when that is written.
    pub(super) is_last: bool,
}

/// A generator that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Issuer {
    pub(super) worker: u8,
    pub(super) token: Name,
    pub(super) from: u8,
    pub(super) fence: u8,
    pub(super) last: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Process {
    /// The store that its URL leads to.
    pub(super) at: u8,
    /// Which store has granted it the last lease, if any has. (Where that ended does not matter: no window ends beyond
    /// the floor that a space gets which is made by a clock that is `slack` behind at most.)
    pub(super) home: Option<u8>,
    /// Whether it has heard from the store since an operator vouched falsely.
    pub(super) is_warned: bool,
    /// A call of `acquire` that was not answered, or not heard.
    pub(super) asking: Option<Asking>,
    pub(super) lease: Option<Held>,
    pub(super) unanswered: u8,
    pub(super) issuer: Option<Issuer>,
    /// The last tick issued by generators that are closed.
    pub(super) last: Option<u8>,
    /// Whether it was told what it holds after the backup was made.
    pub(super) is_newer: bool,
    /// Of a process that was cloned and of its clone: whether a renewal has succeeded since.
    pub(super) twin: Option<bool>,
}

/// A call that its process has given up, or that is under way twice, and that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Call {
    Acquire(Asking),
    Renew(Held, u8),
    Release(Held, Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// What the stores' clocks read.
    pub(super) now: u8,
    /// The latest that they ever read.
    pub(super) high: u8,
    /// The first is the one that is meant. The second is one that the same URL leads to at times: it has nothing.
    pub(super) stores: [Store; STORES],
    pub(super) operator: Option<Operator>,
    /// How often there was one.
    pub(super) operations: u8,
    /// Whether an operator has vouched while leases were in use.
    pub(super) is_deceived: bool,
    pub(super) processes: [Process; PROCESSES],
    pub(super) late: [Option<Call>; LATE],
    /// Whose each tick of each worker is, as granted and not given back, and whatever the store has forgotten.
    pub(super) owners: [[Name; TICKS]; WORKERS],
    /// How often the store has lost something.
    pub(super) losses: u8,
}

impl World {
    pub(super) fn new() -> Self {
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
    pub(super) fn fresh(&self) -> Name {
        let mut copy = *self;
        let mut highest = 0;
        copy.each_token(|token| highest = highest.max(*token));
        highest + 1
    }

    pub(super) fn fresh_server(&self) -> u8 {
        let mut copy = *self;
        let mut highest = 0;
        copy.each_server(|server| highest = highest.max(*server));
        highest + 1
    }

    /// Every token but those of the owners.
    pub(super) fn each_token(&mut self, mut visit: impl FnMut(&mut Name)) {
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

    pub(super) fn each_server(&mut self, mut visit: impl FnMut(&mut u8)) {
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
    pub(super) fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        self.asking.iter_mut().for_each(|asking| asking.each_token(visit));
        self.lease.iter_mut().for_each(|lease| visit(&mut lease.token));
        self.issuer.iter_mut().for_each(|issuer| visit(&mut issuer.token));
    }

    /// Issues nothing any more by the lease that it has.
    pub(super) fn close(&mut self) {
        self.last = self.last.max(self.issuer.take().and_then(|issuer| issuer.last));
    }
}

impl Call {
    pub(super) fn each_token(&mut self, visit: &mut impl FnMut(&mut Name)) {
        match self {
            Self::Acquire(asking) => asking.each_token(visit),
            Self::Renew(held, _) | Self::Release(held, _) => visit(&mut held.token),
        }
    }
}
