//! `PostgresStore`: leases in two tables of a PostgreSQL database.

mod address;
mod backend;
mod config;
mod hosts;
mod link;
mod literals;
mod others;
mod parameters;
mod refusal;
mod rows;
mod schema;
mod sql;
mod tls;

use std::fmt;

use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

pub(super) use self::address::SCHEMES;
use self::link::Link;
use self::parameters::Parameters;
use self::schema::Schema;
use self::sql::Statements;
use self::tls::Tls;
use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::url::space_name;

/// Leases in two tables of a PostgreSQL database (12 or later), for all hosts that reach it. Feature `postgres`.
///
/// The store's clock is the server's. Renewing a lease is one statement and one round trip, as is giving it back.
///
/// ```no_run
/// use casflake_lease::{LeasedGenerator, PostgresStore};
///
/// let url = "postgresql://ids:PASSWORD@db.example.org/ids?sslmode=verify-full";
/// let store = PostgresStore::from_url(url)?.space("orders")?;
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
/// # Parameters
/// One URL serves this store and other clients of PostgreSQL. Names of parameters that were skipped are in
/// [`ignored_parameters`](Self::ignored_parameters).
///
#[doc = include_str!("postgres/parameters.md")]
///
/// What a URL means depends neither on the user nor on the host: `PGSSLMODE` and the other variables of libpq,
/// `~/.pgpass`, `~/.postgresql` and service files are not consulted. (Without a `user` the role has the name of the
/// operating system's user.)
///
/// # TLS
/// On rustls, by the `sslmode` of the URL:
///
/// | `sslmode` | TLS | what is verified |
/// |---|---|---|
/// | `disable` | never | |
/// | `allow` | only if the server does not admit the user without | as `require` |
/// | `prefer`, the default | if the server has it; else, or if that fails, without | as `require` |
/// | `require` | always | nothing; with `sslrootcert` as `verify-ca` |
/// | `verify-ca` | always | that an authority in `sslrootcert` signed the certificate; without `sslrootcert` as `verify-full` |
/// | `verify-full` | always | that, and the host name. Without `sslrootcert`, or with `sslrootcert=system`, the authorities are those that the platform trusts |
///
/// `sslrootcert`, `sslcert` and `sslkey` are whole paths of PEM files, read anew for each connection. `sslcert` and
/// `sslkey` are the client's certificate and its key, which has no passphrase. With `allow` and `prefer` `sslrootcert` has no
/// force, because a connection without TLS will do, and a [note](crate::LeaseAdmin::notes) says so. A certificate that has
/// signed itself must not be an authority's: make it by `openssl req -x509` with
/// `-addext basicConstraints=critical,CA:FALSE`. A socket of the same host has no TLS. A
/// password is bound to the session if the server can do that (`channel_binding`). Lists of revoked certificates are not
/// read. The authorities of the platform are found by the crate `rustls-native-certs`, which consults `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` first. (`T` is the connector of [`with_tls`](Self::with_tls); a store that was opened by its URL needs none.)
///
/// # What it promises
/// Windows of one worker never overlap: over clients and servers that are killed, restarted, stopped or cut off, and
/// clocks that are set. Each commit is on disk before it is acknowledged (`synchronous_commit`, which each transaction
/// sets for itself), and on those standbys that the server is set to wait for. Rows that are none of a store's are
/// refused, and left as they are.
///
/// What may have lost leases grants nothing until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) are
/// over, unless the store was [initialised](crate::LeaseAdmin::init_immediately). Who holds a lease meanwhile issues IDs
/// until its window ends, and can't renew it:
/// * tables that were dropped or emptied (as `UNLOGGED` ones are by a crash), and rows that were deleted;
/// * a server on a new timeline: a standby that was promoted, whether it had seen each commit or not, and a backup that
///   was recovered, to its end or to a point in time;
/// * another cluster: one that was upgraded by `pg_upgrade`, or into which a dump was loaded.
///
/// If no row of the space is left, or a table is missing, there is no such space: [`NoSpace`](crate::StoreError::NoSpace),
/// until a process restores it that was granted a lease in the same cluster, database and schema, or an operator creates
/// it.
///
/// On a standby the store is unavailable. Of several hosts in a URL, in whatever order, that one is used that can be
/// written. Each has its share of the two seconds that a connection may take. If none is left, a wrong user or password
/// that one of them names is [`StoreError::Refused`]; all else is so only if none of the hosts has failed in a way that
/// may pass.
///
/// # Errors that last
/// What no time mends is [`StoreError::Refused`], with a remedy: a wrong password, a role, a database or a schema that
/// does not exist, a permission that is missing, `pg_hba.conf`, TLS. What may pass is [`StoreError::Unavailable`]: the
/// network, a name that is not resolved, a server that starts or has too many connections, a standby. A holder of a lease
/// goes on trying in both cases.
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
/// A pooler of transactions will do, such as PgBouncer with `pool_mode = transaction`, with no setting for this store.
/// Each statement is a transaction of its own and one message, in which it sets its own limits of time, for itself alone.
/// Nothing is prepared, nothing is left in a session, and no options are sent at the start of a connection.
///
/// # Time
/// A call ends within seconds, whatever the server does: 2 s for a connection, and 2 s for each statement. After an
/// error the next call connects anew. Calls block; within a runtime of `tokio` they block one of its threads.
pub type PostgresStore<T = NoTls> = BackendStore<PostgresBackend<T>>;

