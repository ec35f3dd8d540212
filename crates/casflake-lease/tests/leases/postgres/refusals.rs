//! Refusals: those that time does not mend are permanent and have a remedy, and the others are retryable.

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore, StoreError};
use testkit::Server;
use testkit::postgres::PostgresServer;
use tokio_postgres::NoTls;

use super::{
    LAYOUT, TTL, acquire, assert_no_space, assert_refused, assert_unavailable, chain, granted, initialised, renew,
    store, token,
};
use crate::immediately::refused_immediately;

/// Opens a store by the URL of the server with this user, database and query.
fn by(server: &PostgresServer, user: &str, database: &str, query: &str) -> PostgresStore {
    let url = format!("postgres://{user}@127.0.0.1:{}/{database}{query}", server.port());
    PostgresStore::from_url(&url).expect("a URL")
}

#[test]
fn a_role_that_may_not_connect_is_refused_permanently_and_without_a_wait() {
    let server = server!();
    server.sql("CREATE ROLE ids LOGIN PASSWORD 'right'; CREATE ROLE idle");
    server.sql("CREATE DATABASE shut");
    server.sql("REVOKE CONNECT ON DATABASE shut FROM PUBLIC");
    server.admit(
        "host all stranger 127.0.0.1/32 reject\nhost shut all 127.0.0.1/32 trust\nhost all idle,nobody 127.0.0.1/32 trust
        host postgres ids 127.0.0.1/32 scram-sha-256",
    );
    let place = format!("PostgreSQL at 127.0.0.1:{}, database \"postgres\"", server.port());
    for (user, words) in [
        ("ids:s3cret", &["correct the user or the password", "password authentication failed"][..]),
        ("ids", &["give one in the URL; PGPASSWORD and .pgpass are not read"]),
        ("nobody", &["create the role", "role \"nobody\" does not exist"]),
        ("idle", &["allow it to log in", "not permitted to log in"]),
        ("stranger", &["pg_hba.conf", "rejects connection"]),
        ("other", &["pg_hba.conf", "no pg_hba.conf entry"]),
    ] {
        let mut store = by(&server, user, "postgres", "");
        let Err(error) = store.survey() else { panic!("{user} may connect") };
        assert!(chain(&error).contains(&place) && !chain(&error).contains("s3cret"), "{error:?}");
        assert_refused(acquire(&mut store, token()), words);
        assert_refused(Err::<(), _>(refused_immediately(store)), words);
    }
    assert_refused(by(&server, "nobody", "nowhere", "").survey(), &["create the role"]);
    assert_refused(by(&server, "postgres", "nowhere", "").survey(), &["create the database", "\"nowhere\""]);
    assert_refused(by(&server, "idle2", "shut", "").survey(), &["create the role"]);
    assert_refused(
        by(&server, "ids", "shut", "").survey(),
        &["grant this role CONNECT on the database", "permission denied for database"],
    );
    by(&server, "ids:right", "postgres", "").others().expect("it may connect");
}

#[test]
fn a_server_without_tls_is_refused_if_the_url_requires_tls() {
    let server = server!();
    for (query, mode) in
        [("?sslmode=require", "require"), ("?sslmode=verify-full", "verify-full"), ("?ssl=true", "require")]
    {
        let remedy = format!("which sslmode={mode} asks for");
        let words = &["the server has no TLS", &remedy, "connecting to PostgreSQL at 127.0.0.1:"];
        assert_refused(by(&server, "postgres", "postgres", query).survey(), words);
    }
    let config = format!("{}?sslmode=require", server.url()).parse().expect("a configuration");
    let outcome = PostgresStore::with_tls(config, NoTls).survey();
    assert!(matches!(outcome, Err(StoreError::Refused { .. })), "{outcome:?}");
}

#[test]
fn tables_with_other_columns_are_refused() {
    let server = server!();
    server.sql("CREATE TABLE casflake_spaces (id int); CREATE TABLE casflake_leases (id int)");
    assert_refused(store(&server).survey(), &["reading leases in PostgreSQL at", "the tables", "does not exist"]);
    server.sql("DROP TABLE casflake_spaces, casflake_leases");
    initialised(&server, 1);
}

#[test]
fn a_failure_that_may_pass_is_retryable() {
    // The test itself needs one of the connections.
    let mut server = server!(PostgresServer::start_with(&["max_connections=4", "superuser_reserved_connections=1"]));
    server.sql("CREATE ROLE ids LOGIN");
    let place = format!("connecting to PostgreSQL at 127.0.0.1:{}, database \"postgres\"", server.port());
    let full: Vec<_> = (0..3).map(|_| connection(&server)).collect();
    assert_unavailable(by(&server, "ids", "postgres", "").survey(), "connection");
    drop(full);
    server.kill();
    assert_unavailable(by(&server, "ids", "postgres", "").survey(), &place);
    // A name server may be away, or learn a host's name later.
    let mut unknown = PostgresStore::from_url("postgres://ids@no-such-host.invalid/ids").expect("a URL");
    assert_unavailable(unknown.survey(), "PostgreSQL at no-such-host.invalid:5432, database \"ids\"");
}

