//! `EtcdStore`: leases in etcd, for all hosts that reach the cluster.

mod address;
mod date;
mod failure;
mod gateway;
mod keys;
mod lifeline;
mod tls;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use std::{fmt, thread};

use serde_json::json;

use self::address::Address;
pub(super) use self::address::SCHEMES;
use self::date::DateClock;
use self::gateway::{Gateway, Reply};
use self::keys::{Keys, json_of};
use self::lifeline::{Lifeline, seconds};
use self::wire::Txn;
use crate::backend::{Backend, Contents, Renewed};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{self, Change};
use crate::terms::Terms;
use crate::url::{StoreUrl, space_name};

/// The maximum number of records that one transaction writes. By default, etcd allows 128 writes in a transaction.
const RECORDS_PER_TXN: usize = 100;

/// An etcd lease in `spare` is used for a worker only if it is younger than this. Otherwise it is revoked.
const SPARE_AGE: Duration = Duration::from_millis(500);

/// The maximum number of ID spaces in the list that `others` returns.
const MAX_OTHERS: usize = 10;

/// Once a call of `others` has run for this long, the call asks etcd for no further ID space.
const LISTING_TIMEOUT: Duration = Duration::from_secs(1);

const TXN: &str = "/v3/kv/txn";

/// A store of leases in etcd, for all hosts that reach the cluster. The store needs etcd 3.4 or later, and talks to the
/// JSON gateway that is part of etcd. Requires the feature `etcd`.
///
/// Below `/casflake/{space}/` the key `space` holds the data of the space, and `workers/{index}` the window of one
/// worker. Both are permanent. The key `live/{index}` is attached to an etcd lease that the worker's holder keeps
/// alive. The TTL of that etcd lease is the TTL of the holder's lease, rounded up.
///
/// ```no_run
/// use casflake_lease::{EtcdStore, LeasedGenerator};
///
/// let store = EtcdStore::from_url("etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379")?.space("orders")?;
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// Windows of one worker never overlap. This promise holds even if processes are killed, paused or cut off, and even if
/// members crash, are cut off or have their clocks set. A change is one transaction, or several if it replaces the lost
/// records of more than 100 workers. Each transaction compares everything that it replaces. A transaction takes effect
/// only after a majority of the members has stored the transaction. A member that reaches no majority answers neither
/// writes nor reads. As long as a holder renews its lease, the store does not grant the leased worker to another
/// process, even if the worker's window has ended on a member's clock. Values that were not written by a store of this
/// kind are refused, and left as they are.
///
/// A cluster that was restored under another cluster ID, or in which keys are missing, may have lost leases. The store
/// then grants nothing until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed, unless an
/// operator [initialises](crate::LeaseAdmin::init_immediately) the store. If only keys of workers are missing, only
/// those workers are not granted until then. If a cluster has no key of the space, calls fail with
/// [`NoSpace`](crate::StoreError::NoSpace). The calls fail until a process that was granted a lease by the same cluster
/// restores the space, or until an operator creates the space.
///
/// # What it does not promise
/// * **Restore a snapshot with another `--initial-cluster-token`**, or with other members, because etcd derives the
///   cluster's ID from the token and the members. If the ID is the same, or if data directories were replaced by older
///   ones, the store itself does not notice the loss of data. A holder notices the loss at its next renewal, if the
///   worker's record in the store is missing, or is older than the holder's lease. IDs can be issued twice until then.
///   If the records of all holders are up to date, or no holder is left, the loss is never noticed. IDs can also be
///   issued twice if members lose data that they have synced.
/// * etcd reports the time only in the header `Date` of its replies, to the second. Between two replies, the store adds
///   the time that has passed on a clock of the host. So the time in IDs may be up to a second behind the member's
///   clock, the IDs of two hosts may be out of order by up to a second, and the time may jump forward by up to a second
///   in the first renewals. If one member can't be reached, the store asks the next member, which has another clock.
///   Keep the members' clocks in step. For up to a second after an operator has initialised a space, another host may
///   get [`NotYet`](crate::StoreError::NotYet).
/// * The TTL of an etcd lease is a whole number of seconds, rounded up. It has a lower bound: two seconds, if the
///   cluster has the default election timeout. So the worker of a killed process may stay taken for somewhat longer
///   than its window.
/// * A renewal is one round trip: two requests at the same time, on two connections. A renewal takes three round trips
///   if another process has changed the space since this store read it. For example, a process changes the space when
///   it grants a worker for the first time.
/// * etcd's gateway connects to etcd as a client. If `--client-cert-auth` is on, the member's own certificate must
///   therefore be valid for clients, too. A user is identified by a password, never by a certificate.
///
/// Compaction does no harm: the store never asks for an old revision.
///
/// # Errors
/// A call fails if etcd does not answer a request within two seconds. The error is
/// [`Refused`](crate::StoreError::Refused) if the password or a certificate is wrong, if a permission is missing, or if
/// the server is not etcd, requires TLS or does not support TLS. The error is
/// [`Unavailable`](crate::StoreError::Unavailable) if a host name is not resolved, a connection fails or the cluster
/// has no leader. If no endpoint is usable, the error is `Refused` only if the failures of all endpoints that were
/// asked lead to `Refused`.
pub type EtcdStore = BackendStore<EtcdBackend>;

