//! The behaviour of a store and its clients, according to the shipped rules.

use std::ops::Range;

use casflake_lease::_protocol::{
    Ask, Change, Contents, Decision, Denied, Finding, IfAbsent, Known, Operation, Record, Terms, View, acquire,
    explain, found_empty, init, init_immediately, release, renew,
};
use casflake_lease::{Lease, LostReason, Token};

use crate::bounds::Bounds;
use crate::world::{Asking, Data, Held, Incarnation, NO_OWNER, Name, Row, Space, Swap, TICKS, World};

/// The functions that decide in the model. [`SHIPPED`] has the functions of `casflake-lease`. A test can replace such a
/// function by a faulty one that leaves out a rule.
#[derive(Clone, Copy)]
pub struct Rules {
    pub acquire: fn(&View, &Ask, &Terms) -> Result<Decision, Denied>,
    pub renew: fn(&View, &Lease, u64, &Terms) -> Option<Record>,
    pub explain: fn(&View, &Lease, u64, &IfAbsent, &Terms) -> Finding,
    pub release: fn(&Record, &Lease, Option<u64>) -> Option<Record>,
    pub init: fn(&View, u64, &Terms) -> Option<Operation>,
    pub init_immediately: fn(&View, u64, &Terms) -> Result<Operation, Denied>,
    pub is_as_seen: fn(&Contents, &Contents, &Change) -> bool,
}

pub const SHIPPED: Rules =
    Rules { acquire, renew, explain, release, init, init_immediately, is_as_seen: Contents::is_as_seen };

/// A property that does not hold. L1 to L11 are the invariants of [`LeaseStore`](casflake_lease::LeaseStore).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A tick of a worker was granted to two tokens (L1).
    Overlap { worker: u8, tick: u8 },
    /// A process issued a tick that was not granted to its token (L1).
    Foreign { worker: u8, tick: u8 },
    /// A process issued a tick that is not after the ticks that it issued under its earlier leases (L10).
    Backwards { tick: u8, last: u8 },
    /// A window ends after the last tick of the layout (L3).
    Beyond { until: u8 },
    /// A released window was renewed (L5).
    Revived { worker: u8 },
    /// A holder lost its lease before the end of the window, although the store has lost nothing.
    LostEarly { reason: LostReason },
    /// A call does not end although nothing disturbs it.
    Endless,
    /// A process that keeps asking for a lease issues no ID, although nothing more is lost and the clock moves on.
    Stuck,
    /// A process and its clone have both renewed their lease.
    Twins,
}

pub struct Model {
    pub bounds: Bounds,
    pub rules: Rules,
    pub terms: Terms,
}

/// The result of one look at the store by a process that wants a lease.
pub enum Read {
    Granted(Held),
    Decided(Swap),
    Denied,
}

impl Model {
    pub fn new(bounds: Bounds, rules: Rules) -> Self {
        assert!(usize::from(bounds.clock + bounds.max_ttl) < TICKS, "every window fits the table of owners");
        assert!(!bounds.moves || bounds.late == 0, "a late call goes to the first store");
        Self { bounds, rules, terms: bounds.terms() }
    }

    pub(crate) fn first_state(&self) -> World {
        let mut world = World::start();
        if self.bounds.initialised {
            let initialising = |world: &World| {
                let view = self.view(world, FIRST, Tokens::default());
                init_immediately(&view, self.terms.workers, &self.terms).expect("a store of this layout")
            };
            if let Operation::Begin(change) = initialising(&world) {
                self.write(&mut world, FIRST, &written(&change));
            }
            if let Operation::Finish(change) = initialising(&world) {
                self.write(&mut world, FIRST, &written(&change));
            }
        }
        world
    }

