//! `PostgresStore`: leases in two tables of a PostgreSQL database.

mod address;
mod config;
mod link;
mod others;
mod rows;
mod schema;
mod sql;

use core::fmt;
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use tokio_postgres::config::Host;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls, Row, Socket};

pub(super) use self::address::SCHEMES;
use self::link::{Answer, Cause, Link, PATIENCE, Param};
use self::rows::{asked, bigint, contents, json, nanos, number};
use self::schema::Schema;
use self::sql::Statements;
use super::cells::{Cells, Contents, Memory, remember_renewed, store_of_cells};
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
/// use casflake::lease::{LeasedGenerator, PostgresStore};
///
/// let store = PostgresStore::open("postgresql://ids@db.example.org/ids")?.space("orders")?;
/// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Tables
/// The first call that writes creates them if they are missing. Reading creates nothing.
///
/// ```sql
#[doc = include_str!("postgres/tables.sql")]
/// ```
///
/// If the store's role has no privilege to do so, create them by hand, and `GRANT SELECT, INSERT, UPDATE` on both.
///
/// They are in the schema `public`, or in the one that `?schema=` or [`schema`](Self::schema) names, which then
/// replaces `public` in these statements. The schema must exist: the store does not create it.
///
/// # One URL, one place
/// A URL names the same tables for every role. The `search_path` of a role, a database or a session does not matter,
/// and temporary tables do not either. The URL must name the database, because the server's default is the name of the
/// role.
///
/// Earlier versions looked for the tables along the `search_path`. If that leads to a schema other than `public`, a
/// store whose URL names no schema fails with [`StoreError::Url`], because processes of both versions would issue the
/// same IDs. Add `?schema=` and the schema that holds the leases.
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
/// * tables that were dropped or emptied (as `UNLOGGED` ones are by a crash), and rows that were deleted;
/// * a server on a new timeline: a standby that was promoted, whether it had seen each commit or not, and a backup that
///   was recovered, to its end or to a point in time;
/// * another cluster: one that was upgraded by `pg_upgrade`, or into which a dump was loaded.
///
/// If no row of the space is left, or a table is missing, there is no such space: [`NoSpace`](super::StoreError::NoSpace),
/// until a process restores it that was granted a lease in the same cluster, database and schema, or an operator creates
/// it.
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
    schema: Schema,
    statements: Statements,
    space: String,
    link: Option<Link>,
    memory: Memory,
}

impl PostgresStore {
    /// Returns a store of the database that a connection string names, without TLS. Connects to nothing yet.
    ///
    /// The string is a URL, as `postgresql://ids@db.example.org/ids?schema=orders#users`, or a list of `key=value`, as
    /// `host=db.example.org user=ids dbname=ids schema=orders`. Its parameters are those of [`tokio_postgres::Config`],
    /// and `schema`, which does what [`schema`](Self::schema) does. `#name` at the end of a URL is
    /// [`space`](Self::space), and [`open`](super::open()) says what all URLs have in common.
    ///
    /// # Errors
    /// [`StoreError::Url`] if the string can't be parsed, if it names no database, if it names more than one schema, or
    /// if no schema can have that name.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let (url, space) = address::parse(url)?;
        let (url, schema) = config::split_schema(&url)?;
        let config = url.parse().map_err(|error: tokio_postgres::Error| {
            let hint = "in a password / ? # @ are written %2F %3F %23 %40";
            let why = core::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            // What is unknown to it may be the end of a password.
            let why = if url.contains("password") { "a parameter is unknown or invalid".into() } else { why };
            StoreError::Url { why: format!("{why}; {hint}") }
        })?;
        config::require_database(&config)?;
        Ok(Self { space, ..Self::with_tls(config, NoTls).in_schema(schema) })
    }
}

impl<T> PostgresStore<T> {
    /// Returns a store of the space `default` in the database that `config` names, by connections that `tls` secures.
    /// Connects to nothing yet. If `config` names no database, every call fails with [`StoreError::Url`].
    pub fn with_tls(config: Config, tls: T) -> Self {
        let (schema, space) = (Schema::default(), "default".into());
        Self { config, tls, statements: Statements::on(&schema), schema, space, link: None, memory: None }
    }

    /// Sets the schema of the tables, in place of `public` and of the schema that a connection string names.
    ///
    /// A name has 1 to 63 characters of `a` to `z`, `A` to `Z`, `0` to `9` and `_`. It begins neither with a digit nor
    /// with `pg_`. It is case-sensitive, as a quoted name in SQL: `schema("Orders")` is the schema that
    /// `CREATE SCHEMA "Orders"` creates.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not such a name.
    pub fn schema(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        Ok(self.in_schema(Schema::named(name.as_ref())?))
    }