/// The backend of [`EtcdStore`].
///
/// # Examples
/// ```
/// use casflake_lease::{Backend, EtcdStore};
///
/// let store = EtcdStore::from_url("etcd://127.0.0.1#orders")?;
/// assert_eq!(store.backend().space_name(), "orders");
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
pub struct EtcdBackend {
    gateway: Gateway,
    keys: Keys,
    clock: DateClock,
    /// The contents of etcd when this store last read or wrote them. They are up to date unless another client has
    /// changed them since.
    known: Option<Contents>,
    /// The etcd leases of the workers that this store has leased.
    lifelines: BTreeMap<u64, Lifeline>,
    /// An etcd lease that was not used, because another client changed the worker or the space first. The fields: when
    /// this store asked for the etcd lease, its TTL in seconds, and its ID.
    spare: Option<(Instant, u64, String)>,
}

impl EtcdStore {
    /// Returns a store of leases in etcd at this address. Does not connect yet.
    ///
    /// The URL is `etcd://host:port`, or has several hosts with commas between them. If a host can't be reached, is not
    /// etcd or has failed, the store asks the next host in the same call. But if the failed host may have written a
    /// change to etcd, the call fails, and only the next call asks the next host. `etcd` and `etcds` correspond to
    /// `http` and `https` in the URLs of etcd's own programs. `etcds` uses [TLS](crate::from_url()#tls). The default
    /// port is 2379.
    ///
    /// The user's name and password go before the hosts, as in `etcds://name:password@host`. In the name and in the
    /// password, percent-encode each character other than a letter, a digit or one of `-._~`. For example, write a
    /// blank as `%20`. Without TLS, anyone who can listen on the network between this host and etcd can read the name
    /// and the password. `#name` at the end is the [`space`](Self::space). [`from_url`](crate::from_url()) describes
    /// the rules that all URLs share.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `url` is not such an address.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::EtcdStore;
    ///
    /// let store = EtcdStore::from_url("etcd://10.0.0.1,10.0.0.2,10.0.0.3#orders")?;
    /// assert!(EtcdStore::from_url("etcd://10.0.0.1,,10.0.0.3").is_err());
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(url)?;
        let keys = url.space().map(Keys::new).map_err(|why| StoreError::Url { why })?;
        let gateway = Gateway::new(Address::parse(&url)?);
        let (known, lifelines, spare) = (None, BTreeMap::new(), None);
        Ok(Self::on(EtcdBackend { gateway, keys, clock: DateClock::new(), known, lifelines, spare }))
    }

    /// Sets the name of the space. The default is `default`. Processes of different spaces can issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{EtcdStore, StoreError};
    ///
    /// let store = EtcdStore::from_url("etcd://127.0.0.1")?.space("orders")?;
    /// assert!(matches!(store.space("new orders"), Err(StoreError::Url { .. })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn space(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        let keys = Keys::new(space_name(name.as_ref())?);
        let backend = self.into_backend();
        Ok(Self::on(EtcdBackend { keys, known: None, lifelines: BTreeMap::new(), ..backend }))
    }
}

