//! `RedisStore`: leases in a Redis server.

mod address;
mod failure;
mod link;
mod log_in;
mod refusal;
mod server;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod tls;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Script};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) use self::address::SCHEMES;
use self::failure::Failure;
use self::link::Link;
use self::server::Server;
use crate::backend::{Backend, Contents, Renewed};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{Change, Record};
use crate::renewal_json::RenewalJson;
use crate::terms::{CLOCK_SLACK, Terms};
use crate::url::{StoreUrl, space_name};

/// A store of leases in a Redis server (5 or later, or Valkey), for all hosts that reach the server. Requires the
/// feature `redis`.
///
/// Each ID space is one hash, so that the space is kept or lost as a whole. The key of the hash is `casflake:` and the
/// name of the space. The hash has a field `space` and one field for each worker, in JSON. Usually, a renewal or a
/// release runs one Lua script, and so needs one round trip. Acquiring a lease runs two scripts: the first script reads
/// the fields, and the second script writes only if the field `space` and the fields to write have not changed since.
/// More scripts run if a space is created, if another process has changed the space meanwhile, or if data or a reply
/// was lost. The script of a renewal or a release writes only if the worker's record belongs to the lease. The store's
/// clock is the clock of the server.
///
/// ```no_run
/// use casflake_lease::{LeasedGenerator, RedisStore};
///
/// let store = RedisStore::from_url("redis://:password@ids.example:6379/0")?.space("orders")?;
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// Windows of one worker never overlap, as long as only one server at a time is the master and keeps what it has
/// acknowledged. The store notices the following cases, in which the server may have lost data:
///
/// * **The server was restarted**, with all of its data, with older data or with none. Or a replica has taken over, or
///   the server was a replica for some time. Redis gives each run and each promotion a name. Leases that were granted
///   under another name are not renewed. After the first call that finds the new name, nothing is granted for
///   [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK), two and a half minutes, even with an
///   append-only file. Holders issue IDs until their windows end, and then issue no IDs until this wait is over. An
///   operator who knows that no lease is in use can end the wait: [initialise](crate::LeaseAdmin::init_immediately) the
///   store.
/// * **The hash is missing**: it was flushed, deleted, evicted, or not kept over a restart. A process that was granted
///   a lease of the space restores the hash in two cases: the server's run is the one that granted the lease, or the
///   run began after the last grant or renewal of the lease. Because the clocks of two servers can differ, the start of
///   the run may also be up to [`CLOCK_SLACK`](crate::CLOCK_SLACK) before that grant or renewal. In all other cases the
///   address now leads to another server, such as a replica that has taken over without the hash, and the process
///   writes nothing there. Until the space is restored, other processes get [`NoSpace`](crate::StoreError::NoSpace). If
///   no process can restore the space, all processes get this error until the space is created anew. After the hash is
///   restored, the wait is the same as after a restart. To keep the hash, let Redis save its data, and set
///   `maxmemory-policy` to `noeviction` or to one of the `volatile-` policies, which do not evict keys without an
///   expiry.
/// * **The record of a worker is missing, or is older than the record that the worker's holder knows.** The wait is the
///   same as after a restart. If only some records are missing, only the workers of those records are not granted
///   during the wait.
///
/// The server's clock may be set to another time. A lease is not renewed while the end of its window is more than
/// [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) ahead of the server's clock. The worker of a lease
/// is not granted again before the server's clock has reached the end of the window. The store does not read from or
/// write to a replica, not even one that accepts writes. If a value in the hash does not have the form in which this
/// store writes values, the calls that read this value fail with [`Corrupt`](crate::StoreError::Corrupt), and the value
/// stays as it is.
///
/// # What it does not promise
/// * **Two masters at the same time** can grant the same window. A master that was cut off may still serve some clients
///   and renew their leases, and the new master does not learn of these renewals. If a replica can take over, set
///   `min-replicas-to-write` to half of the replicas or more, and `min-replicas-max-lag` to 10 seconds. If the servers'
///   clocks differ by at most 15 seconds, the old master then stops accepting writes so early that its last windows end
///   before the new master grants their workers.
/// * If data is replaced while the server runs, by `RESTORE`, `SWAPDB`, `DEBUG RELOAD` or by hand, the loss is noticed
///   only when a holder that knows a newer record renews its lease.
/// * The store does not ask Sentinel, and does not follow the redirections of a cluster. The URL must lead to the
///   master; in a cluster, to the master that has the key of the space. A proxy between the store and Redis must always
///   lead to the same server.
///
/// # Errors and permissions
/// A request fails after two seconds without an answer, or after one second without a connection or a TLS session.
///
/// [`Refused`](crate::StoreError::Refused) is the error for a wrong password, a missing permission, a database that
/// does not exist, a server in protected mode, a server that requires TLS or does not support it, and any fault of a
/// certificate. [`Unavailable`](crate::StoreError::Unavailable) is the error for a host name that is not resolved, no
/// connection, a replica, and a server that loads its data or has too many clients.
///
/// Each request runs on a thread of its own. If the server answers very slowly, the thread ends later than the request.
/// The store's Redis user needs access to the keys `casflake:*` and to the commands `evalsha`, `script|load`, `info`,
/// `time`, `type`, `hget`, `hgetall`, `hmget` and `hset`; to `select` for a database other than 0; and to `scan` to
/// create an ID space and to list the other spaces in an error. Without `scan`, the command `casflake leases URL init`
/// requires `--beside`.
pub type RedisStore = BackendStore<RedisBackend>;

