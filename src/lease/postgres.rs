//! `PostgresStore`: leases in two tables of a PostgreSQL database.

mod address;
mod link;
mod rows;
mod sql;

use core::fmt;
use core::time::Duration;
use std::format;
use std::string::{String, ToString};

use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls, Row, Socket};

pub(super) use self::address::SCHEMES;
use self::link::{Answer, Cause, Link, PATIENCE, Param};
use self::rows::{asked, bigint, contents, json, nanos, number};
use super::cells::{Cells, Contents, Memory, store_of_cells};
use super::error::StoreError;
use super::lease::Lease;
use super::rules::{Change, Terms};
use super::store::Grant;
use super::url::space_name;
use crate::layout::Layout;

/// How often a reading tries again that others came in between of.
const READS: u32 = 100;

/// Leases in two tables of a PostgreSQL database (12 or later), for all hosts that reach it. Feature `postgres`.
///
/// The store's clock is the server's. Renewing a lease is one statement and one round trip, as is giving it back.
///
/// ```no_run
/// use casflake::lease::{LeaseAdmin, LeasedGenerator, PostgresStore};
/// use casflake::{Scheme, Standard};
///
/// let mut store = PostgresStore::open("postgresql://ids@db.example.org/ids")?.space("orders")?;
/// store.initialise(&Standard::LAYOUT, 1024)?; // by an operator, once: no process holds a lease of it
///
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Tables
/// Where they are missing the store creates them, in the first schema of the `search_path`:
///
/// ```sql
#[doc = include_str!("postgres/tables.sql")]
/// ```
///
/// If its role may not do that, create them by hand, and `GRANT SELECT, INSERT, UPDATE` on both.
///
/// # What it promises
/// Windows of one worker never overlap: over clients and servers that are killed, restarted, stopped or cut off, and
/// clocks that are set. Each commit is on disk before it is acknowledged (`synchronous_commit`, which each transaction
/// sets for itself), and on those standbys that the server is set to wait for. Rows that are none of a store's are
/// refused, and left as they are.
///
/// What may have lost leases grants nothing until [`MAX_TTL`](super::MAX_TTL) + [`CLOCK_SLACK`](super::CLOCK_SLACK) are
/// over, unless the store was [initialised](super::LeaseAdmin::initialise). Who holds a lease meanwhile issues IDs
/// until its window ends, and can't renew it:
/// * tables that are new, that were dropped or emptied (as `UNLOGGED` ones are by a crash), and rows that were deleted;
/// * a server on a new timeline: a standby that was promoted, whether it had seen each commit or not, and a backup that
///   was recovered, to its end or to a point in time;
/// * another cluster: one that was upgraded by `pg_upgrade`, or into which a dump was loaded.
///
/// On a standby the store is unavailable. Of several hosts in a URL, in whatever order, that one is used that can be
/// written.
///
/// # What it does not
/// * A primary that goes on by itself after another was promoted goes on granting and renewing leases: fence it off.
/// * An older state without a new timeline is noticed only when somebody renews a lease that it does not know of, until
///   when windows can be granted twice: a data directory, a disk or a snapshot that was put back without recovery, a
///   dump that was loaded into the cluster it was taken from, rows that were changed by hand.
/// * Nothing holds with `fsync = off`, or on disks that lose what they have acknowledged.
/// * A clock that is set forward frees workers whose holders are alive, and one that is set back frees none until it
///   has caught up: the first costs those holders their leases, the second their renewals, and neither an ID twice.
///
/// # Poolers
/// Each statement is a transaction of its own, prepared under no name, and relies on nothing that is set for its
/// session: a pooler of transactions will do. At the start of a connection `options` asks for limits of time: let
/// PgBouncer ignore that (`ignore_startup_parameters = options`).
///
/// # Time
/// A call ends within seconds, whatever the server does: 2 s for a connection, and 2 s for each statement. After an
/// error the next call connects anew. Calls block; within a runtime of `tokio` they block one of its threads.
pub struct PostgresStore<T = NoTls> {
    config: Config,
    tls: T,
    space: String,
    link: Option<Link>,
    memory: Memory,
}

impl PostgresStore {
    /// Returns the leases in the database of this URL, or of words as `host=… dbname=…`; without TLS. Connects to nothing
    /// yet. `#name` at the end of a URL is [`space`](Self::space), and [`open`](super::open()) says what all URLs have in
    /// common.
    ///
    /// # Errors
    /// [`StoreError::Url`] if this is neither such a URL nor such words.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let (url, space) = address::parse(url)?;
        let config = url.parse().map_err(|error: tokio_postgres::Error| {
            let hint = "in a password / ? # @ are written %2F %3F %23 %40";
            let why = core::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            // What is unknown to it may be the end of a password.
            let why = if url.contains("password") { "a parameter is unknown or invalid".into() } else { why };
            StoreError::Url { why: format!("{why}; {hint}") }
        })?;
        Ok(Self { space, ..Self::with_tls(config, NoTls) })
    }
}

impl<T> PostgresStore<T> {
    /// The leases of the space `default` in the database that `config` says, by connections that `tls` makes safe.
    /// Connects to nothing yet.
    pub fn with_tls(config: Config, tls: T) -> Self {
        Self { config, tls, space: "default".into(), link: None, memory: None }
    }

    /// Chooses another space than `default`: there are as many in a database as there are names. Processes of different
    /// spaces issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](super::open()#spaces).
    pub fn space(mut self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        self.space = space_name(name.as_ref())?.into();
        self.memory = None;
        Ok(self)
    }
}

