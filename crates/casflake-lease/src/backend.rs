//! `Backend`: the operations that the protocol of leases needs from a store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::convert::tick_of;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{self, Change, Record, Space, View};
use crate::terms::{MAX_WORKERS, Terms};
use crate::token::Token;

/// The part of a store that each kind of store implements for itself. A backend keeps one ID space and the records of
/// the workers of that space, and it tells the time.
///
/// [`BackendStore`](crate::BackendStore) runs the protocol of leases on a backend, and is a
/// [`LeaseStore`](crate::LeaseStore). A backend needs three methods: [`place`](Self::place), [`read`](Self::read) and
/// [`swap`](Self::swap). A backend makes no decisions. It promises only that `swap` compares and writes in one step,
/// and that a change lasts after `swap` has returned `true`. The example `memory_store` is a backend. The module
/// `conformance` has the tests that each backend must pass. This module needs the feature `conformance`.
///
/// The other methods have default implementations, which use these three methods. A backend that talks to a server
/// replaces the default implementations, so that a call takes one round trip instead of several.
///
/// # Examples
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::{SystemTime, UNIX_EPOCH};
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{Backend, BackendStore, Change, Contents, LeaseAdmin, LeasedGenerator, StoreError};
///
/// /// A store in the memory of one process. Clones share it.
/// #[derive(Clone)]
/// struct Memory(Arc<Mutex<Contents>>);
///
/// impl Backend for Memory {
///     fn place(&self) -> String {
///         "the memory of this process".into()
///     }
///
///     fn read(&mut self) -> Result<Contents, StoreError> {
///         let mut contents = self.0.lock().unwrap().clone();
///         let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
///         contents.unix_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
///         Ok(contents)
///     }
///
///     fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
///         let mut stored = self.0.lock().unwrap(); // compares and writes in one step
///         let is_as_seen = stored.is_as_seen(seen, change);
///         if is_as_seen {
///             stored.apply(change);
///         }
///         Ok(is_as_seen)
///     }
/// }
///
/// let memory = Memory(Arc::new(Mutex::new(Contents::new(0, "this process", "its memory"))));
/// BackendStore::on(memory.clone()).init_immediately(&Standard::LAYOUT, 4)?;
/// let ids: LeasedGenerator = LeasedGenerator::new(BackendStore::on(memory))?;
/// println!("{}", ids.generate()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Backend: Send {
    /// Returns the name of the space. The name is empty if the store can hold only one space.
    fn space_name(&self) -> &str {
        ""
    }

    /// Returns the location of the store, for error texts. The text must not contain a password. It may differ from
    /// [`Contents::place`], because the two are never compared.
    fn place(&self) -> String;

    /// Reads the space, the records of its workers and the clock of the store, all as of the same moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't be reached; [`StoreError::Refused`] if a retry does not help;
    /// [`StoreError::Corrupt`] if the store holds data that this crate has not written.
    fn read(&mut self) -> Result<Contents, StoreError>;

    /// Writes all of `change` if the store is still as it was in `seen`; otherwise writes nothing. Returns whether the
    /// change was written. After `swap` has returned `true`, the change must last. `swap` compares the same data as
    /// [`Contents::is_as_seen`]: all fields of the space, all fields of each record that `change` replaces, and the
    /// result of [`Contents::is_served_by_its_writer`].
    ///
    /// # Errors
    /// The same as for [`read`](Self::read). After an error other than [`StoreError::Corrupt`], the change may have
    /// been written.
    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError>;

    /// Does the same as [`swap`](Self::swap), for a change that grants a lease. `ttl` is the TTL of that lease.
    ///
    /// # Errors
    /// The same as for [`swap`](Self::swap).
    fn grant(&mut self, seen: &Contents, change: &Change, ttl: Duration) -> Result<bool, StoreError> {
        let _ = ttl;
        self.swap(seen, change)
    }

    /// Tells the backend that a lease was granted. The grant was decided from `contents`, which the last
    /// [`read`](Self::read) returned.
    fn granted(&mut self, contents: &Contents) {
        let _ = contents;
    }

    /// Makes the contents that the last [`read`](Self::read) returned durable. [`BackendStore`](crate::BackendStore)
    /// calls this method if a call succeeds because of these contents, and writes nothing. For example, a request that
    /// was granted before gets the same lease. The default method does nothing, which is right if `read` returns only
    /// contents that no crash can undo. A backend that wraps another backend must pass this call on.
    ///
    /// # Errors
    /// The same as for [`read`](Self::read).
    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Frees everything that the backend has prepared for a [`grant`](Self::grant).
    /// [`BackendStore`](crate::BackendStore) calls this method if a call of [`acquire`](crate::LeaseStore::acquire) has
    /// failed.
    fn give_up(&mut self) {}

    /// Renews the lease for `ttl` ticks if the rule of renewals allows the renewal. Returns `None` if the rule forbids
    /// the renewal, or if another process has changed the space or the record during the call.
    /// [`BackendStore`](crate::BackendStore) then reads the store to find the reason. The default method evaluates the
    /// rule in Rust. A backend may evaluate the rule in an SQL statement or a script instead; the suite in the module
    /// `conformance` checks that the result is the same as in Rust.
    ///
    /// # Errors
    /// The same as for [`swap`](Self::swap).
    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        let contents = read_original(self)?;
        let Some(record) = protocol::renew(&contents.view(terms)?, lease, ttl, terms) else { return Ok(None) };
        let renewed = contents.renewed(record.lease(lease.worker, lease.token));
        let change = Change { space: None, records: [(lease.worker, record)].into() };
        Ok(self.swap(&contents, &change)?.then_some(renewed))
    }

    /// Releases the lease. `last_tick` is the tick of the last ID that was issued with this lease. Returns whether the
    /// release was written. The release is not written if the worker's record does not have the token and the counter
    /// of the lease. The release may also not be written if another process changes the space or the record during the
    /// call.
    ///
    /// # Errors
    /// The same as for [`swap`](Self::swap).
    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let contents = read_original(self)?;
        let record = contents.records.get(&lease.worker);
        let Some(record) = record.and_then(|record| protocol::release(record, lease, last_tick)) else {
            return Ok(false);
        };
        self.swap(&contents, &Change { space: None, records: [(lease.worker, record)].into() })
    }

    /// Returns the names of other spaces in the store, as [`LeaseStore::others`](crate::LeaseStore::others) does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't list the names.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns notes for people, as [`LeaseAdmin::notes`](crate::LeaseAdmin::notes) does. The notes are about the URL
    /// that the store was made from.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads the contents. Fails if the space is a copy. Each call of `BackendStore` that reads the contents uses this