    /// Reads the store and decides what to write. `pick` is the choice of the call `asking` between two free workers: 0
    /// for the first one, 1 for the second. `pick` is also the [`crowd`](Ask::crowd) of the request.
    pub fn read(&self, world: &World, at: u8, asking: &Asking, pick: u8) -> Read {
        let names = Tokens { picking: Some((asking.token, pick)) };
        let ask = Ask {
            token: names.token(asking.token),
            ttl: self.bounds.ttl.into(),
            after: asking.after.map(u64::from),
            owner: String::new(),
            crowd: pick.into(),
            if_absent: self.if_absent(asking.home),
        };
        let (change, lease) = match (self.rules.acquire)(&self.view(world, at, names), &ask, &self.terms) {
            Err(_) => return Read::Denied,
            Ok(Decision::Again(lease)) => return Read::Granted(held(&lease, at)),
            Ok(Decision::Grant(change, lease)) => (change, Some(held(&lease, at))),
            Ok(Decision::Mend(change)) => (change, None),
        };
        Read::Decided(self.decided(world, at, &change, lease))
    }

    fn if_absent(&self, home: Option<u8>) -> IfAbsent {
        match home {
            Some(home) => IfAbsent::Remake(Known { place: place(home), workers: self.terms.workers, until: 0 }),
            None if self.bounds.creates => IfAbsent::Create,
            None => IfAbsent::Refuse,
        }
    }

    pub fn decided(&self, world: &World, at: u8, change: &Change, lease: Option<Held>) -> Swap {
        let change = written(change);
        let mut seen = world.stores[usize::from(at)].data;
        for (row, replaced) in seen.rows.iter_mut().zip(change.rows) {
            *row = row.filter(|_| replaced.is_some());
        }
        Swap { at, seen, incarnation: self.incarnation(world, at), change, lease }
    }

    /// Writes the change in `swap`, if the store has not changed since the store was read for `swap`. Returns `false`
    /// if the change is not written. With `told_after`, also returns `false` if the server that receives the write is
    /// not the server that was read.
    pub fn land(&self, world: &mut World, swap: &Swap) -> Result<bool, Broken> {
        let (data, serving) = (world.stores[usize::from(swap.at)].data, self.incarnation(world, swap.at));
        let now = contents(&data, serving, Tokens::default());
        let is_another = serving != swap.incarnation;
        let incarnation = if self.bounds.told_after { serving } else { swap.incarnation };
        let seen = contents(&swap.seen, incarnation, Tokens::default());
        if !(self.rules.is_as_seen)(&now, &seen, &change(&swap.change)) {
            return Ok(false);
        }
        self.write(world, swap.at, &swap.change);
        if self.bounds.told_after && is_another {
            return Ok(false);
        }
        if let Some(Held { worker, from, until, token, .. }) = swap.lease {
            self.set_owner(world, worker, from..until, token)?;
        }
        Ok(true)
    }

    /// Makes one call of `renew`. No other event happens during the call.
    pub fn renew(
        &self,
        world: &mut World,
        at: u8,
        mut lease: Held,
        mut unanswered: u64,
    ) -> Result<Result<Held, Denied>, Broken> {
        for _ in 0..6 {
            if let Some(renewed) = self.renew_once(world, at, &lease)? {
                return Ok(Ok(renewed));
            }
            let view = self.view(world, at, Tokens::default());
            let if_absent = self.if_absent(Some(lease.at));
            match (self.rules.explain)(&view, &lease_of(&lease), unanswered, &if_absent, &self.terms) {
                Finding::Held(found) => {
                    unanswered = unanswered.saturating_sub(found.counter().saturating_sub(lease.counter.into()));
                    lease = held(&found, lease.at);
                }
                Finding::Mend(change) => self.write(world, at, &written(&change)),
                Finding::Denied(denied) => return Ok(Err(denied)),
            }
        }
        Err(Broken::Endless)
    }