/// The backend of [`PostgresStore`].
pub struct PostgresBackend<T = NoTls> {
    config: Config,
    tls: Tls<T>,
    /// The names of the parameters that are for other clients.
    ignored: Vec<String>,
    schema: Schema,
    statements: Statements,
    space: String,
    link: Option<Link>,
}

impl PostgresStore {
    /// Returns a store of the database that a connection string names, with the TLS that it asks for. Connects to
    /// nothing yet.
    ///
    /// The string is a URL, as `postgresql://ids@db.example.org/ids?schema=orders#users`, or a list of `key=value`, as
    /// `host=db.example.org user=ids dbname=ids schema=orders`. See [parameters](Self#parameters). `#name` at the end of a
    /// URL is [`space`](Self::space), and [`from_url`](crate::from_url()) says what all URLs have in common.
    ///
    /// # Errors
    /// [`StoreError::Url`] if the string can't be parsed, names no database, has a parameter that is unknown or given
    /// twice, or a value that the parameter does not have.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let (url, space) = address::parse(url)?;
        let Parameters { config, schema, tls, ignored } = parameters::read(&url)?;
        config::require_database(&config)?;
        let backend = PostgresBackend::with_tls(config, NoTls).in_schema(schema);
        Ok(Self::on(PostgresBackend { space, tls: Tls::OfUrl(tls), ignored, ..backend }))
    }
}

impl<T> PostgresStore<T> {
    /// Returns a store of the space `default` in the database that `config` names, by connections that `tls` secures, for
    /// a connector of your own; [`from_url`](PostgresStore::from_url) brings one. Connects to nothing yet. If `config` names no database, every call fails with [`StoreError::Url`].
    pub fn with_tls(config: Config, tls: T) -> Self {
        Self::on(PostgresBackend::with_tls(config, tls))
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
        let schema = Schema::named(name.as_ref()).map_err(|why| StoreError::Url { why })?;
        Ok(Self::on(self.into_backend().in_schema(schema)))
    }

    /// Returns the names of those parameters in the connection string that are for other clients, and were not used.
    #[must_use]
    pub fn ignored_parameters(&self) -> &[String] {
        &self.backend().ignored
    }

    /// Chooses another space than `default`: there are as many in a database as there are names. Processes of different
    /// spaces issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
    pub fn space(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        let space = space_name(name.as_ref())?.into();
        Ok(Self::on(PostgresBackend { space, ..self.into_backend() }))
    }
}

impl<T> PostgresBackend<T> {
    fn with_tls(config: Config, tls: T) -> Self {
        let (schema, space) = (Schema::default(), "default".into());
        let (tls, ignored, statements) = (Tls::Given(tls), Vec::new(), Statements::on(&schema));
        Self { config, tls, ignored, schema, statements, space, link: None }
    }

    fn in_schema(self, schema: Schema) -> Self {
        Self { statements: Statements::on(&schema), schema, ..self }
    }

    /// Where the database is, for people.
    fn database(&self) -> String {
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, of)| format!("{}:{}", host(of), port(at)));
        let (hosts, name) = (hosts.collect::<Vec<_>>(), self.config.get_dbname().unwrap_or_default());
        format!("PostgreSQL at {}, database {name:?}", hosts.join(", "))
    }
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => format!("{}", path.display()),
    }
}

impl<T> fmt::Debug for PostgresBackend<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("config", &self.config)
            .field("tls", &self.tls)
            .field("schema", &self.schema.name())
            .field("space", &self.space)
            .field("ignored_parameters", &self.ignored)
            .finish_non_exhaustive()
    }
}
