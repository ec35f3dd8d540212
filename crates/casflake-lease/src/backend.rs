//! From the rules to a store: read, decide, and write what was decided if nothing has changed meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use casflake::Layout;

use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{
    self, Ask, Change, Decision, Denied, Finding, IfAbsent, Known, Operation, Record, Space, Terms, View,
};
use crate::store::{Grant, Missing, Request, Survey, SurveyedSpace, SurveyedWorker};
use crate::terms::{MAX_WORKERS, Whereabouts, refused, terms, tick, ttl_ticks, workers_of};
use crate::token::Token;

/// How often, and for how long, a call tries again that others were faster than.
const ATTEMPTS: u32 = 300;
const PATIENCE: Duration = Duration::from_secs(5);

/// For how many others one provides at most who has lost to others time and again.
const CROWD: u64 = 63;

/// What a store holds, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// What the store's clock reads, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_nanos: u64,
    /// What serves the store.
    pub incarnation: String,
    /// Where the space is, as far as that can be told: a space that is lost is remade only where it was granted.
    pub place: String,
    /// Whether it is a copy of a space in another place, which may be in use there.
    pub is_from_elsewhere: bool,
    /// The space; `None` if the store has none.
    pub space: Option<Space>,
    /// The record of each worker that has one, by the worker's index.
    pub records: BTreeMap<u64, Record>,
    /// Workers whose holders are known to be alive, in a store that has leases of its own.
    pub live: BTreeSet<u64>,
}

/// What a store remembers of a space of which it was granted a lease, so that it can remake the space.
pub(crate) type Memory = Option<Known>;

/// Remembers what a server has told with a renewal.
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) fn remember_renewed(memory: &mut Memory, lease: &Lease, workers: u64) {
    if let Some(known) = memory {
        known.until = known.until.max(lease.until);
        known.workers = workers;
    }
}

/// What a kind of store has to do: keep one space and its records, and tell the time. A renewal and a release can be
/// done by these two; a store for which that takes two trips over a network does them in one.
pub(crate) trait Cells: Send {
    /// The name of the space; empty for a store that has only one.
    fn space_name(&self) -> &str;

    /// Where the store is, for people: without a password.
    fn whereabouts(&self) -> String;

    /// The names of other spaces, as [`LeaseStore::others`](crate::store::LeaseStore::others).
    fn others(&mut self) -> Result<Vec<String>, StoreError>;

    /// What its URL says that makes no difference, as [`LeaseAdmin::notes`](crate::store::LeaseAdmin::notes).
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn memory(&mut self) -> &mut Memory;

    fn read(&mut self) -> Result<Contents, StoreError>;

    /// Reads for all but an operator, who alone can know that the space is used nowhere else.
    fn look(&mut self) -> Result<Contents, StoreError> {
        let contents = self.read()?;
        if contents.is_from_elsewhere {
            return Err(StoreError::Copied { place: self.whereabouts() });
        }
        Ok(contents)
    }

    /// Writes all of `change`, if the store is still as it was seen, by [`Contents::is_as_seen`]: all of the space,
    /// what serves it, and all of each record in `change`. Whether it did.
    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError>;

    /// Writes a change that grants a lease for `ttl`, as [`swap`](Self::swap) does.
    fn grant(&mut self, seen: &Contents, change: &Change, _ttl: Duration) -> Result<bool, StoreError> {
        self.swap(seen, change)
    }

    /// Takes note that what was read last has come to a grant.
    fn granted(&mut self, _contents: &Contents) {}

    /// Gives back what was made ready for a [`grant`](Self::grant) that does not come.
    fn give_up(&mut self) {}

