//! The names of parameters that clients of PostgreSQL know.

/// The parameters that `tokio_postgres` reads in the same way as libpq.
pub(super) const OF_THE_CLIENT: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "password",
    "port",
    "sslnegotiation",
    "user",
];

/// Parameters that have no effect on this store. Some of them are settings of a session, and no statement of this store
/// relies on such settings. The rest tell other clients, for example, how to pool connections, prepare statements,
/// encode texts, wait, log in or use TLS.
pub(super) const OF_OTHERS: &[&str] = &[
    // libpq.
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gsslib",
    "krbsrvname",
    "options",
    "passfile",
    "ssl_max_protocol_version",
    "sslcompression",
    "sslpassword",
    "sslsni",
    // Settings of a session.
    "DateStyle",
    "TimeZone",
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "search_path",
    "statement_timeout",
    "timezone",
    // sqlx.
    "statement-cache-capacity",
    // Prisma.
    "connection_limit",
    "max_connection_lifetime",
    "max_idle_connection_lifetime",
    "pgbouncer",
    "pool_timeout",
    "single_use_connections",
    "socket_timeout",
    "sslaccept",
    "sslidentity",
    "statement_cache_size",
    // pgx.
    "default_query_exec_mode",
    "description_cache_capacity",
    "pool_health_check_period",
    "pool_max_conn_idle_time",
    "pool_max_conn_lifetime",
    "pool_max_conn_lifetime_jitter",
    "pool_max_conns",
    "pool_min_conns",
    "pool_min_idle_conns",
    "statement_cache_capacity",
    // lib/pq.
    "binary_parameters",
    // node-postgres and postgres.js.
    "idle_timeout",
    "max",
    "query_timeout",
    "uselibpqcompat",
    // Active Record.
    "advisory_locks",
    "checkout_timeout",
    "encoding",
    "min_messages",
    "pool",
    "prepared_statements",
    "reaping_frequency",
    "schema_search_path",
    "timeout",
    // SQLAlchemy, asyncpg.
    "command_timeout",
    "prepared_statement_cache_size",
    // Providers of databases.
    "supa",
    "workaround",
];

/// Parameters of libpq that this client does not support and must not skip. If the client skipped such a parameter, the
/// connection would be less safe, or would lead to another server.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("require_auth", "this client can't limit how it logs in: remove the option, or ask for channel_binding=require"),
    ("requirepeer", "this client can't check which user runs the server: remove the option"),
    ("service", "this client reads no service files: give the host and the database"),
    ("servicefile", "this client reads no service files: give the host and the database"),
    ("sslcrl", "this client reads no lists of revoked certificates: remove the option"),
    ("sslcrldir", "this client reads no lists of revoked certificates: remove the option"),
];
