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

/// A store of leases in two tables of a PostgreSQL database (12 or later), for all hosts that reach the database.
/// Requires the feature `postgres`.
///
/// The store's clock is the clock of the server. Usually, renewing a lease takes one statement and one round trip, and
/// so does releasing a lease.
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
/// If the store's role is not allowed to create tables, create the tables by hand, and `GRANT SELECT, INSERT, UPDATE`
/// on both tables to the role.
///
/// The tables are in the schema `public`, unless `?schema=` or [`schema`](Self::schema) names another schema. That name
/// then replaces `public` in these statements. The schema must exist: the store does not create it.
///
/// # One URL, one place
/// A URL names the same tables for every role. The tables do not depend on the `search_path` of a role, a database or a
/// session, nor on temporary tables. The URL must name the database, because the server's default is the name of the
/// role.
///
/// Earlier versions looked for the tables along the `search_path`. If the URL names no schema, and the `search_path`
/// leads to tables in a schema other than `public`, the store fails with [`StoreError::Url`]. Otherwise processes of
/// this version and of an earlier version would issue the same IDs. To correct the URL, add `?schema=` and the name of
/// the schema that holds the leases.
///
/// # Parameters
/// The same URL can serve this store and other clients of PostgreSQL. [`ignored_parameters`](Self::ignored_parameters)
/// returns the names of parameters that were skipped.
///
#[doc = include_str!("postgres/parameters.md")]
///
/// The store does not read `PGSSLMODE` or the other variables of libpq, and does not read `~/.pgpass`, `~/.postgresql`
/// or service files. So a URL means the same for every user and on every client host. There are two exceptions. If the
/// URL has no `user`, the role has the name of the operating system's user. And the authorities that the platform
/// trusts may differ from host to host.
///
/// # TLS
/// TLS is implemented by rustls and depends on the `sslmode` of the URL:
///
/// | `sslmode` | TLS | what is verified |
/// |---|---|---|
/// | `disable` | never | |
/// | `allow` | only if the server refuses the user without TLS | the same as with `require` |
/// | `prefer`, the default | if the server supports TLS, TLS does not fail, and the server admits the user with TLS; in all other cases the connection is without TLS | the same as with `require` |
/// | `require` | always | nothing; but with `sslrootcert`, the same as with `verify-ca` |
/// | `verify-ca` | always | that an authority in `sslrootcert` signed the certificate; without `sslrootcert`, the same as with `verify-full` |
/// | `verify-full` | always | that an authority signed the certificate, and that the certificate is for the host name in the URL. Without `sslrootcert`, or with `sslrootcert=system`, the authorities are those that the platform trusts |
///
/// `sslrootcert`, `sslcert` and `sslkey` are absolute paths of PEM files. The files are read again for each connection.
/// `sslcert` and `sslkey` are the client's certificate and its key, which must not have a passphrase. With `disable`,
/// `allow` and `prefer`, `sslrootcert` gives no protection, because a connection without TLS is accepted.
/// [`notes`](crate::LeaseAdmin::notes) then returns a note about this. If the certificate of the server is self-signed,
/// it must not be marked as the certificate of an authority: make it with `openssl req -x509` and
/// `-addext basicConstraints=critical,CA:FALSE`. A connection through a Unix socket has no TLS. A password is bound to
/// the TLS session if the server supports that (`channel_binding`). Lists of revoked certificates are not read. The
/// crate `rustls-native-certs` finds the authorities of the platform. That crate consults `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` first. The type parameter `T` is the connector that was given to [`with_tls`](Self::with_tls). A
/// store that is made from a URL needs no connector.
///
/// # What it promises
/// Windows of one worker never overlap. This holds even if clients and servers are killed, restarted, stopped or cut
/// off, and even if clocks are set. Each commit is on disk before it is acknowledged, because each transaction that
/// writes leases sets `synchronous_commit = on`. The commit is then also on disk on those standbys that the server is
/// configured to wait for (`synchronous_standby_names`). Rows that were not written by a store of this kind are
/// refused, and left as they are.
///
/// If a process finds that the store may have lost leases, the store grants nothing for [`MAX_TTL`](crate::MAX_TTL) +
/// [`CLOCK_SLACK`](crate::CLOCK_SLACK) from then on, unless an operator
/// [initialises](crate::LeaseAdmin::init_immediately) the space. Meanwhile a process that holds a lease issues IDs
/// until the window of the lease ends, and can't renew the lease. A store may have lost leases in these cases:
/// * tables were dropped or emptied (a crash empties `UNLOGGED` tables), or rows were deleted;
/// * the server is on a new timeline, because it is a promoted standby (even one that had received every commit), or
///   because it was recovered from a backup, either completely or to a point in time;
/// * the tables are in a different cluster, because `pg_upgrade` made a new cluster, or because a dump was loaded into
///   another cluster.
///
/// If only rows of workers were deleted, only those workers are not granted during this time, and only their holders
/// can't renew.
///
/// If no row of the space is left, or a table is missing, calls fail with [`NoSpace`](crate::StoreError::NoSpace). The
/// calls fail until a process that was granted a lease in the same cluster, database and schema restores the space, or
/// until an operator creates the space.
///
/// On a standby the store is unavailable. If a URL names several hosts, in whatever order, the store uses the host that
/// accepts writes. Connecting may take two seconds in all, and each host gets a share of this time. If no host is
/// usable, the error is [`StoreError::Refused`] in two cases: a host does not admit the user or the password, or the
/// failures of all hosts are permanent. Otherwise the error is [`StoreError::Unavailable`].
///
/// # Permanent errors
/// A failure that does not pass by itself is [`StoreError::Refused`], with a remedy. Examples are a wrong password, a
/// missing permission, a role, database or schema that does not exist, and a refusal because of `pg_hba.conf` or TLS. A
/// failure that may pass by itself is [`StoreError::Unavailable`]. Examples are a failure of the network, a host name
/// that is not resolved, a server that is starting or has too many connections, and a standby. The holder of a lease
/// retries in both cases.
///
/// # What it does not promise
/// * If an old primary keeps running after another server was promoted, the old primary keeps granting and renewing
///   leases. Shut it off from all clients.
/// * The data can return to an older state without a new timeline. For example, a data directory, a disk or a snapshot
///   is put back without recovery, a dump is loaded into the cluster from which the dump was taken, or rows are changed
///   by hand. The store then notices the older state only when a holder renews a lease that the store does not know.
///   Until then windows can be granted twice.
/// * There is no promise with `fsync = off`, or on disks that lose data that they have acknowledged.
/// * If the server's clock is set forward, workers become free although their holders are alive. Those holders lose
///   their leases. If the clock moves back, no worker becomes free, and no renewal extends a window, until the clock
///   has caught up. Neither change of the clock causes a duplicate ID.
///
/// # Poolers
/// A transaction pooler works, such as PgBouncer with `pool_mode = transaction`, and needs no setting for this store.
/// Each statement is one message and a transaction of its own. The time limits that a statement sets apply only to its
/// own transaction. The store prepares no statements, leaves no state in a session, and sends no options at the start
/// of a connection.
///
/// # Time
/// A call ends within seconds, whatever the server does: 2 s for a connection, and 2 s for each statement. A statement
/// that replaces thousands of lost records may take longer: 0.1 ms more for each record. After an error the next call
/// connects again. Calls block. Within a `tokio` runtime, a call blocks a thread of the runtime.
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
    /// Returns a store of the database that the connection string `url` names, with TLS as the string demands. Does not
    /// connect yet.
    ///
    /// The string is a URL, such as `postgresql://ids@db.example.org/ids?schema=orders#users`, or a list of pairs
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
    /// Returns a store of the space `default` in the database that `config` names. Does not connect yet. `tls` is a
    /// connector of your own, which makes the TLS sessions. A store from [`from_url`](PostgresStore::from_url) needs no
    /// connector. If `config` names no database, every call fails with [`StoreError::Url`].
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
    /// with `pg_`. The name is case-sensitive, like a quoted name in SQL: `schema("Orders")` is the schema that `CREATE
    /// SCHEMA "Orders"` creates.
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

    /// Returns the names of those parameters of the connection string that this store skips. The skipped parameters are
    /// meant for other clients.
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

    /// Sets the name of the space. The default is `default`. A database can hold any number of spaces. Processes of
    /// different spaces can issue the same IDs.
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