    /// Renews by [`protocol::renew`]. `None` where that says no.
    fn renew(&mut self, terms: &Terms, layout: &Layout, lease: &Lease, ttl: u64) -> Result<Option<Grant>, StoreError> {
        let contents = self.look()?;
        let view = contents.view(layout)?;
        let Some(record) = protocol::renew(&view, lease, ttl, terms) else { return Ok(None) };
        let renewed = record.lease(lease.worker, lease.token);
        let change = Change { space: None, records: [(lease.worker, record)].into() };
        let is_written = self.swap(&contents, &change)?;
        if is_written {
            contents.remember(self.memory(), &renewed);
        }
        Ok(is_written.then_some(Grant::new(renewed, contents.unix_nanos)))
    }

    /// Releases by [`protocol::release`]. Whether that was to be done.
    fn release(&mut self, lease: &Lease, last: Option<u64>) -> Result<bool, StoreError> {
        let contents = self.look()?;
        let released = contents.records.get(&lease.worker).and_then(|record| protocol::release(record, lease, last));
        let Some(record) = released else { return Ok(false) };
        self.swap(&contents, &Change { space: None, records: [(lease.worker, record)].into() })
    }
}

impl Contents {
    pub(crate) fn view(&self, layout: &Layout) -> Result<View, StoreError> {
        // Of which each is looked at by itself.
        if let Some(Space { workers, granted, .. }) = self.space
            && workers.max(granted) > MAX_WORKERS
        {
            let why = format!("it has {workers} workers and {granted} of them were granted, of {MAX_WORKERS} at most");
            return Err(StoreError::corrupt("the record of the space", why));
        }
        Ok(View {
            now: tick(layout, self.unix_nanos / 1_000_000)?,
            incarnation: self.incarnation.clone(),
            place: self.place.clone(),
            space: self.space.clone(),
            records: self.records.clone(),
            live: self.live.clone(),
            look: Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?,
        })
    }

    /// Whether what `change` replaces is the same here as in `seen`.
    ///
    /// All of the space, for its version comes back where a store is emptied or set back; then its floor does not. All
    /// of a record: its counter comes back where it was lost and mended, and then its window does not. And whether it
    /// is what now serves the store that has written it, for another may not have all that `seen` shows.
    #[must_use]
    pub fn is_as_seen(&self, seen: &Self, change: &Change) -> bool {
        self.space == seen.space
            && self.is_served_by_its_writer() == seen.is_served_by_its_writer()
            && change.records.iter().all(|(worker, _)| self.records.get(worker) == seen.records.get(worker))
    }

    /// Returns whether the server that has written the space still serves the store.
    #[must_use]
    pub fn is_served_by_its_writer(&self) -> bool {
        self.space.as_ref().is_some_and(|space| space.incarnation == self.incarnation)
    }

    /// What the caller is told that was denied something at the tick `now`.
    fn refusal(&self, cells: &impl Cells, layout: &Layout, now: u64, denied: Denied, worker: u64) -> StoreError {
        let stored = self.space.as_ref().map_or("", |space| &space.layout);
        let at = Whereabouts { space: cells.space_name(), place: cells.whereabouts(), stored };
        refused(layout, denied, now, worker, at)
    }

    /// Remembers the space by a lease of it that was granted or found to be held.
    pub(crate) fn remember(&self, memory: &mut Memory, lease: &Lease) {
        if let Some(space) = &self.space {
            let until = memory.as_ref().map_or(0, |known| known.until).max(lease.until);
            *memory = Some(Known { place: self.place.clone(), workers: space.workers, until });
        }
    }
}