impl EtcdBackend {
    /// Writes `change` if `seen` is up to date. If `change` grants a worker, attaches that worker to the etcd lease
    /// `lifeline`. Returns whether all of `change` was written.
    fn write(&mut self, seen: &Contents, change: &Change, lifeline: Option<&str>) -> Result<bool, StoreError> {
        self.known = None;
        // Only a change that replaces lost records can have more records than fit in one transaction. Each such record
        // may be written independently of the others. The space is written with the last records.
        let before = change.records.len().saturating_sub(1) / RECORDS_PER_TXN * RECORDS_PER_TXN;
        let (before, last) = change.records.split_at_checked(before).unwrap_or((&[], &change.records));
        for records in before.chunks(RECORDS_PER_TXN) {
            let reply = self.gateway.call(TXN, &self.keys.transaction(seen, None, records, None)?);
            if !is_written(&mut self.clock, seen, reply)? {
                return Ok(false);
            }
        }
        let request = self.keys.transaction(seen, change.space.as_ref(), last, lifeline)?;
        let reply = self.gateway.call(TXN, &request);
        let is_written = is_written(&mut self.clock, seen, reply)?;
        if is_written {
            self.known.insert(seen.clone()).apply(change);
        }
        Ok(is_written)
    }

    /// Renews the lease, and keeps the worker's etcd lease alive at the same time. Returns `None` if `contents` are out
    /// of date, or if [`protocol::renew`] forbids the renewal.
    fn renew_from(
        &mut self,
        mut contents: Contents,
        lease: &Lease,
        ttl: u64,
        terms: &Terms,
    ) -> Result<Option<Renewed>, StoreError> {
        let Some(record) = protocol::renew(&contents.view(terms)?, lease, ttl, terms) else { return Ok(None) };
        let change = Change { space: None, records: [(lease.worker, record.clone())].into() };
        let request = self.keys.transaction(&contents, None, &change.records, None)?;
        let lifeline = self.lifelines.get(&lease.worker).filter(|lifeline| lifeline.token == lease.token);
        let (gateway, clock) = (&self.gateway, &mut self.clock);
        let (is_written, left) = thread::scope(|scope| {
            let keeping = lifeline
                .map(|lifeline| thread::Builder::new().spawn_scoped(scope, || gateway.keep_alive(&lifeline.id)));
            let is_written = is_written(clock, &contents, gateway.call(TXN, &request));
            (is_written, keeping.map(|keeping| keeping.ok()?.join().ok()?.ok()))
        });
        if !is_written? {
            return Ok(None);
        }
        contents.apply(&change);
        let wanted = seconds(terms.duration(ttl));
        let is_alive = match left {
            // This store does not know the worker's etcd lease.
            None => false,
            // It is unknown whether the etcd lease is still alive. The next renewal finds out.
            Some(None) => true,
            Some(Some(left)) => left >= wanted,
        };
        if !is_alive {
            // If this fails, the window is renewed nevertheless.
            let _ = self.revive(&contents, lease, wanted);
        }
        // Returns the time from which the end of the renewed window was computed. The later time in the reply is used
        // from the next renewal on.
        let renewed = contents.renewed(record.lease(lease.worker, lease.token));
        self.known = Some(contents);
        Ok(Some(renewed))
    }

    /// Releases the lease. Returns `false` if `contents` are out of date, or if the worker's record in `contents` does
    /// not have the token and the counter of `lease`.
    fn release_from(&mut self, contents: &Contents, lease: &Lease, last: Option<u64>) -> Result<bool, StoreError> {
        let released = contents.records.get(&lease.worker).and_then(|record| protocol::release(record, lease, last));
        let Some(record) = released else { return Ok(false) };
        let is_written = self.swap(contents, &Change { space: None, records: [(lease.worker, record)].into() })?;
        if is_written && let Some(Lifeline { id, .. }) = self.lifelines.remove(&lease.worker) {
            self.gateway.revoke(&id);
        }
        Ok(is_written)
    }

    /// Attaches the worker of `lease` to a new etcd lease, if the worker's record is still the same as in `seen`. An
    /// unchanged record proves that the holder is the same.
    fn revive(&mut self, seen: &Contents, lease: &Lease, seconds: u64) -> Result<(), StoreError> {
        let Some(record) = seen.records.get(&lease.worker) else { return Ok(()) };
        let id = self.gateway.grant(seconds)?;
        let compare = wire::compare(&self.keys.record(lease.worker), Some(&json_of(record)?));
        let put = wire::put_live(&self.keys.live(lease.worker), &id);
        let reply = self.gateway.call(TXN, &json!({ "compare": [compare], "success": [put] }));
        if is_written(&mut self.clock, seen, reply)? {
            self.lifelines.insert(lease.worker, Lifeline { token: lease.token, id });
        } else {
            self.gateway.revoke(&id);
        }
        Ok(())
    }
}