/// The backend of [`RedisStore`].
///
/// # Examples
/// ```
/// use casflake_lease::{Backend, RedisStore};
///
/// let store = RedisStore::from_url("redis://127.0.0.1#orders")?;
/// assert_eq!(store.backend().space_name(), "orders");
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
pub struct RedisBackend {
    link: Link,
    space: String,
    key: String,
    /// The name of the server's run in which the last lease was granted, and the time of the last grant or renewal, in
    /// nanoseconds since 1970 on the server's clock. `None` if no lease was granted to this store. Redis gives each run
    /// of a server a name.
    heard_of: Option<(String, u64)>,
    /// The name of the server's run at the last `read`.
    run: String,
}

impl RedisStore {
    /// Returns a store of leases in the server at `url`. Does not connect yet.
    ///
    /// The URL is `redis://[user][:password@]host[:port][/database]` or `unix:///path[?db=database]`. The scheme
    /// `rediss` means [TLS](crate::from_url()#tls). The parameter `protocol` is 2 or 3. The form `unix:` also has the
    /// parameters `user` and `pass`. `#name` at the end is the [`space`](Self::space). [`from_url`](crate::from_url())
    /// describes the rules that all URLs share.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `url` is not such a URL, or if it asks for a feature that is not built in.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::RedisStore;
    ///
    /// let store = RedisStore::from_url("redis://ids:password@127.0.0.1:6379/0#orders")?;
    /// assert!(RedisStore::from_url("redis://127.0.0.1/zero").is_err());
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(url)?;
        RedisBackend::at(&url).map(Self::on).map_err(|why| StoreError::Url { why })
    }

    /// Sets the name of the space. The default is `default`. Each space has workers of its own, and processes of
    /// different spaces can issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{RedisStore, StoreError};
    ///
    /// let store = RedisStore::from_url("redis://127.0.0.1")?.space("orders")?;
    /// assert!(matches!(store.space("new orders"), Err(StoreError::Url { .. })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn space(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        let space = space_name(name.as_ref())?;
        let backend = self.into_backend();
        Ok(Self::on(RedisBackend { space: space.into(), key: key(space), heard_of: None, ..backend }))
    }
}

impl RedisBackend {
    fn at(url: &StoreUrl<'_>) -> Result<Self, String> {
        let link = Link::to(Server::at(address::parse(url)?).map_err(|error| error.to_string())?);
        let space = url.space()?;
        Ok(Self { link, space: space.into(), key: key(space), heard_of: None, run: String::new() })
    }