pub(crate) fn acquire(cells: &mut impl Cells, layout: &Layout, request: &Request) -> Result<Grant, StoreError> {
    let terms = terms(layout);
    let Request { token, after, missing, .. } = *request;
    let ttl = ttl_ticks(layout, request.ttl)?;
    let if_absent = match (missing, cells.memory()) {
        (Missing::Refuse, _) => IfAbsent::Refuse,
        (Missing::Create, None) => IfAbsent::Create,
        (Missing::Create, Some(known)) => IfAbsent::Remake(known.clone()),
    };
    let mut ask = Ask { token, ttl, after, owner: request.owner.clone(), crowd: 0, if_absent };
    let acquired = retried(|attempt| {
        let contents = cells.look()?;
        let view = contents.view(layout)?;
        let decision = protocol::acquire(&view, &ask, &terms);
        let decision = decision.map_err(|denied| contents.refusal(cells, layout, view.now, denied, 0))?;
        let (change, lease) = match decision {
            Decision::Again(lease) => {
                contents.remember(cells.memory(), &lease);
                cells.granted(&contents);
                return Ok(Some(Grant::new(lease, contents.unix_nanos)));
            }
            Decision::Grant(change, lease) => (change, Some(lease)),
            Decision::Mend(change) => (change, None),
        };
        let written = match lease {
            Some(_) => cells.grant(&contents, &change, request.ttl)?,
            None => cells.swap(&contents, &change)?,
        };
        if !written {
            ask.crowd = (2 * ask.crowd + 1).min(CROWD);
            pause(attempt, &ask);
        }
        let granted = lease.filter(|_| written);
        if let Some(lease) = &granted {
            contents.remember(cells.memory(), lease);
            cells.granted(&contents);
        }
        Ok(granted.map(|lease| Grant::new(lease, contents.unix_nanos)))
    });
    if acquired.is_err() {
        cells.give_up();
    }
    acquired
}

/// Does `once` until something has come of it; with its number.
fn retried<T>(mut once: impl FnMut(u32) -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    let started = Instant::now();
    let mut attempts = 0;
    while attempts < ATTEMPTS && started.elapsed() < PATIENCE {
        if let Some(done) = once(attempts)? {
            return Ok(done);
        }
        attempts += 1;
    }
    Err(StoreError::Contended { attempts })
}

/// For another time than others who were slower as well: up to some milliseconds.
fn pause(attempt: u32, ask: &Ask) {
    let most = 500 * (attempt as usize + 1).min(10);
    let micros = ask.token.rotated(attempt).pick(most);
    thread::sleep(Duration::from_micros(micros as u64));
}

pub(crate) fn renew(
    cells: &mut impl Cells,
    layout: &Layout,
    lease: &Lease,
    ttl: Duration,
    mut unanswered: u64,
) -> Result<Grant, StoreError> {
    let terms = terms(layout);
    let ttl = ttl_ticks(layout, ttl)?;
    let mut lease = *lease;
    retried(|_| {
        if let Some(grant) = cells.renew(&terms, layout, &lease, ttl)? {
            return Ok(Some(grant));
        }
        let contents = cells.look()?;
        let view = contents.view(layout)?;
        // Of a lease that this store was not granted it is not known where it was.
        let if_absent = cells.memory().clone().map_or(IfAbsent::Refuse, IfAbsent::Remake);
        match protocol::explain(&view, &lease, unanswered, &if_absent, &terms) {
            Finding::Held(held) => {
                contents.remember(cells.memory(), &held);
                (lease, unanswered) = (held, 0);
            }
            Finding::Mend(change) => {
                cells.swap(&contents, &change)?;
            }
            Finding::Denied(denied) => return Err(contents.refusal(cells, layout, view.now, denied, lease.worker)),
        }
        Ok(None)
    })
}

pub(crate) fn release(cells: &mut impl Cells, lease: &Lease, last: Option<u64>) -> Result<(), StoreError> {
    let mut lease = *lease;
    retried(|_| {
        if cells.release(&lease, last)? {
            return Ok(Some(()));
        }
        let contents = cells.look()?;
        match contents.records.get(&lease.worker) {
            // Renewed by a call whose reply was lost.
            Some(record) if record.token == Some(lease.token) => {
                lease = record.lease(lease.worker, lease.token);
                Ok(None)
            }
            _ => Ok(Some(())),
        }
    })
}

/// The number of workers, if a space of this layout can have it.
fn workers_within(layout: &Layout, workers: u64) -> Result<u64, StoreError> {
    let max = workers_of(layout).min(MAX_WORKERS);
    if workers == 0 || workers > max {
        return Err(StoreError::Workers { value: workers, max });
    }
    Ok(workers)
}

