//! `Backend`: what a kind of store has to do, so that the protocol of leases runs on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::convert::tick_of;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{self, Change, Record, Space, View};
use crate::terms::{MAX_WORKERS, Terms};
use crate::token::Token;

/// What a kind of store has to do: keep one ID space and the records of its workers, and tell the time.
///
/// [`BackendStore`](crate::BackendStore) runs the protocol of leases on it, and is a [`LeaseStore`](crate::LeaseStore). A
/// backend needs three methods: [`place`](Self::place), [`read`](Self::read) and [`swap`](Self::swap). It decides nothing;
/// all that it promises is that `swap` compares and writes in one step. The example `memory_store` is one, and the module
/// `conformance` (a feature) has the tests that each backend must pass.
///
/// The other methods have defaults by these three. A store for which they take several trips over a network does them in
/// one.
pub trait Backend: Send {
    /// Returns the name of the space; empty for a store that has only one.
    fn space_name(&self) -> &str {
        ""
    }

    /// Returns where the store is, for people: without a password.
    fn place(&self) -> String;

    /// Reads the space, its records and the clock, as they are at one moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be asked; [`StoreError::Refused`] if time does not mend that;
    /// [`StoreError::Corrupt`] if what it holds is not what this crate has written.
    fn read(&mut self) -> Result<Contents, StoreError>;

    /// Writes all of `change`, if the store still is as it was seen, by [`Contents::is_as_seen`]: all of the space, the
    /// incarnation, and all of each record in `change`. Returns whether it did. What it has acknowledged must last.
    ///
    /// # Errors
    /// As [`read`](Self::read). The change may have been written, unless the error is [`StoreError::Corrupt`].
    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError>;

    /// Writes a change that grants a lease for `ttl`, as [`swap`](Self::swap) does.
    ///
    /// # Errors
    /// As [`swap`](Self::swap).
    fn grant(&mut self, seen: &Contents, change: &Change, ttl: Duration) -> Result<bool, StoreError> {
        let _ = ttl;
        self.swap(seen, change)
    }

    /// Takes note that a lease was granted by what was read last.
    fn granted(&mut self, contents: &Contents) {
        let _ = contents;
    }

    /// Gives back what was made ready for a [`grant`](Self::grant) that does not come.
    fn give_up(&mut self) {}

    /// Renews the lease for `ttl` ticks, if the protocol allows that without more ado; returns `None` if it does not, and
    /// the store then finds out why. The rule is that of the default, and a store in which it is written once more, as a
    /// statement or a script, is tested against that.
    ///
    /// # Errors
    /// As [`swap`](Self::swap).
    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        let contents = original(self)?;
        let Some(record) = protocol::renew(&contents.view(terms)?, lease, ttl, terms) else { return Ok(None) };
        let renewed = contents.renewed(record.lease(lease.worker, lease.token));
        let change = Change { space: None, records: [(lease.worker, record)].into() };
        Ok(self.swap(&contents, &change)?.then_some(renewed))
    }

    /// Releases the lease, whose last ID was issued in `last_tick`. Returns whether there was anything to do.
    ///
    /// # Errors
    /// As [`swap`](Self::swap).
    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let contents = original(self)?;
        let record = contents.records.get(&lease.worker);
        let Some(record) = record.and_then(|record| protocol::release(record, lease, last_tick)) else {
            return Ok(false);
        };
        self.swap(&contents, &Change { space: None, records: [(lease.worker, record)].into() })
    }

    /// Returns the names of other spaces in the store, as [`LeaseStore::others`](crate::LeaseStore::others).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't tell.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns what people should know of how the store was opened, as [`LeaseAdmin::notes`](crate::LeaseAdmin::notes).
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads for all but an operator, who alone can know that the space is used nowhere else.
pub(crate) fn original<B: Backend + ?Sized>(backend: &mut B) -> Result<Contents, StoreError> {
    let contents = backend.read()?;
    if contents.is_from_elsewhere {
        return Err(StoreError::Copied { place: backend.place() });
    }
    Ok(contents)
}