    fn run<T>(&mut self, script: &'static Script, args: &[String]) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send + 'static,
    {
        let mut invocation = script.key(&self.key);
        invocation.arg(args);
        self.link.run(invocation).map_err(|failure| match failure {
            Failure::Store(error) => error,
            Failure::Redis(error) if error.code() == Some("WRONGTYPE") => {
                StoreError::corrupt(self.spot(None), error.to_string())
            }
            Failure::Redis(error) => refusal::of(self.link.what(), error),
        })
    }

    /// Returns the place of the space. Usually, this is the address of the server. If the space is absent, and the
    /// address now leads to another server than at the last grant or renewal, the name of the server's run follows the
    /// address. The server counts as another one if its run did not grant the last lease, and was started more than
    /// [`CLOCK_SLACK`] before the last grant or renewal.
    fn place_of(&mut self, incarnation: &str, started: u64, is_absent: bool) -> String {
        self.run = incarnation.chars().take_while(char::is_ascii_hexdigit).collect();
        // The slack is added because the new server may run on another host, whose clock may be behind the clock of the
        // previous server.
        let started = started.saturating_add(CLOCK_SLACK.as_secs()).saturating_mul(1_000_000_000);
        let is_same = |(run, last): &(String, u64)| *run == self.run || started >= *last;
        let is_another = is_absent && !self.heard_of.as_ref().is_none_or(is_same);
        if is_another { format!("{}, run {}", self.link, self.run) } else { self.link.to_string() }
    }

    /// Remembers that the server renewed the lease at the time `unix_ns`. Does nothing if no lease was granted to this
    /// store.
    fn heard(&mut self, unix_ns: u64) {
        if let Some((_, last)) = &mut self.heard_of {
            *last = unix_ns;
        }
    }

    fn spot(&self, field: Option<&str>) -> String {
        let Self { link, key, .. } = self;
        match field {
            Some(field) => format!("the field {field:?} of the key {key:?} of Redis at {link}"),
            None => format!("the key {key:?} of Redis at {link}"),
        }
    }
}

impl Backend for RedisBackend {
    fn space_name(&self) -> &str {
        &self.space
    }

    fn place(&self) -> String {
        format!("Redis at {}", self.link)
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let started = Instant::now();
        let (mut others, mut cursor) = (BTreeSet::new(), String::from("0"));
        loop {
            type Answer = (String, Vec<Vec<u8>>);
            let (next, keys): Answer = self.run(&OTHERS, &[cursor])?;
            let names =
                keys.iter().filter_map(|key| Some(String::from_utf8_lossy(key.strip_prefix(PREFIX.as_bytes())?)));
            others.extend(names.filter(|name| **name != *self.space).map(Cow::into_owned));
            if next == "0" || others.len() >= MAX_OTHERS {
                return Ok(others.into_iter().take(MAX_OTHERS).collect());
            }
            if started.elapsed() >= LISTING_TIMEOUT {
                let why = "it has too many keys to find the others within 1 s";
                return Err(StoreError::unavailable(format!("listing the ID spaces in Redis at {}", self.link), why));
            }
            cursor = next;
        }
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        type Answer = (u64, u64, u64, String, Vec<(Vec<u8>, Vec<u8>)>);
        let (seconds, micros, uptime, incarnation, fields): Answer = self.run(&READ, &[])?;
        let (mut space, mut records) = (None, BTreeMap::new());
        for (field, text) in fields {
            let field = String::from_utf8_lossy(&field);
            let failed = |why| StoreError::corrupt(self.spot(Some(&field)), why);
            if field == SPACE {
                space = Some(decode(&text).map_err(failed)?);
            } else {
                let worker = worker(&field).ok_or_else(|| failed("its name is not that of a worker".into()))?;
                records.insert(worker, decode(&text).and_then(sound).map_err(failed)?);
            }
        }
        let is_absent = space.is_none() && records.is_empty();
        let place = self.place_of(&incarnation, seconds.saturating_sub(uptime), is_absent);
        let unix_ns = nanos(seconds, micros);
        Ok(Contents { space, records, ..Contents::new(unix_ns, incarnation, place) })
    }

