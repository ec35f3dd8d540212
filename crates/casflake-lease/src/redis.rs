//! `RedisStore`: leases in a Redis server.

mod address;
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
use self::link::{Failure, Link};
use self::server::Server;
use crate::backend::{Backend, Contents, Renewed};
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{Change, Record};
use crate::terms::CLOCK_SLACK;
use crate::terms::Terms;
use crate::url::{StoreUrl, space_name};

/// Leases in a Redis server (5 or later, or Valkey), for all hosts that reach it.
///
/// Each ID space is one hash, named `casflake:` and the space, so that all of it is kept or lost together: a field
/// `space` and one for each worker, in JSON. Each call is a Lua script, or for an acquisition two, that compares before
/// it writes; a renewal is one round trip. Time is the server's.
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
/// Windows of one worker never overlap, as long as one server at a time is the master and keeps what it has
/// acknowledged. It notices that it may not have:
///
/// * **The server was started anew**, with all of its data, older data or none; a replica has taken over; or the server
///   was a replica in between. Redis names each run and each promotion. Leases granted under another name are not
///   renewed, and nothing is granted until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) are over.
///   So a restart costs two and a half minutes without IDs, less what is left of the leases, unless an operator who
///   knows that none is in use [initialises](crate::LeaseAdmin::init_immediately) the store. An append-only file does not
///   change that.
/// * **The hash is gone**: flushed, deleted, evicted, or not kept over a restart. A process that was granted a lease of the
///   space restores it, if this is the server that has granted the lease, or one that was started since (another server
///   that the address leads to now is left as it is, as is a replica that has taken over without the hash); until then, and if no such process runs, the others get
///   [`NoSpace`](crate::StoreError::NoSpace). The new one costs the same wait. To keep the hash, let Redis save its data,
///   and set `maxmemory-policy` to `noeviction`, or to one of the `volatile-` policies, which leave alone what does not
///   expire.
/// * **A record is gone, or its holder knows more of it than the server:** the same, or for that worker alone.
///
/// The server's clock may be set: while it is far behind what was granted, calls are refused. No replica is asked or
/// written to, not even one that can be. What is not written as this store writes it is refused, and left as it is.
///
/// # What it does not
/// * **Two masters at once** can grant the same window. A master that was cut off, and still serves some clients,
///   renews their leases for as long as it may, and the one in its place does not hear of it. Where a replica can take
///   over, set `min-replicas-to-write` to half of the replicas or more, and `min-replicas-max-lag` to 10 seconds: the
///   old master then stops in time, if the servers' clocks agree to 15 seconds.
/// * Data replaced while the server runs, by `RESTORE`, `SWAPDB`, `DEBUG RELOAD` or by hand, are not noticed but by
///   holders of leases who know more.
/// * Sentinel is not asked, and a cluster's redirections are not followed: let the URL lead to the master, in a cluster
///   to the one that has this one key. A proxy may stand between if it leads to one server.
///
/// A request fails after two seconds without an answer, or after one without a connection or a session of TLS. A wrong
/// password, a missing permission, a database that does not exist, a server in protected mode, one that speaks TLS only
/// or has none, and whatever is wrong with a certificate fail with [`Refused`](crate::StoreError::Refused); no host of
/// this name, no connection, a replica, a server that loads its data or has too many clients with
/// [`Unavailable`](crate::StoreError::Unavailable). Each request is made on a thread of
/// its own, which outlives it where the server answers ever so slowly. The user needs the keys `casflake:*` and the commands `evalsha`,
/// `script|load`, `info`, `time`, `type`, `hget`, `hgetall`, `hmget` and `hset`, and `select` for a database other than
/// 0; and `scan` to create an ID space (without it `init` wants `--beside`) and to be told which others there are.
pub type RedisStore = BackendStore<RedisBackend>;

/// The backend of [`RedisStore`].
pub struct RedisBackend {
    link: Link,
    space: String,
    key: String,
    /// The run of the server that has granted the lease, and when it last said that it is in use, in nanoseconds.
    heard_of: Option<(String, u64)>,
    /// The run that was read last.
    run: String,
}

