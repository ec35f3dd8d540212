//! `EtcdStore`: leases in etcd, for whoever reaches the cluster.

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

/// How many records one transaction writes: etcd takes 128 operations unless it is told otherwise.
const AT_ONCE: usize = 100;

/// How old an etcd lease may be by which a worker's holder is known to be alive.
const SPARE: Duration = Duration::from_millis(500);

/// How many other spaces are named, and for how long they are looked for.
const MOST_OTHERS: usize = 10;
const LISTING: Duration = Duration::from_secs(1);

const TXN: &str = "/v3/kv/txn";

/// Leases in etcd, version 3.4 or later, by its own JSON gateway.
///
/// Below `/casflake/{space}/` the key `space` holds what is kept of all workers, and `workers/{index}` the window of
/// one: both last. `live/{index}` is attached to an etcd lease of the worker's holder, which lasts as long as its
/// lease.
///
/// ```no_run
/// use casflake_lease::{EtcdStore, LeasedGenerator};
///
/// let store = EtcdStore::from_url("etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379")?.space("orders")?;
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// println!("{}", ids.generate()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// Windows of one worker never overlap, over processes that are killed, paused or cut off, and over members that crash,
/// are cut off or have clocks that are set: each change is one transaction, which compares all that it replaces, and
/// which a majority of the members has stored before any of it is used. A member without a majority answers nothing,
/// neither a change nor a question. A worker whose holder renews its lease is given to nobody, even where the clock
/// says that its window has passed. Values that are none of ours are refused, and left as they are.
///
/// A cluster that was restored under another cluster ID, and one in which keys are missing, may have lost leases: nothing
/// is granted until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) are over, unless the store was
/// [initialised](crate::LeaseAdmin::init_immediately). A cluster without any key of the space has no such space:
/// [`NoSpace`](crate::StoreError::NoSpace), until a process restores it that was granted a lease by the same cluster, or
/// an operator creates it.
///
/// # What it does not
/// * **Restore a snapshot with another `--initial-cluster-token`**, or for other members: from these the cluster's ID
///   is made. Under the same ID, and where data directories were set back, only a holder who knows more than the store
///   can notice, at its next renewal. Until then IDs can be issued twice, and where no such holder is left. So they can
///   where members lose what they have synced.
/// * etcd tells no time but in the header `Date` of its replies, to the second. It is carried on by a clock of the
///   host, so that the time in IDs may be up to a second behind the member's clock (two hosts' IDs may differ by as
///   much in their order), and jump forward by as much in the first renewals. Other members, other clocks: when one
///   can't be reached the next is asked. Keep them in step.
///   For up to a second after an operator has initialised a space, another host may hear
///   [`NotYet`](crate::StoreError::NotYet).
/// * The lifetime of an etcd lease is whole seconds, rounded up, and not less than some (two unless the cluster's
///   election timeout is another). So a worker whose holder was killed may stay taken for somewhat longer than its
///   window.
/// * A renewal is one round trip, for which two requests are sent at once, on two connections. Where the store has
///   changed in other ways since it was read (workers were granted for the first time), it is three.
/// * etcd's gateway is a client of etcd itself. Where `--client-cert-auth` is on, the member's own certificate must
///   therefore be one for clients, too; and no user is known by a certificate, but by a password.
///
/// Compaction takes nothing away: no old revision is ever asked for.
///
/// A call ends within two seconds. A wrong password and a missing permission fail with
/// [`Refused`](crate::StoreError::Refused). So do a server that speaks TLS only or has none, whatever is wrong with a
/// certificate, and what is no etcd, unless another of the endpoints may answer later; no host of this name, no
/// connection and no leader fail with [`Unavailable`](crate::StoreError::Unavailable).
pub type EtcdStore = BackendStore<EtcdBackend>;

/// The backend of [`EtcdStore`].
pub struct EtcdBackend {
    gateway: Gateway,
    keys: Keys,
    clock: DateClock,
    /// What etcd holds, if nobody has changed it since this has.
    known: Option<Contents>,
    /// By which etcd leases the workers are alive that this store has leased.
    lifelines: BTreeMap<u64, Lifeline>,
    /// An etcd lease of so many seconds, granted just now, that came too late for a worker.
    spare: Option<(Instant, u64, String)>,
}

impl EtcdStore {
    /// The leases in etcd at this address: `etcd://host:port`, or several with commas between them, of which the next
    /// is asked where one can't be reached, is no etcd or has failed: at once, unless it may have written already what
    /// it was asked to; then from the next call on. `etcd` is what etcd's own programs call `http`, and `etcds` is
    /// `https`, by [TLS](crate::from_url()#tls), at port 2379 unless it is named. A user's name and
    /// password go before the hosts, as in `etcds://name:password@host`, with `%` and hexadecimal digits for what is
    /// not a letter, a digit or one of `-._~`; without TLS everybody between here and there can read them. `#name` at the
    /// end is [`space`](Self::space), and [`from_url`](crate::from_url()) says what all URLs have in common.
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`StoreError::Url`] if this is not such an address.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(url)?;
        let keys = url.space().map(Keys::new).map_err(|why| StoreError::Url { why })?;
        let gateway = Gateway::new(Address::parse(&url)?);
        let (known, lifelines, spare) = (None, BTreeMap::new(), None);
        Ok(Self::on(EtcdBackend { gateway, keys, clock: DateClock::new(), known, lifelines, spare }))
    }

    /// Chooses another space than `default`. Processes of different spaces issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
    pub fn space(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        let keys = Keys::new(space_name(name.as_ref())?);
        let backend = self.into_backend();
        Ok(Self::on(EtcdBackend { keys, known: None, lifelines: BTreeMap::new(), ..backend }))
    }
}

