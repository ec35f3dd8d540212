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
mod ssl_mode;
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

/// A store of leases in two tables of a PostgreSQL database (12 or later), for all hosts that reach it. Feature
/// `postgres`.
///
/// The store's clock is the server's. Renewing a lease is one statement and one round trip, and so is releasing it.
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
/// The first call that writes creates the tables if they are missing. A call that only reads creates nothing.
///
/// ```sql
#[doc = include_str!("postgres/tables.sql")]
/// ```
///
/// If the store's role is not allowed to create tables, create them by hand, and `GRANT SELECT, INSERT, UPDATE` on
/// both.
///
/// The tables are in the schema `public`, or in the one that `?schema=` or [`schema`](Self::schema) names, which then
/// replaces `public` in these statements. The schema must exist: the store does not create it.
///
/// # One URL, one place
/// A URL names the same tables for every role. It does not depend on the `search_path` of a role, a database or a
/// session, nor on temporary tables. The URL must name the database, because the server's default is the name of the
/// role.
///
/// Earlier versions looked for the tables along the `search_path`. If that leads to a schema other than `public`, and
/// the URL names no schema, the store fails with [`StoreError::Url`], because processes of both versions would issue
/// the same IDs. Add `?schema=` and the schema that holds the leases.
///
/// # Parameters
/// One URL serves this store and other clients of PostgreSQL. [`ignored_parameters`](Self::ignored_parameters) returns
/// the names of parameters that were skipped.
///
#[doc = include_str!("postgres/parameters.md")]
///
/// The meaning of a URL depends neither on the user nor on the host: `PGSSLMODE` and the other variables of libpq,
/// `~/.pgpass`, `~/.postgresql` and service files are not consulted. (There is one exception: without a `user` the role
/// has the name of the operating system's user.)
///
/// # TLS
/// TLS is implemented by rustls and depends on the `sslmode` of the URL:
///
/// | `sslmode` | TLS | what is verified |
/// |---|---|---|
/// | `disable` | never | |
/// | `allow` | only if the server does not admit the user without TLS | as for `require` |
/// | `prefer`, the default | if the server has it and admits the user with it; if not, or if TLS fails, the connection is without TLS | as for `require` |
/// | `require` | always | nothing; with `sslrootcert`, as for `verify-ca` |
/// | `verify-ca` | always | that an authority in `sslrootcert` signed the certificate; without `sslrootcert`, as for `verify-full` |
/// | `verify-full` | always | that an authority signed the certificate, and the host name. Without `sslrootcert`, or with `sslrootcert=system`, the authorities are those that the platform trusts |
///
/// `sslrootcert`, `sslcert` and `sslkey` are whole paths of PEM files, which are read again for each connection.
/// `sslcert` and `sslkey` are the client's certificate and its key, which must not have a passphrase. With `allow` and
/// `prefer`, `sslrootcert` has no effect, because a connection without TLS is accepted as well; a
/// [note](crate::LeaseAdmin::notes) says so. A self-signed certificate must not be an authority's: make it by
/// `openssl req -x509` with `-addext basicConstraints=critical,CA:FALSE`. A connection through a Unix socket has no
/// TLS. A password is bound to the TLS session if the server supports that (`channel_binding`). Lists of revoked
/// certificates are not read. The crate `rustls-native-certs` finds the authorities of the platform; it consults
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` first. (`T` is the connector of [`with_tls`](Self::with_tls). A store that is
/// made from a URL does not need one.)
///
/// # What it promises
/// Windows of one worker never overlap. This holds over clients and servers that are killed, restarted, stopped or cut
/// off, and over clocks that are set. Each commit is on disk before it is acknowledged (`synchronous_commit`, which
/// each transaction sets for itself), and on those standbys that the server is configured to wait for. Rows that this
/// store has not written are refused, and left as they are.
///
/// A store that may have lost leases grants nothing until [`MAX_TTL`](crate::MAX_TTL) +
/// [`CLOCK_SLACK`](crate::CLOCK_SLACK) are over, unless an operator [initialises](crate::LeaseAdmin::init_immediately)
/// it. Meanwhile a process that holds a lease issues IDs until its window ends, and can't renew it. This applies to:
/// * tables that were dropped or emptied (as `UNLOGGED` ones are by a crash), and rows that were deleted;
/// * a server on a new timeline: a standby that was promoted, whether it had received each commit or not, and a backup
///   that was recovered, to its end or to a point in time;
/// * another cluster: one that was upgraded by `pg_upgrade`, or into which a dump was loaded.
///
/// If no row of the space is left, or a table is missing, calls fail with [`NoSpace`](crate::StoreError::NoSpace). They
/// do so until the space is restored by a process that was granted a lease in the same cluster, database and schema, or
/// until an operator creates it.
///
/// On a standby the store is unavailable. If a URL names several hosts, in whatever order, the store uses the one that
/// accepts writes. Each host has its share of the two seconds that a connection may take. If no host is usable and one
/// of them reports a wrong user or password, the error is [`StoreError::Refused`]. For any other reason it is `Refused`
/// only if no host has failed in a way that may pass.
///
/// # Permanent errors
/// A failure that does not pass by itself is [`StoreError::Refused`], with a remedy: a wrong password, a role, a
/// database or a schema that does not exist, a missing permission, `pg_hba.conf`, TLS. A failure that may pass is
/// [`StoreError::Unavailable`]: the network, a name that is not resolved, a server that is starting or has too many
/// connections, a standby. The holder of a lease retries in both cases.
///
/// # What it does not promise
/// * A primary that keeps running after another was promoted keeps granting and renewing leases: fence it off.
/// * An older state without a new timeline is noticed only when a holder renews a lease that the store does not know.
///   Until then windows can be granted twice. Such a state is a data directory, a disk or a snapshot that was put back
///   without recovery, a dump that was loaded into the cluster it was taken from, or rows that were changed by hand.
/// * Nothing holds with `fsync = off`, or on disks that lose what they have acknowledged.
/// * A clock that is set forward frees workers whose holders are alive. A clock that moves back frees none until it has
///   caught up. The first costs those holders their leases, the second their renewals. Neither repeats an ID.
///
/// # Poolers
/// A transaction pooler works, such as PgBouncer with `pool_mode = transaction`, and needs no setting for this store.
/// Each statement is one message and a transaction of its own, in which it sets its own time limits, for itself alone.
/// The store prepares no statements, leaves no state in a session, and sends no options at the start of a connection.
///
/// # Time
/// A call ends within seconds, whatever the server does: 2 s for a connection, and 2 s for each statement. After an
/// error the next call connects again. Calls block; within a `tokio` runtime they block one of its threads.
pub type PostgresStore<T = NoTls> = BackendStore<PostgresBackend<T>>;

/// The backend of [`PostgresStore`].
///
/// # Examples
/// ```
/// use casflake_lease::{Backend, PostgresStore};
///
/// let store = PostgresStore::from_url("postgresql://127.0.0.1/ids#orders")?;
/// assert_eq!(store.backend().space_name(), "orders");
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
pub struct PostgresBackend<T = NoTls> {
    config: Config,
    tls: Tls<T>,
    /// The names of the parameters that are meant for other clients.
    ignored: Vec<String>,
    schema: Schema,
    statements: Statements,
    space: String,
    link: Option<Link>,
}