    /// Sends one renewal to the store. Returns the renewed lease, or `None` if the store denies the renewal.
    pub fn renew_once(&self, world: &mut World, at: u8, lease: &Held) -> Result<Option<Held>, Broken> {
        let view = self.view(world, at, Tokens::default());
        let record = (self.rules.renew)(&view, &lease_of(lease), self.bounds.ttl.into(), &self.terms);
        let Some(Row { from, until, counter, .. }) = record.as_ref().map(row) else { return Ok(None) };
        let before = &mut world.stores[usize::from(at)].data.rows[usize::from(lease.worker)];
        if before.is_some_and(|row| row.released) {
            return Err(Broken::Revived { worker: lease.worker });
        }
        *before = record.as_ref().map(row);
        self.set_owner(world, lease.worker, from..until, lease.token)?;
        Ok(Some(Held { from, until, counter, ..*lease }))
    }

    /// Makes one call of `release`. No other event happens during the call.
    pub fn release(&self, world: &mut World, at: u8, mut lease: Held, last: Option<u8>) {
        let (worker, store) = (usize::from(lease.worker), usize::from(at));
        loop {
            let Some(before) = world.stores[store].data.rows[worker] else { return };
            if let Some(record) = (self.rules.release)(&recorded(&before), &lease_of(&lease), last.map(u64::from)) {
                world.stores[store].data.rows[worker] = Some(Row { released: true, ..row(&record) });
                let unused = last.map_or(0, |last| usize::from(last) + 1);
                let owners = world.owners[worker].iter_mut().skip(unused);
                owners.filter(|owner| **owner == lease.token).for_each(|owner| *owner = NO_OWNER);
                return;
            }
            if before.token != Some(lease.token) || before.counter == lease.counter {
                return;
            }
            lease.counter = before.counter;
        }
    }
}

impl Model {
    fn incarnation(&self, world: &World, at: u8) -> Incarnation {
        let store = &world.stores[usize::from(at)];
        let server = store.server;
        match store.data.space {
            Some(space) if self.bounds.file && server == 0 => space.incarnation,
            _ if self.bounds.file => Incarnation { server: world.fresh_server(), finder: None },
            _ => Incarnation { server, finder: None },
        }
    }

    pub fn view(&self, world: &World, at: u8, names: Tokens) -> View {
        let contents = contents(&world.stores[usize::from(at)].data, self.incarnation(world, at), names);
        let Contents { incarnation, space, records, live, .. } = contents;
        let (now, place, look) = (world.now.into(), place(at), names.token(world.fresh()));
        View { now, place, incarnation, space, records, live, look }
    }

    /// Makes `token` the owner of the ticks of `window`. Fails if the window ends after the last tick of the layout, or
    /// if another token owns one of the ticks.
    pub fn set_owner(&self, world: &mut World, worker: u8, window: Range<u8>, token: Name) -> Result<(), Broken> {
        if window.end > self.bounds.end {
            return Err(Broken::Beyond { until: window.end });
        }
        for tick in window.filter(|&tick| usize::from(tick) < TICKS) {
            let owner = &mut world.owners[usize::from(worker)][usize::from(tick)];
            if *owner != NO_OWNER && *owner != token {
                return Err(Broken::Overlap { worker, tick });
            }
            *owner = token;
        }
        Ok(())
    }

    fn write(&self, world: &mut World, at: u8, change: &Data) {
        let store = &mut world.stores[usize::from(at)];
        let data = &mut store.data;
        data.space = change.space.or(data.space);
        for (row, replaced) in data.rows.iter_mut().zip(change.rows) {
            *row = replaced.or(*row);
        }
        // If the space of a copied file is written anew, the file counts as an original.
        if self.bounds.file && change.space.is_some() {
            store.server = 0;
        }
    }
}

/// The index of the first of the two stores. The URL of each process leads to this store, until an `Event::Move`
/// changes the URL.
pub(crate) const FIRST: u8 = 0;

fn place(at: u8) -> String {
    char::from(b'A' + at).into()
}

/// Converts the number of a token in the model to the [`Token`] that the shipped rules use.
#[derive(Clone, Copy, Default)]
pub struct Tokens {
    /// A token, and the choice of a call with this token between two free workers: 0 for the first one, 1 for the
    /// second. A call with any other token chooses the first one.
    picking: Option<(Name, u8)>,
}