impl EtcdBackend {
    /// Writes a change, and attaches the workers that it grants to an etcd lease.
    fn write(&mut self, seen: &Contents, change: &Change, lifeline: Option<&str>) -> Result<bool, StoreError> {
        self.known = None;
        // More records than fit one transaction are those of lost ones, each of which may be written for itself. The
        // space goes with the last.
        let before = change.records.len().saturating_sub(1) / AT_ONCE * AT_ONCE;
        let (before, last) = change.records.split_at_checked(before).unwrap_or((&[], &change.records));
        for records in before.chunks(AT_ONCE) {
            let reply = self.gateway.call(TXN, &self.keys.transaction(seen, None, records, None)?);
            if !is_written(&mut self.clock, seen, reply)? {
                return Ok(false);
            }
        }
        let request = self.keys.transaction(seen, change.space.as_ref(), last, lifeline)?;
        let reply = self.gateway.call(TXN, &request);
        let is_written = is_written(&mut self.clock, seen, reply)?;
        if is_written {
            self.known = Some(with(seen.clone(), change));
        }
        Ok(is_written)
    }

    /// Renews what `contents` shows, and at the same time keeps the etcd lease alive.
    fn renew_from(
        &mut self,
        contents: Contents,
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
        let contents = with(contents, &change);
        let wanted = seconds(terms.duration(ttl));
        let is_alive = match left {
            // Whose etcd lease that is is not known.
            None => false,
            // What has become of it is not known: the next renewal sees.
            Some(None) => true,
            Some(Some(left)) => left >= wanted,
        };
        if !is_alive {
            // The window is renewed, whatever becomes of this.
            let _ = self.revive(&contents, lease, wanted);
        }
        // At the time by which the window was renewed: what the reply has told counts from the next renewal on.
        let renewed = contents.renewed(record.lease(lease.worker, lease.token));
        self.known = Some(contents);
        Ok(Some(renewed))
    }

    /// Releases what `contents` shows.
    fn release_from(&mut self, contents: &Contents, lease: &Lease, last: Option<u64>) -> Result<bool, StoreError> {
        let released = contents.records.get(&lease.worker).and_then(|record| protocol::release(record, lease, last));
        let Some(record) = released else { return Ok(false) };
        let is_written = self.swap(contents, &Change { space: None, records: [(lease.worker, record)].into() })?;
        if is_written && let Some(Lifeline { id, .. }) = self.lifelines.remove(&lease.worker) {
            self.gateway.revoke(&id);
        }
        Ok(is_written)
    }

    /// Attaches a worker to a new etcd lease, if it is still its holder's by the same record.
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
        while others.len() < MOST_OTHERS {
            let reply: Reply<wire::Range> = self.gateway.call("/v3/kv/range", &keys::first_since(&after))?;
            let Some(root) = keys::root_of(&reply.body)? else { break };
            if root != self.keys.root() {
                others.push(keys::name_of(&root));
            }
            if started.elapsed() >= LISTING && others.is_empty() {
                let why = "etcd has not told within 1 s whether there are others";
                return Err(StoreError::unavailable("listing the ID spaces in etcd", why));
            }
            if started.elapsed() >= LISTING {
                break;
            }
            after = keys::after(&root);
        }
        Ok(others)
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let Reply { unix_ns, body } = self.gateway.call(TXN, &self.keys.all())?;
        let Txn { header, responses, .. } = body;
        let now = self.clock.hear(unix_ns);
        self.keys.contents(now, header.cluster_id, responses)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.write(seen, change, None)
    }

    fn grant(&mut self, seen: &Contents, change: &Change, ttl: Duration) -> Result<bool, StoreError> {
        let seconds = seconds(ttl);
        if self.spare.as_ref().is_some_and(|(since, of, _)| *of != seconds || since.elapsed() >= SPARE) {
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

    /// In one trip where what is known from the last one still holds. A renewal that may have had its effect is not
    /// sent again: the caller would not know how often it was renewed.
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
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdStore")
            .field("endpoints", &self.gateway.endpoints())
            .field("user", &self.gateway.user())
            .field("root", &self.keys.root())
            .finish_non_exhaustive()
    }
}

/// Whether a transaction was written that should be to what `seen` shows.
fn is_written(
    clock: &mut DateClock,
    seen: &Contents,
    reply: Result<Reply<Txn>, StoreError>,
) -> Result<bool, StoreError> {
    let Reply { unix_ns, body: Txn { header, succeeded, .. } } = reply?;
    clock.hear(unix_ns);
    if succeeded && header.cluster_id != seen.incarnation {
        // It does not know what that one has granted.
        let why = format!("cluster {} has answered, not {}", header.cluster_id, seen.incarnation);
        return Err(StoreError::unavailable("writing to etcd", why));
    }
    Ok(succeeded)
}

/// What etcd holds after `change`.
fn with(mut contents: Contents, change: &Change) -> Contents {
    contents.space = change.space.clone().or(contents.space);
    contents.records.extend(change.records.iter().cloned());
    contents
}