/// function, except `survey` and `init_immediately`. A `survey` changes nothing. With `init_immediately`, the operator
/// vouches that the original is not in use.
pub(crate) fn read_original<B: Backend + ?Sized>(backend: &mut B) -> Result<Contents, StoreError> {
    let contents = backend.read()?;
    if contents.is_from_elsewhere {
        return Err(StoreError::Copied { place: backend.place() });
    }
    Ok(contents)
}

/// The contents of a store at one moment, as a [`Backend`] has read them.
///
/// # Examples
/// ```
/// use casflake_lease::{Change, Contents};
///
/// let mut stored = Contents::new(1_767_225_600_000_000_000, "server 7, run 2", "table leases");
/// let (seen, change) = (stored.clone(), Change::default());
/// if stored.is_as_seen(&seen, &change) {
///     stored.apply(&change);
/// }
/// assert_eq!(stored, seen, "that change replaces nothing");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// The incarnation of the store: a text that identifies the server and the data of that server. The text must
    /// change as soon as the store may have lost data that it had acknowledged, for example if a server restarts
    /// without its data.
    pub incarnation: String,
    /// A text that identifies the place of the space, such as a directory or a cluster. If the backend can't
    /// distinguish two places, they have the same text. If the space is lost, a process creates the space again only in
    /// the place where the lease of this process was granted.
    pub place: String,
    /// Whether the space is a copy of a space in another place. The original may still be in use.
    pub is_from_elsewhere: bool,
    /// The space; `None` if the store has none.
    pub space: Option<Space>,
    /// The records of the workers. The key is the worker's index. Some workers may have no record.
    pub records: BTreeMap<u64, Record>,
    /// The workers whose holders are known to be alive. Only a store that has its own kind of leases, such as etcd, can
    /// know this. In other stores the set is empty.
    pub live: BTreeSet<u64>,
}