/// Opens a connection of the role `ids`, which ends on drop.
fn connection(server: &PostgresServer) -> (tokio::runtime::Runtime, tokio_postgres::Client) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = server.url().replace("postgres@", "ids@");
    let (client, connection) = runtime.block_on(tokio_postgres::connect(&url, NoTls)).expect("it may connect");
    runtime.spawn(connection);
    (runtime, client)
}

#[test]
fn a_renewal_that_was_refused_succeeds_after_the_remedy() {
    let server = server!();
    server.sql("CREATE ROLE ids LOGIN; GRANT CREATE ON SCHEMA public TO ids");
    let mut store = by(&server, "ids", "postgres", "");
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = granted(&mut store);
    server.sql("ALTER TABLE casflake_leases OWNER TO postgres; ALTER TABLE casflake_spaces OWNER TO postgres");

    let grant = r#"GRANT SELECT, INSERT, UPDATE ON "public".casflake_spaces, "public".casflake_leases TO ROLE"#;
    let refused = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0));
    assert!(!format!("{refused:?}").contains("create the tables"), "{refused:?}");
    assert_refused(refused, &[grant, "permission denied for table"]);
    server.sql(&grant.replace("ROLE", "ids"));
    store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).expect("it is ours");
}

#[test]
fn a_role_that_may_not_create_the_tables_gets_the_statement_to_run() {
    let server = server!();
    server.sql("CREATE ROLE ids LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let outcome = by(&server, "ids", "postgres", "").init_immediately(&LAYOUT, 1);
    assert_refused(outcome, &["create the tables", "TO ROLE; GRANT USAGE ON SCHEMA", "permission denied for schema"]);
}

#[test]
fn a_url_with_several_hosts_does_not_show_its_password() {
    let mut store = PostgresStore::from_url("postgres://ids:s3cret@127.0.0.1:1,127.0.0.1:2/ids").expect("a URL");
    let Err(error) = store.survey() else { panic!("it is there") };
    let shown = format!("{store:?} {error:?} {}", chain(&error));
    assert!(shown.contains("127.0.0.1:1, 127.0.0.1:2") && !shown.contains("s3cret"), "{shown}");
}

/// Would catch: an error that depends on the host that was asked last.
#[test]
fn several_hosts_give_the_same_error_each_time() {
    let (server, other) = (server!(), server!());
    server.sql("CREATE ROLE ids LOGIN PASSWORD 'right'");
    server.admit("host postgres ids 127.0.0.1/32 scram-sha-256\nhost nowhere all 127.0.0.1/32 trust");
    let hosts = [server.port(), other.port(), 1];
    let of = |user: &str, ports: [u16; 2], database: &str| {
        let [one, another] = ports;
        let url = format!("postgres://{user}@127.0.0.1:{one},127.0.0.1:{another}/{database}");
        PostgresStore::from_url(&url).expect("a URL")
    };
    for _ in 0..8 {
        let down = [hosts[0], hosts[2]];
        assert_refused(of("ids:s3cret", down, "postgres").survey(), &["correct the user or the password"]);
        assert_unavailable(of("postgres", down, "nowhere").survey(), "error connecting to server");
        assert_refused(of("postgres", [hosts[0], hosts[1]], "nowhere").survey(), &["create the database"]);
        of("ids:right", [hosts[1], hosts[0]], "postgres").others().expect("it may connect to one");
    }
}

#[test]
fn a_role_that_may_create_no_tables_uses_existing_ones() {
    let server = server!();
    server.sql("CREATE ROLE plain LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let url = server.url().replace("postgres@", "plain@");
    let mut store = PostgresStore::from_url(&url).expect("a URL");
    assert_no_space(store.survey());
    let outcome = store.init_immediately(&LAYOUT, 1);
    let create = "create the tables \"public\".casflake_spaces, \"public\".casflake_leases";
    assert_refused(outcome, &[create, "GRANT", "permission denied for schema public"]);
    initialised(&server, 1);
    assert_refused(store.survey(), &["GRANT SELECT, INSERT, UPDATE ON", "permission denied for table"]);
    server.sql("GRANT SELECT, INSERT, UPDATE ON casflake_spaces, casflake_leases TO plain");
    let lease = granted(&mut store);
    let lease = renew(&mut store, &lease).expect("it is ours");
    store.release(&lease, None).expect("it is ours");
    store.init_immediately(&LAYOUT, 5).expect("it may do that");
}