/// What a store holds, as a [`Backend`] has read it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// What serves the store: another text as soon as the store may have lost something that it had acknowledged, such
    /// as a server that was started anew without its data.
    pub incarnation: String,
    /// Where the space is, as far as that can be told: a process remakes a lost space only where its lease was granted.
    pub place: String,
    /// Whether the space is a copy of one in another place, which may be in use there.
    pub is_from_elsewhere: bool,
    /// The space; `None` if the store has none.
    pub space: Option<Space>,
    /// The record of each worker that has one, by the worker's index.
    pub records: BTreeMap<u64, Record>,
    /// Workers whose holders are known to be alive, in a store that has leases of its own.
    pub live: BTreeSet<u64>,
}

/// A lease that was renewed, and what else the store has told with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewed {
    /// The lease, with its new end.
    pub lease: Lease,
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// How many workers the space has.
    pub workers: u64,
    /// Where the space is, if that was looked up: [`Contents::place`].
    pub place: Option<String>,
}

impl Renewed {
    /// Creates the result of a renewal.
    #[must_use]
    pub const fn new(lease: Lease, unix_ns: u64, workers: u64) -> Self {
        Self { lease, unix_ns, workers, place: None }
    }
}

impl Contents {
    /// Creates the contents of a store that holds nothing: set the other fields to what it holds.
    #[must_use]
    pub fn new(unix_ns: u64, incarnation: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            unix_ns,
            incarnation: incarnation.into(),
            place: place.into(),
            is_from_elsewhere: false,
            space: None,
            records: BTreeMap::new(),
            live: BTreeSet::new(),
        }
    }

    /// Replaces what `change` replaces, as a store does that keeps its contents in this form.
    pub fn apply(&mut self, change: &Change) {
        if let Some(space) = &change.space {
            self.space = Some(space.clone());
        }
        self.records.extend(change.records.iter().cloned());
    }

    /// Returns the lease, renewed at this time.
    pub(crate) fn renewed(&self, lease: Lease) -> Renewed {
        let workers = self.space.as_ref().map_or(0, |space| space.workers);
        Renewed { lease, unix_ns: self.unix_ns, workers, place: Some(self.place.clone()) }
    }

    pub(crate) fn view(&self, terms: &Terms) -> Result<View, StoreError> {
        // Of which each is looked at by itself.
        if let Some(Space { workers, granted, .. }) = self.space
            && workers.max(granted) > MAX_WORKERS
        {
            let why = format!("it has {workers} workers and {granted} of them were granted, of {MAX_WORKERS} at most");
            return Err(StoreError::corrupt("the record of the space", why));
        }
        Ok(View {
            now: tick_of(terms, self.unix_ns)?,
            incarnation: self.incarnation.clone(),
            place: self.place.clone(),
            space: self.space.clone(),
            records: self.records.clone(),
            live: self.live.clone(),
            look: Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?,
        })
    }

    /// Returns whether what `change` replaces is the same here as in `seen`.
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
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use casflake::{Scheme, Standard};

    use super::Contents;
    use crate::error::StoreError;
    use crate::protocol::{Change, Record, Space};
    use crate::terms::{MAX_WORKERS, Terms};
    use crate::token::Token;

    fn record(until: u64) -> Record {
        Record { from: 1, until, counter: 3, token: Some(Token::numbered(4)), owner: String::new() }
    }

    fn contents() -> Contents {
        let (layout, incarnation) = (String::from("l"), String::from("i"));
        let space = Space { version: 1, layout, workers: 2, granted: 2, floor: 0, incarnation: incarnation.clone() };
        Contents {
            unix_ns: 1_800_000_000_000_000_000,
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
        assert!(is_as_seen(&|now| now.unix_ns += 1));
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
            contents.view(&Terms::of(&Standard::LAYOUT))
        };
        assert!(view(MAX_WORKERS, MAX_WORKERS).is_ok());
        for (workers, granted) in [(MAX_WORKERS + 1, 0), (1, MAX_WORKERS + 1), (u64::MAX, u64::MAX)] {
            assert!(matches!(view(workers, granted), Err(StoreError::Corrupt { .. })));
        }
    }
}