/// A renewed lease, and the data that the backend has read from the store in the same call.
///
/// # Examples
/// ```
/// use casflake_lease::{Lease, Renewed, Token};
///
/// let lease = Lease::new(3, 5_000, 65_000, 2, Token::random()?);
/// let mut renewed = Renewed::new(lease, 1_767_225_600_000_000_000, 1024);
/// renewed.place = Some("table leases".into());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewed {
    /// The lease, with its new end.
    pub lease: Lease,
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// How many workers the space has.
    pub workers: u64,
    /// The place of the space, with the same meaning as [`Contents::place`]; `None` if the backend has not read the
    /// place.
    pub place: Option<String>,
}

impl Renewed {
    /// Creates the result of a renewal. Its `place` is `None`.
    #[must_use]
    pub const fn new(lease: Lease, unix_ns: u64, workers: u64) -> Self {
        Self { lease, unix_ns, workers, place: None }
    }
}

impl Contents {
    /// Creates the contents of an empty store. If the store is not empty, set the other fields, too.
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

    /// Applies `change` to these contents. A backend that keeps its data as `Contents` can write a change with this
    /// method.
    pub fn apply(&mut self, change: &Change) {
        if let Some(space) = &change.space {
            self.space = Some(space.clone());
        }
        self.records.extend(change.records.iter().cloned());
    }

    /// Returns the result of a renewal that was decided from these contents. `lease` is the renewed lease.
    pub(crate) fn renewed(&self, lease: Lease) -> Renewed {
        let workers = self.space.as_ref().map_or(0, |space| space.workers);
        Renewed { lease, unix_ns: self.unix_ns, workers, place: Some(self.place.clone()) }
    }

    pub(crate) fn view(&self, terms: &Terms) -> Result<View, StoreError> {
        // The rules loop over all of these workers, so the number of workers must be limited.
        if let Some(Space { workers, granted, .. }) = self.space
            && workers.max(granted) > MAX_WORKERS
        {
            let why = format!(
                "the space has {workers} workers, of which {granted} were granted, but the limit is {MAX_WORKERS}"
            );
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

    /// Returns whether everything that `change` depends on is the same here as in `seen`. Compares:
    ///
    /// * All fields of the space. The version alone is not enough. After a store was emptied or restored from a backup,
    ///   a space can have the same version again, but then its [`floor`](Space::floor) is different.
    /// * All fields of each record that `change` replaces. The counter alone is not enough. After a record was lost and
    ///   replaced, the new record can have the same counter, but then its window is different.
    /// * The result of [`is_served_by_its_writer`](Self::is_served_by_its_writer). If a different server serves the
    ///   store now, that server may lack some of the data in `seen`.
    #[must_use]
    pub fn is_as_seen(&self, seen: &Self, change: &Change) -> bool {
        self.space == seen.space
            && self.is_served_by_its_writer() == seen.is_served_by_its_writer()
            && change.records.iter().all(|(worker, _)| self.records.get(worker) == seen.records.get(worker))
    }

    /// Returns whether the store still has the incarnation that is written in the record of the space. If not, the
    /// store may have lost data.
    #[must_use]
    pub fn is_served_by_its_writer(&self) -> bool {
        self.space.as_ref().is_some_and(|space| space.incarnation == self.incarnation)
    }
}

#[cfg(test)]
mod tests;