impl Backend for EtcdBackend {
    fn space_name(&self) -> &str {
        self.keys.space_name()
    }

    fn place(&self) -> String {
        format!("etcd at {}", self.gateway.places())
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let started = Instant::now();
        let (mut others, mut after) = (Vec::new(), String::from(keys::FIRST_OF_ALL));
        while others.len() < MAX_OTHERS {
            let reply: Reply<wire::Range> = self.gateway.call("/v3/kv/range", &keys::first_since(&after))?;
            let Some(root) = keys::root_of(&reply.body)? else { break };
            if root != self.keys.root() {
                others.push(keys::name_of(&root));
            }
            if started.elapsed() >= LISTING_TIMEOUT && others.is_empty() {
                let why = "etcd did not answer within 1 s whether there are other ID spaces";
                return Err(StoreError::unavailable("listing the ID spaces in etcd", why));
            }
            if started.elapsed() >= LISTING_TIMEOUT {
                break;
            }
            after = keys::after(&root);
        }
        Ok(others)
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let Reply { unix_ns, body } = self.gateway.call(TXN, &self.keys.all())?;
        let Txn { header, responses, .. } = body;
        let now_ns = self.clock.hear(unix_ns);
        self.keys.contents(now_ns, header.cluster_id, responses)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.write(seen, change, None)
    }

    fn grant(&mut self, seen: &Contents, change: &Change, ttl: Duration) -> Result<bool, StoreError> {
        let seconds = seconds(ttl);
        if self.spare.as_ref().is_some_and(|(since, of, _)| *of != seconds || since.elapsed() >= SPARE_AGE) {
            self.give_up();
        }
        let (since, _, id) = match self.spare.take() {
            Some(spare) => spare,
            None => (Instant::now(), seconds, self.gateway.grant(seconds)?),
        };
        let is_written = self.write(seen, change, Some(&id))?;
        if !is_written {
            self.spare = Some((since, seconds, id));
            return Ok(false);
        }
        for (worker, record) in &change.records {
            if let Some(token) = record.token {
                self.lifelines.insert(*worker, Lifeline { token, id: id.clone() });
            }
        }
        Ok(true)
    }

    fn give_up(&mut self) {
        if let Some((_, _, id)) = self.spare.take() {
            self.gateway.revoke(&id);
        }
    }

    /// Renews the lease. One round trip is enough if the contents of etcd are still as in `known`. If etcd may have
    /// written a renewal, does not send the renewal again, because the caller would then not know how often the lease
    /// was renewed.
    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        if let (Some(known), Some(unix_ns)) = (self.known.take(), self.clock.now()) {
            let contents = Contents { unix_ns, ..known };
            if let Some(grant) = self.renew_from(contents, lease, ttl, terms)? {
                return Ok(Some(grant));
            }
        }
        let contents = self.read()?;
        self.renew_from(contents, lease, ttl, terms)
    }

    fn release(&mut self, lease: &Lease, last: Option<u64>) -> Result<bool, StoreError> {
        if let Some(known) = self.known.take()
            && self.release_from(&known, lease, last)?
        {
            return Ok(true);
        }
        let contents = self.read()?;
        self.release_from(&contents, lease, last)
    }
}

impl fmt::Debug for EtcdBackend {
    /// Formats the store, but not its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdStore")
            .field("endpoints", &self.gateway.endpoints())
            .field("user", &self.gateway.user())
            .field("root", &self.keys.root())
            .finish_non_exhaustive()
    }
}

/// Calls [`Txn::is_written_to`] with the cluster that `seen` was read from, and passes the reply's time to `clock`.
fn is_written(
    clock: &mut DateClock,
    seen: &Contents,
    reply: Result<Reply<Txn>, StoreError>,
) -> Result<bool, StoreError> {
    let Reply { unix_ns, body } = reply?;
    clock.hear(unix_ns);
    body.is_written_to(&seen.incarnation)
}