    fn in_schema(self, schema: Schema) -> Self {
        Self { statements: Statements::on(&schema), schema, memory: None, ..self }
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
    fn on<R>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Link, &Statements) -> Result<R, Cause>,
    ) -> Result<R, StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.connect()?,
        };
        let outcome = work(&mut link, &self.statements)
            .map_err(|cause| StoreError::unavailable(format!("{what} in PostgreSQL"), cause))?;
        self.link = Some(link);
        Ok(outcome)
    }

    fn connect(&self) -> Result<Link, StoreError> {
        config::require_database(&self.config)?;
        Link::connect(&self.config, self.tls.clone())
            .map_err(|cause| StoreError::unavailable("connecting to PostgreSQL", cause))
    }

    fn ask(
        &mut self,
        what: &str,
        statement: impl FnOnce(&Statements) -> &str,
        params: &[Param<'_>],
    ) -> Result<Answer, StoreError> {
        self.on(what, |link, statements| link.ask(PATIENCE, statement(statements), params))
    }

    /// Returns what the database holds, as one row, whether there are tables or not.
    fn read_row(&mut self) -> Result<Row, StoreError> {
        let (space, schema) = (self.space.clone(), self.schema.clone());
        let tables: &[Param<'_>] = &[(&space, Type::TEXT)];
        let no_tables: &[Param<'_>] = &[(&schema.name(), Type::TEXT)];
        let mut are_there = true;
        for _ in 0..READS {
            let answer = if are_there {
                self.ask("reading leases", |statements| &statements.read, tables)?
            } else {
                self.ask("reading leases", |statements| &statements.read_no_tables, no_tables)?
            };
            match answer {
                Answer::Row(row) => return Ok(row),
                Answer::NoTables => are_there = false,
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
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, of)| format!("{}:{}", host(of), port(at)));
        let hosts: Vec<_> = hosts.collect();
        let (hosts, database) = (hosts.join(", "), self.config.get_dbname().unwrap_or_default());
        format!("PostgreSQL at {hosts}, database {database:?}, schema {:?}", self.schema.name())
    }

    /// `orders` in the schema of the store, `orders (schema billing)` in another one, and `(schema billing)` if the
    /// store's role can't read the spaces there. Takes one second at most once the store is connected.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        let (schema, space) = (self.schema.clone(), self.space.clone());
        self.on("looking for other ID spaces", |link, _| others::find(link, &schema, &space))
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        contents(&self.read_row()?, &self.schema)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let seen_space = seen.space.as_ref().map(json).transpose()?;
        let statement: fn(&Statements) -> &str = match &change.space {
            Some(_) => |statements| &statements.swap_space,
            None => |statements| &statements.swap_records,
        };
        let space = change.space.as_ref().map(json).transpose()?;
        let (name, schema, records) = (self.space.clone(), self.schema.clone(), asked(change, seen)?);
        let params: &[Param<'_>] = &[
            (&name, Type::TEXT),
            (&seen_space, Type::TEXT),
            (&seen.incarnation, Type::TEXT),
            (&space, Type::TEXT),
            (&records, Type::TEXT),
        ];
        // Tens of thousands of records at once, in place of those that a large space has lost, take a while.
        let patience = PATIENCE + Duration::from_micros(100) * u32::try_from(change.records.len()).unwrap_or(u32::MAX);
        let answer = self.on("writing leases", |link, statements| {
            let statement = statement(statements);
            match link.ask(patience, statement, params)? {
                Answer::NoTables => {
                    link.create_tables(&statements.create, &schema)?;
                    link.ask(patience, statement, params)
                }
                answer => Ok(answer),
            }
        })?;
        match answer {
            Answer::Row(_) => Ok(true),
            Answer::Nothing => Ok(false),
            Answer::NoTables => {
                Err(StoreError::unavailable("writing leases in PostgreSQL", "the tables are gone that were created"))
            }
        }
    }

    fn renew(&mut self, terms: &Terms, layout: &Layout, lease: &Lease, ttl: u64) -> Result<Option<Grant>, StoreError> {
        let (name, token, is_named) = (self.space.clone(), lease.token.to_string(), self.schema.is_named());
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
            (&is_named, Type::BOOL),
        ];
        let Answer::Row(row) = self.ask("renewing a lease", |statements| &statements.renew, params)? else {
            return Ok(None);
        };
        let (from, until, counter) = (number(&row, 0)?, number(&row, 1)?, number(&row, 2)?);
        let renewed = Lease::new(lease.worker, from, until, counter, lease.token);
        remember_renewed(&mut self.memory, &renewed, number(&row, 4)?);
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
        Ok(matches!(self.ask("releasing a lease", |statements| &statements.release, params)?, Answer::Row(_)))
    }
}

store_of_cells!(impl[T: MakeTlsConnect<Socket, Stream: Send + 'static> + Clone + Send] for PostgresStore<T>);

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

impl<T> fmt::Debug for PostgresStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("config", &self.config)
            .field("schema", &self.schema.name())
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}