impl RedisStore {
    /// Returns the leases in the server at `url`. Connects to nothing yet.
    ///
    /// The URL is `redis://[user][:password@]host[:port][/database]` or `unix:///path[?db=database]`. It is
    /// `rediss://` for [TLS](crate::from_url()#tls). The parameter `protocol` is 2 or 3; `unix:` has `user` and `pass`,
    /// too. `#name` at the end is [`space`](Self::space), and [`from_url`](crate::from_url()) says what all URLs have in
    /// common.
    ///
    /// # Errors
    /// [`StoreError::Url`] if this is not such a URL, or if it asks for something that is not built in.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let url = StoreUrl::parse(url)?;
        RedisBackend::at(&url).map(Self::on).map_err(|why| StoreError::Url { why })
    }

    /// Chooses another space than `default`. Each space has workers of its own, and processes of different spaces issue
    /// the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
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

    /// Where the space is. If it is absent, that is where it was only by the server that has granted the lease, or by one
    /// at its address that was started since. One that was running before is another, to which the address leads now.
    fn place_of(&mut self, incarnation: &str, started: u64, is_absent: bool) -> String {
        self.run = incarnation.chars().take_while(char::is_ascii_hexdigit).collect();
        // By a clock that may be behind that of the server before, on another host.
        let started = started.saturating_add(CLOCK_SLACK.as_secs()).saturating_mul(1_000_000_000);
        let is_same = |(run, last): &(String, u64)| *run == self.run || started >= *last;
        let is_another = is_absent && !self.heard_of.as_ref().is_none_or(is_same);
        if is_another { format!("{}, run {}", self.link, self.run) } else { self.link.to_string() }
    }

    /// The server has renewed the lease at this time.
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
            if next == "0" || others.len() >= MOST_OTHERS {
                return Ok(others.into_iter().take(MOST_OTHERS).collect());
            }
            if started.elapsed() >= LISTING {
                let why = "it has too many keys to look for others within 1 s";
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
                let worker = worker(&field).ok_or_else(|| failed("it is named like no worker".into()))?;
                records.insert(worker, decode(&text).and_then(sound).map_err(failed)?);
            }
        }
        let is_absent = space.is_none() && records.is_empty();
        let place = self.place_of(&incarnation, seconds.saturating_sub(uptime), is_absent);
        let unix_ns = nanos(seconds, micros);
        Ok(Contents { space, records, ..Contents::new(unix_ns, incarnation, place) })
    }

    /// Compares all of each text, not only what tells one version from the next: a space that was lost and made anew
    /// meanwhile begins with the same version.
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
        let Some(counter) = lease.counter.checked_add(1) else { return Ok(None) };
        let number = |number: u64| number.to_string();
        let args = [
            number(lease.worker),
            encode(&terms.layout)?,
            number(terms.epoch_unix_ms),
            number(terms.tick_ms),
            number(terms.end),
            number(terms.max_ttl.saturating_add(terms.slack)),
            encode(&lease.token)?,
            number(lease.counter),
            number(counter),
            number(lease.from),
            number(lease.until),
            number(ttl),
        ];
        let renewed: Option<(u64, u64, u64, u64, u64)> = self.run(&RENEW, &args)?;
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

/// What the keys of all spaces begin with.
const PREFIX: &str = "casflake:";

fn key(space: &str) -> String {
    format!("{PREFIX}{space}")
}

/// How many other spaces are named, and for how long they are looked for.
const MOST_OTHERS: usize = 10;
const LISTING: Duration = Duration::from_secs(1);

/// The field that is no worker's.
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

/// What Redis's `TIME` says, in nanoseconds since 1970.
const fn nanos(seconds: u64, micros: u64) -> u64 {
    seconds.saturating_mul(1_000_000).saturating_add(micros).saturating_mul(1_000)
}

/// The worker that a field is named after.
fn worker(field: &str) -> Option<u64> {
    field.parse().ok().filter(|worker: &u64| worker.to_string() == field)
}

fn encode(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unavailable("writing JSON", error))
}

/// As the script `swap` has it: empty for none.
fn encode_some(value: Option<&impl Serialize>) -> Result<String, StoreError> {
    value.map_or(Ok(String::new()), encode)
}

/// The value of a field, if it is written as [`encode`] writes it: the scripts take it to be, and compare it as text.
fn decode<T: Serialize + DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match serde_json::to_vec(&value) {
        Ok(written) if written == text => Ok(value),
        _ => Err("its JSON is not in the form that this store writes".into()),
    }
}

/// The record, if its window is one.
fn sound(record: Record) -> Result<Record, String> {
    if record.from <= record.until { Ok(record) } else { Err("its window ends before it begins".into()) }
}