pub(crate) fn create(cells: &mut impl Cells, layout: &Layout, workers: u64) -> Result<bool, StoreError> {
    let (terms, workers) = (terms(layout), workers_within(layout, workers)?);
    let mut is_created = false;
    retried(|_| {
        let contents = cells.look()?;
        match protocol::create(&contents.view(layout)?, workers, &terms) {
            Some(Operation::Begin(change)) => {
                is_created |= cells.swap(&contents, &change)?;
                Ok(None)
            }
            Some(Operation::Finish(change)) => cells.swap(&contents, &change).map(|_| None),
            None => Ok(Some(is_created)),
        }
    })
}

pub(crate) fn initialise(cells: &mut impl Cells, layout: &Layout, workers: u64) -> Result<(), StoreError> {
    let (terms, workers) = (terms(layout), workers_within(layout, workers)?);
    retried(|_| {
        let contents = cells.read()?;
        let view = contents.view(layout)?;
        match protocol::initialise(&view, workers, &terms) {
            Ok(Operation::Begin(change)) => cells.swap(&contents, &change).map(|_| None),
            Ok(Operation::Finish(change)) => Ok(cells.swap(&contents, &change)?.then_some(())),
            Err(denied) => Err(contents.refusal(cells, layout, view.now, denied, 0)),
        }
    })
}

pub(crate) fn reclaim(cells: &mut impl Cells, layout: &Layout, worker: u64) -> Result<(), StoreError> {
    let terms = terms(layout);
    retried(|_| {
        let contents = cells.look()?;
        let view = contents.view(layout)?;
        if contents.space.as_ref().is_some_and(|space| space.layout != terms.layout) {
            return Err(contents.refusal(cells, layout, view.now, Denied::OtherLayout, worker));
        }
        let Some(record) = contents.records.get(&worker) else {
            return Err(StoreError::NoSuchWorker { worker });
        };
        let change = Change { space: None, records: [(worker, protocol::reclaimed(&view, record, &terms))].into() };
        Ok(cells.swap(&contents, &change)?.then_some(()))
    })
}

pub(crate) fn survey(cells: &mut impl Cells) -> Result<Survey, StoreError> {
    let Contents { unix_nanos, space, records, is_from_elsewhere, .. } = cells.read()?;
    if space.is_none() && records.is_empty() {
        let (space, place) = (cells.space_name().into(), cells.whereabouts());
        return Err(StoreError::NoSpace { space, place, others: Vec::new(), layout: String::new() });
    }
    let space = space.map(|Space { layout, workers, floor, .. }| SurveyedSpace { layout, workers, floor });
    let workers = records.into_iter().map(|(worker, record)| {
        let Record { from, until, counter, token, owner } = record;
        SurveyedWorker { worker, from, until, counter, owner: token.map(|_| owner) }
    });
    Ok(Survey { unix_nanos, space, workers: workers.collect(), is_copy: is_from_elsewhere })
}