    /// Writes the change if the store is still as in `seen`. Compares the whole text of each field, not only the
    /// version of the space. If the space was lost and created again after `seen` was read, the versions of the new
    /// space begin at 0. So the new space can have the same version as the space in `seen`.
    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let mut args = Vec::from([seen.incarnation.clone()]);
        args.extend([SPACE.into(), encode_some(seen.space.as_ref())?, encode_some(change.space.as_ref())?]);
        for (worker, record) in &change.records {
            args.extend([worker.to_string(), encode_some(seen.records.get(worker))?, encode(record)?]);
        }
        self.run(&SWAP, &args)
    }

    fn granted(&mut self, contents: &Contents) {
        self.heard_of = Some((self.run.clone(), contents.unix_ns));
    }

    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        let Some(renewal) = RenewalJson::of(&self.space, lease, ttl, terms, u64::MAX)? else { return Ok(None) };
        let (counter, text) = (renewal.next_counter(), renewal.text()?);
        let renewed: Option<(u64, u64, u64, u64, u64)> = self.run(&RENEW, &[text])?;
        Ok(renewed.map(|(seconds, micros, from, until, workers)| {
            let renewed = Lease::new(lease.worker, from, until, counter, lease.token);
            let unix_ns = nanos(seconds, micros);
            self.heard(unix_ns);
            Renewed::new(renewed, unix_ns, workers)
        }))
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let after = last_tick.map_or(0, |last| last.saturating_add(1));
        let args = [lease.worker.to_string(), encode(&lease.token)?, lease.counter.to_string(), after.to_string()];
        self.run(&RELEASE, &args)
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &format_args!("{}", self.link))
            .field("user", &self.link.user())
            .field("key", &self.key)
            .finish()
    }
}

/// The prefix of the keys of all ID spaces.
const PREFIX: &str = "casflake:";

fn key(space: &str) -> String {
    format!("{PREFIX}{space}")
}

/// The largest number of names that `others` returns.
const MAX_OTHERS: usize = 10;
/// The longest time for which `others` asks for more names. If the list is not complete then, `others` fails.
const LISTING_TIMEOUT: Duration = Duration::from_secs(1);

/// The name of the field with the record of the space. Each other field has the record of a worker.
const SPACE: &str = "space";

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("redis/common.lua"), include_str!($file))))
    };
}

static READ: LazyLock<Script> = script!("redis/read.lua");
static SWAP: LazyLock<Script> = script!("redis/swap.lua");
static RENEW: LazyLock<Script> = script!("redis/renew.lua");
static RELEASE: LazyLock<Script> = script!("redis/release.lua");
static OTHERS: LazyLock<Script> = script!("redis/others.lua");

/// Converts the answer of Redis's `TIME` into nanoseconds since 1970.
const fn nanos(seconds: u64, micros: u64) -> u64 {
    seconds.saturating_mul(1_000_000).saturating_add(micros).saturating_mul(1_000)
}

/// Returns the index of the worker whose record is in the field with this name.
fn worker(field: &str) -> Option<u64> {
    field.parse().ok().filter(|worker: &u64| worker.to_string() == field)
}

fn encode(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unavailable("writing JSON", error))
}

/// Encodes a value for the script `swap`, in which an empty text stands for `None`.
fn encode_some(value: Option<&impl Serialize>) -> Result<String, StoreError> {
    value.map_or(Ok(String::new()), encode)
}

/// Decodes the text of a field. Fails unless the text is exactly what [`encode`] writes for the value, because the
/// scripts compare values as texts, and match a text against a fixed pattern to find the parts of the text.
fn decode<T: Serialize + DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match serde_json::to_vec(&value) {
        Ok(written) if written == text => Ok(value),
        _ => Err("its JSON is not in the form that this store writes".into()),
    }
}

/// Returns the record. Fails if the window of the record ends before it begins.
fn sound(record: Record) -> Result<Record, String> {
    if record.from <= record.until { Ok(record) } else { Err("its window ends before it begins".into()) }
}