impl<T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send> PostgresStore<T> {
    /// What `work` comes to on the connection, which is made if there is none, and given up if it fails.
    fn on<R>(&mut self, what: &str, work: impl FnOnce(&mut Link) -> Result<R, Cause>) -> Result<R, StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(&self.config, self.tls.clone())
                .map_err(|cause| StoreError::unavailable("connecting to PostgreSQL", cause))?,
        };
        let outcome =
            work(&mut link).map_err(|cause| StoreError::unavailable(format!("{what} in PostgreSQL"), cause))?;
        self.link = Some(link);
        Ok(outcome)
    }

    fn ask(&mut self, what: &str, statement: &str, params: &[Param<'_>]) -> Result<Answer, StoreError> {
        self.on(what, |link| link.ask(PATIENCE, statement, params))
    }

    /// What the database holds, if there are tables.
    fn read_row(&mut self) -> Result<Option<Row>, StoreError> {
        let space = self.space.clone();
        for _ in 0..READS {
            match self.ask("reading leases", sql::READ, &[(&space, Type::TEXT)])? {
                Answer::Row(row) => return Ok(Some(row)),
                Answer::NoTables => return Ok(None),
                // Where transactions are serializable unless they say otherwise, others come in between.
                Answer::Nothing => {}
            }
        }
        Err(StoreError::Contended { attempts: READS })
    }
}

impl<T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send> Cells for PostgresStore<T> {
    fn space_name(&self) -> &str {
        &self.space
    }

    fn whereabouts(&self) -> String {
        format!("PostgreSQL at {:?}, database {:?}", self.config.get_hosts(), self.config.get_dbname())
    }

    fn others(&mut self) -> Result<std::vec::Vec<String>, StoreError> {
        Ok(std::vec::Vec::new())
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        if let Some(row) = self.read_row()? {
            return contents(&row);
        }
        self.on("creating tables", Link::create_tables)?;
        let gone = || StoreError::unavailable("reading leases in PostgreSQL", "the tables are gone that were created");
        contents(&self.read_row()?.ok_or_else(gone)?)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let seen_space = seen.space.as_ref().map(json).transpose()?;
        let (statement, space) = match &change.space {
            Some(space) => (sql::SWAP_SPACE, Some(json(space)?)),
            None => (sql::SWAP_RECORDS, None),
        };
        let (name, records) = (self.space.clone(), asked(change, seen)?);
        let params: &[Param<'_>] = &[
            (&name, Type::TEXT),
            (&seen_space, Type::TEXT),
            (&seen.incarnation, Type::TEXT),
            (&space, Type::TEXT),
            (&records, Type::TEXT),
        ];
        // Tens of thousands of records at once, in place of those that a large space has lost, take a while.
        let patience = PATIENCE + Duration::from_micros(100) * u32::try_from(change.records.len()).unwrap_or(u32::MAX);
        let answer = self.on("writing leases", |link| link.ask(patience, statement, params))?;
        Ok(matches!(answer, Answer::Row(_)))
    }

    fn renew(&mut self, terms: &Terms, layout: &Layout, lease: &Lease, ttl: u64) -> Result<Option<Grant>, StoreError> {
        let (name, token) = (self.space.clone(), lease.token.to_string());
        // A tick is a bigint there: none is as large as an end that does not fit.
        let end = i64::try_from(terms.end).unwrap_or(i64::MAX);
        let params: &[Param<'_>] = &[
            (&name, Type::TEXT),
            (&bigint(lease.worker)?, Type::INT8),
            (&token, Type::TEXT),
            (&bigint(lease.counter)?, Type::INT8),
            (&bigint(lease.from)?, Type::INT8),
            (&terms.layout, Type::TEXT),
            (&bigint(layout.epoch())?, Type::INT8),
            (&bigint(layout.tick_length())?, Type::INT8),
            (&end, Type::INT8),
            (&bigint(ttl)?, Type::INT8),
            (&bigint(terms.max_ttl.saturating_add(terms.slack))?, Type::INT8),
            (&bigint(lease.until)?, Type::INT8),
        ];
        let Answer::Row(row) = self.ask("renewing a lease", sql::RENEW, params)? else { return Ok(None) };
        let (from, until, counter) = (number(&row, 0)?, number(&row, 1)?, number(&row, 2)?);
        let renewed = Lease::new(lease.worker, from, until, counter, lease.token);
        Ok(Some(Grant::new(renewed, nanos(number(&row, 3)?))))
    }

    fn release(&mut self, lease: &Lease, last: Option<u64>) -> Result<bool, StoreError> {
        let (name, token) = (self.space.clone(), lease.token.to_string());
        // No window of this store ends beyond.
        let after = last.map_or(0, |last| i64::try_from(last.saturating_add(1)).unwrap_or(i64::MAX));
        let params: &[Param<'_>] = &[
            (&name, Type::TEXT),
            (&bigint(lease.worker)?, Type::INT8),
            (&token, Type::TEXT),
            (&bigint(lease.counter)?, Type::INT8),
            (&after, Type::INT8),
        ];
        Ok(matches!(self.ask("releasing a lease", sql::RELEASE, params)?, Answer::Row(_)))
    }
}

store_of_cells!(impl[T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send] for PostgresStore<T>);

impl<T> fmt::Debug for PostgresStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("config", &self.config)
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}