impl Tokens {
    fn token(self, name: Name) -> Token {
        let pick = self.picking.filter(|&(picking, _)| picking == name).map_or(0, |(_, pick)| pick);
        Token::numbered(u128::from(name) * 2 + u128::from(pick))
    }
}

/// Returns the token with this number, as the shipped functions use it.
pub(crate) fn token_of_name(name: Name) -> Token {
    Tokens::default().token(name)
}

pub(crate) fn name(token: Token) -> Name {
    small(token.pick(usize::MAX) / 2)
}

pub(crate) fn small<T: TryInto<u8>>(number: T) -> u8 {
    number.try_into().ok().expect("small numbers")
}

fn contents(data: &Data, incarnation: Incarnation, names: Tokens) -> Contents {
    let records = data.rows.iter().zip(0..).filter_map(|(row, worker)| {
        let row = row.as_ref()?;
        Some((worker, Record { token: row.token.map(|token| names.token(token)), ..recorded(row) }))
    });
    let mut contents = Contents::new(0, spelt(incarnation), "");
    contents.space = data.space.map(|space| a_space(&space));
    contents.records = records.collect();
    contents
}

fn a_space(space: &Space) -> casflake_lease::_protocol::Space {
    casflake_lease::_protocol::Space {
        version: space.version.into(),
        layout: "L".into(),
        workers: space.workers.into(),
        granted: space.granted.into(),
        floor: space.floor.into(),
        incarnation: spelt(space.incarnation),
    }
}

/// Returns an incarnation as the text that the shipped rules use. The text begins with one letter for the server. If
/// the incarnation has a `finder`, the text ends with the token `finder`.
fn spelt(incarnation: Incarnation) -> String {
    let server = char::from(b'a' + incarnation.server);
    incarnation
        .finder
        .map_or_else(|| server.into(), |finder| found_empty(&String::from(server), Tokens::default().token(finder)))
}

fn read_back(text: &str) -> Incarnation {
    let finder = text.rsplit(' ').next().and_then(|token| token.parse().ok()).map(name);
    Incarnation { server: text.as_bytes()[0] - b'a', finder }
}

fn recorded(row: &Row) -> Record {
    Record {
        from: row.from.into(),
        until: row.until.into(),
        counter: row.counter.into(),
        token: row.token.map(|token| Tokens::default().token(token)),
        owner: String::new(),
    }
}

fn row(record: &Record) -> Row {
    Row {
        from: small(record.from),
        until: small(record.until),
        counter: small(record.counter),
        token: record.token.map(name),
        released: false,
    }
}

fn change(data: &Data) -> Change {
    let records: Vec<_> =
        data.rows.iter().zip(0..).filter_map(|(row, at)| Some((at, recorded(row.as_ref()?)))).collect();
    Change { space: data.space.map(|space| a_space(&space)), records }
}

fn written(change: &Change) -> Data {
    let space = change.space.as_ref().map(|space| Space {
        version: small(space.version),
        workers: small(space.workers),
        granted: small(space.granted),
        floor: small(space.floor),
        incarnation: read_back(&space.incarnation),
    });
    let mut data = Data { space, ..Data::default() };
    for (worker, record) in &change.records {
        data.rows[usize::from(small(*worker))] = Some(row(record));
    }
    data
}

pub(crate) fn lease_of(lease: &Held) -> Lease {
    let token = Tokens::default().token(lease.token);
    Lease::new(lease.worker.into(), lease.from.into(), lease.until.into(), lease.counter.into(), token)
}

pub(crate) fn held(lease: &Lease, at: u8) -> Held {
    Held {
        at,
        worker: small(lease.worker()),
        from: small(lease.from()),
        until: small(lease.until()),
        counter: small(lease.counter()),
        token: name(lease.token()),
    }
}