/// A store whose cells keep to the rules.
macro_rules! store_of_cells {
    (impl[$($generic:tt)*] for $store:ty) => {
        impl<$($generic)*> $crate::LeaseStore for $store {
            fn acquire(
                &mut self,
                layout: &::casflake::Layout,
                request: &$crate::Request,
            ) -> Result<$crate::Grant, $crate::StoreError> {
                $crate::backend::acquire(self, layout, request)
            }

            fn renew(
                &mut self,
                layout: &::casflake::Layout,
                lease: &$crate::Lease,
                ttl: std::time::Duration,
                unanswered: u64,
            ) -> Result<$crate::Grant, $crate::StoreError> {
                $crate::backend::renew(self, layout, lease, ttl, unanswered)
            }

            fn release(
                &mut self,
                _: &::casflake::Layout,
                lease: &$crate::Lease,
                last_tick: Option<u64>,
            ) -> Result<(), $crate::StoreError> {
                $crate::backend::release(self, lease, last_tick)
            }

            fn others(&mut self) -> Result<std::vec::Vec<String>, $crate::StoreError> {
                $crate::backend::Cells::others(self)
            }
        }

        impl<$($generic)*> $crate::LeaseAdmin for $store {
            fn create(&mut self, layout: &::casflake::Layout, workers: u64) -> Result<bool, $crate::StoreError> {
                $crate::backend::create(self, layout, workers)
            }

            fn initialise(
                &mut self,
                layout: &::casflake::Layout,
                workers: u64,
            ) -> Result<(), $crate::StoreError> {
                $crate::backend::initialise(self, layout, workers)
            }

            fn survey(&mut self) -> Result<$crate::Survey, $crate::StoreError> {
                $crate::backend::survey(self)
            }

            fn reclaim(&mut self, layout: &::casflake::Layout, worker: u64) -> Result<(), $crate::StoreError> {
                $crate::backend::reclaim(self, layout, worker)
            }

            fn notes(&self) -> std::vec::Vec<String> {
                $crate::backend::Cells::notes(self)
            }
        }
    };
}
pub(crate) use store_of_cells;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use casflake::{Scheme, Standard};

    use super::Contents;
    use crate::error::StoreError;
    use crate::protocol::{Change, Record, Space};
    use crate::terms::MAX_WORKERS;
    use crate::token::Token;

    fn record(until: u64) -> Record {
        Record { from: 1, until, counter: 3, token: Some(Token::numbered(4)), owner: String::new() }
    }

    fn contents() -> Contents {
        let (layout, incarnation) = (String::from("l"), String::from("i"));
        let space = Space { version: 1, layout, workers: 2, granted: 2, floor: 0, incarnation: incarnation.clone() };
        Contents {
            unix_nanos: 1_800_000_000_000_000_000,
            incarnation,
            place: String::new(),
            is_from_elsewhere: false,
            space: Some(space),
            records: BTreeMap::from([(0, record(10)), (1, record(20))]),
            live: BTreeSet::new(),
        }
    }

    #[test]
    fn a_change_is_made_only_where_all_that_it_touches_is_as_it_was_seen() {
        let change = Change { space: None, records: [(0, record(30)), (2, record(30))].into() };
        let is_as_seen = |change_it: &dyn Fn(&mut Contents)| {
            let mut now = contents();
            change_it(&mut now);
            now.is_as_seen(&contents(), &change)
        };
        assert!(is_as_seen(&|_| {}));
        assert!(is_as_seen(&|now| now.unix_nanos += 1));
        assert!(is_as_seen(&|now| drop(now.records.insert(1, record(21)))), "it is not touched");
        assert!(!is_as_seen(&|now| drop(now.records.insert(0, record(11)))));
        assert!(!is_as_seen(&|now| drop(now.records.remove(&0))));
        assert!(!is_as_seen(&|now| drop(now.records.insert(2, record(10)))));
        assert!(!is_as_seen(&|now| now.space.as_mut().unwrap().floor += 1));
        assert!(!is_as_seen(&|now| now.space = None));
        assert!(!is_as_seen(&|now| now.incarnation.push('2')));
    }

    #[test]
    fn a_space_of_more_workers_than_there_are_is_corrupt() {
        let view = |workers, granted| {
            let mut contents = contents();
            let space = contents.space.as_mut().unwrap();
            (space.workers, space.granted) = (workers, granted);
            contents.view(&Standard::LAYOUT)
        };
        assert!(view(MAX_WORKERS, MAX_WORKERS).is_ok());
        for (workers, granted) in [(MAX_WORKERS + 1, 0), (1, MAX_WORKERS + 1), (u64::MAX, u64::MAX)] {
            assert!(matches!(view(workers, granted), Err(StoreError::Corrupt { .. })));
        }
    }
}
