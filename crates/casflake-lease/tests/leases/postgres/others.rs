//! The other ID spaces of a database.

use std::time::{Duration, Instant};

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore};
use testkit::Server;
use testkit::postgres::{PostgresServer, wait_until};

use super::{LAYOUT, assert_unavailable, store};

fn others(store: &mut PostgresStore) -> Vec<String> {
    store.others().expect("it answers")
}

fn begin(server: &PostgresServer, schema: &str, space: &str) {
    let mut store = store(server).schema(schema).expect("a name").space(space).expect("a name");
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
}

#[test]
fn other_spaces_of_a_database_are_listed_with_their_schemas() {
    let server = server!();
    let mut ours = store(&server).space("orders").expect("a name");
    assert_eq!(others(&mut ours), [""; 0], "there is no table");
    begin(&server, "public", "orders");
    assert_eq!(others(&mut ours), [""; 0]);

    server.sql("CREATE SCHEMA billing; CREATE SCHEMA \"Secret\"; CREATE ROLE app LOGIN");
    for (schema, space) in
        [("billing", "orders"), ("billing", "odd"), ("public", "users"), ("public", "events"), ("Secret", "users")]
    {
        begin(&server, schema, space);
    }
    server.sql(
        "UPDATE billing.casflake_spaces SET space = 'it''s (1)' WHERE space = 'odd';
        GRANT USAGE ON SCHEMA billing, \"Secret\" TO app;
        GRANT SELECT ON ALL TABLES IN SCHEMA public, billing TO app",
    );
    let all = ["events", "users", "users (schema Secret)", "it's (1) (schema billing)", "orders (schema billing)"];
    assert_eq!(others(&mut ours), all);
    let mut app = PostgresStore::from_url(&server.url().replace("postgres@", "app@"))
        .expect("a URL")
        .space("orders")
        .expect("a name");
    let readable = ["events", "users", "(schema Secret)", all[3], all[4]];
    assert_eq!(others(&mut app), readable);
    server.sql("REVOKE USAGE ON SCHEMA billing FROM app; REVOKE SELECT ON casflake_spaces FROM app");
    assert_eq!(others(&mut app), ["(schema Secret)", "(schema billing)"]);
    // From another schema, and from one that does not exist.
    let mut theirs = store(&server).schema("billing").expect("a name").space("orders").expect("a name");
    let seen = ["it's (1)", "users (schema Secret)", "events (schema public)", "orders (schema public)"];
    assert_eq!(others(&mut theirs)[..4], seen);
    assert_eq!(others(&mut store(&server).schema("nowhere").expect("a name")).len(), 6);

    server.sql("INSERT INTO casflake_spaces SELECT 'more ' || n, 1, '', 1, 0, 0, '' FROM generate_series(1, 20) n");
    assert_eq!(others(&mut ours).len(), 10);
    assert!(others(&mut ours).iter().all(|name| !name.contains("schema")));
    assert_eq!(others(&mut app), ["(schema Secret)", "(schema billing)"]);
}

/// Would catch: a schema of another user that makes the list fail.
#[test]
fn a_schema_may_have_any_name() {
    let server = server!();
    for name in ["a$1", "b\"$1", "c'$2", "$1"] {
        let quoted = name.replace('"', "\"\"");
        server.sql(&format!(
            "CREATE SCHEMA \"{quoted}\"; CREATE TABLE \"{quoted}\".casflake_spaces AS SELECT 'x'::text AS space"
        ));
    }
    let seen = ["x (schema $1)", "x (schema a$1)", "x (schema b\"$1)", "x (schema c'$2)"];
    assert_eq!(others(&mut store(&server)), seen);
}

/// Would catch: code of a role with few privileges that runs with the privileges of the store's role.
#[test]
fn a_list_of_other_spaces_runs_no_code_of_other_roles() {
    let server = server!();
    server.sql(
        "CREATE TABLE ran (what text);
        CREATE FUNCTION run(what text) RETURNS boolean LANGUAGE plpgsql COST 0.01 AS $$
            BEGIN INSERT INTO public.ran VALUES (what); RETURN true; END $$;
        CREATE SCHEMA a; CREATE VIEW a.casflake_spaces AS SELECT 'x' AS space WHERE public.run('view');
        CREATE SCHEMA b; CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA b TO app; GRANT INSERT ON ran TO app;
        CREATE TABLE b.casflake_spaces AS SELECT 'x'::text AS space;
        ALTER TABLE b.casflake_spaces ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON b.casflake_spaces USING (public.run('policy')); GRANT SELECT ON b.casflake_spaces TO app;
        CREATE SCHEMA c; CREATE TYPE c.t AS (x text); CREATE TABLE c.casflake_spaces (space c.t);
        CREATE SCHEMA d; CREATE TABLE d.casflake_spaces ();
        CREATE SCHEMA e; CREATE TABLE e.casflake_spaces (space text) PARTITION BY LIST (space)",
    );
    let mut app = PostgresStore::from_url(&server.url().replace("postgres@", "app@")).expect("a URL");
    assert_eq!(others(&mut app), ["(schema b)", "(schema c)", "(schema d)", "(schema e)"]);
    assert_eq!(others(&mut store(&server)), ["(schema b)", "(schema c)", "(schema d)", "(schema e)"]);
    assert_eq!(server.rows("SELECT * FROM ran"), [[""; 0]; 0]);
}

#[test]
fn a_list_of_other_spaces_ends_in_time() {
    let server = server!();
    server.sql("CREATE SCHEMA billing");
    begin(&server, "billing", "orders");
    let mut ours = store(&server);
    assert_eq!(others(&mut ours), ["orders (schema billing)"]);
    std::thread::scope(|scope| {
        scope.spawn(|| server.sql("LOCK TABLE billing.casflake_spaces; SELECT pg_sleep(4)"));
        wait_until("it is locked", || {
            server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
        });
        let started = Instant::now();
        assert_unavailable(ours.others(), "no answer");
        assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    });
    assert_eq!(others(&mut ours), ["orders (schema billing)"]);
}