impl PostgresStore {
    /// Returns a store of the database that a connection string names, with the TLS that it asks for. Does not connect
    /// yet.
    ///
    /// The string is a URL, such as `postgresql://ids@db.example.org/ids?schema=orders#users`, or a list of
    /// `key=value`, such as `host=db.example.org user=ids dbname=ids schema=orders`. See [parameters](Self#parameters).
    /// `#name` at the end of a URL is the [`space`](Self::space). [`from_url`](crate::from_url()) describes the rules
    /// that all URLs share.
    ///
    /// # Errors
    /// [`StoreError::Url`] if the string can't be parsed or names no database, or if a parameter is unknown, is given
    /// twice or has an invalid value.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::PostgresStore;
    ///
    /// let store = PostgresStore::from_url("postgresql://ids@db.example.org/ids?schema=orders#users")?;
    /// assert!(PostgresStore::from_url("postgresql://ids@db.example.org").is_err(), "no database");
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let (url, space) = address::parse(url)?;
        let Parameters { config, schema, tls, ignored } = parameters::read(&url)?;
        config::require_database(&config)?;
        let backend = PostgresBackend::with_tls(config, NoTls).in_schema(schema);
        Ok(Self::on(PostgresBackend { space, tls: Tls::OfUrl(tls), ignored, ..backend }))
    }
}

impl<T> PostgresStore<T> {
    /// Returns a store of the space `default` in the database that `config` names. `tls`, a connector of your own,
    /// secures its connections; [`from_url`](PostgresStore::from_url) brings a connector. Does not connect yet. If
    /// `config` names no database, every call fails with [`StoreError::Url`].
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::PostgresStore;
    /// use tokio_postgres::{Config, NoTls};
    ///
    /// let mut config = Config::new();
    /// config.host("127.0.0.1").dbname("ids").user("ids");
    /// let store = PostgresStore::with_tls(config, NoTls); // or a connector of your own
    /// ```
    pub fn with_tls(config: Config, tls: T) -> Self {
        Self::on(PostgresBackend::with_tls(config, tls))
    }

    /// Sets the schema of the tables, instead of `public` or the schema that the connection string names.
    ///
    /// A name has 1 to 63 characters of `a` to `z`, `A` to `Z`, `0` to `9` and `_`. It begins neither with a digit nor
    /// with `pg_`. It is case-sensitive, as a quoted name in SQL: `schema("Orders")` is the schema that
    /// `CREATE SCHEMA "Orders"` creates.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not such a name.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{PostgresStore, StoreError};
    ///
    /// let store = PostgresStore::from_url("postgresql://127.0.0.1/ids")?.schema("orders")?;
    /// assert!(matches!(store.schema("pg_orders"), Err(StoreError::Url { .. })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn schema(self, name: impl AsRef<str>) -> Result<Self, StoreError> {
        let schema = Schema::named(name.as_ref()).map_err(|why| StoreError::Url { why })?;
        Ok(Self::on(self.into_backend().in_schema(schema)))
    }

    /// Returns the names of those parameters in the connection string that are meant for other clients and were not
    /// used.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::PostgresStore;
    ///
    /// let store = PostgresStore::from_url("postgresql://127.0.0.1/ids?pgbouncer=true")?;
    /// assert_eq!(store.ignored_parameters(), ["pgbouncer"]);
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    #[must_use]
    pub fn ignored_parameters(&self) -> &[String] {
        &self.backend().ignored
    }

    /// Sets the space, instead of `default`. A database has as many spaces as names. Processes of different spaces
    /// issue the same IDs.
    ///
    /// # Errors
    /// [`StoreError::Url`] if `name` is not 1 to 128 characters of the [alphabet of a space's
    /// name](crate::from_url()#spaces).
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{PostgresStore, StoreError};
    ///
    /// let store = PostgresStore::from_url("postgresql://127.0.0.1/ids")?.space("orders")?;
    /// assert!(matches!(store.space("new orders"), Err(StoreError::Url { .. })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
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

    /// Returns a description of the database for people, without a password.
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
