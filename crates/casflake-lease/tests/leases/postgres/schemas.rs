//! A URL names the same tables for every role and with all settings.

use std::collections::BTreeSet;

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore, StoreError};
use testkit::Server;
use testkit::postgres::PostgresServer;
use tokio_postgres::NoTls;

use super::{
    LAYOUT, TTL, acquire, acquire_again, assert_no_space, assert_not_yet, assert_refused, granted, initialised, renew,
    store, token,
};

fn open(url: &str) -> PostgresStore {
    PostgresStore::from_url(url).expect("a URL")
}

/// Returns the URL of the server with another role.
fn url_of(server: &PostgresServer, role: &str) -> String {
    server.url().replace("postgres@", &format!("{role}@"))
}

/// Returns the URL of the server with one parameter.
fn url_with(server: &PostgresServer, parameter: &str) -> String {
    if parameter.is_empty() { server.url() } else { format!("{}?{parameter}", server.url()) }
}

/// Returns the schemas with tables of leases that are not temporary.
fn schemas(server: &PostgresServer) -> BTreeSet<String> {
    let tables = "SELECT relnamespace::regnamespace FROM pg_class
        WHERE relname IN ('casflake_spaces', 'casflake_leases') AND relpersistence <> 't'";
    server.rows(tables).into_iter().flatten().collect()
}

fn only<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[track_caller]
fn assert_url_refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>, words: &[&str]) {
    let Err(error @ StoreError::Url { .. }) = outcome else { panic!("{outcome:?}") };
    let text = error.to_string();
    assert!(!error.is_retryable() && words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
}

/// Would catch: duplicate IDs by the server's default `search_path`, `"$user", public`.
#[test]
fn l1_two_roles_share_the_space_of_one_url() {
    let server = server!();
    server.sql(
        "CREATE ROLE orders LOGIN; CREATE ROLE app LOGIN; CREATE SCHEMA AUTHORIZATION orders;
        GRANT CREATE ON SCHEMA public TO orders, app;
        ALTER DEFAULT PRIVILEGES FOR ROLE orders GRANT SELECT, INSERT, UPDATE ON TABLES TO app",
    );
    let mut stores = ["orders", "app"].map(|role| open(&url_of(&server, role)));
    for store in &mut stores {
        store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    }
    let leases = stores.each_mut().map(granted);
    assert_ne!(leases[0].worker(), leases[1].worker(), "{leases:?}");
    for (store, lease) in stores.iter_mut().zip(&leases) {
        let outcome = acquire(store, token());
        assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers: 2, .. })), "{outcome:?}");
        renew(store, lease).expect("it is ours");
    }
    assert_eq!(schemas(&server), only(["public"]));
}

#[test]
fn l1_a_search_path_does_not_move_a_space() {
    for (set, parameter) in [
        ("ALTER ROLE postgres SET search_path = elsewhere", ""),
        ("ALTER DATABASE postgres SET search_path = elsewhere", ""),
        ("ALTER ROLE postgres IN DATABASE postgres SET search_path = elsewhere, public", ""),
        ("ALTER ROLE postgres SET search_path = ''", ""),
        ("ALTER ROLE postgres SET search_path = elsewhere", "options=-c%20search_path%3Dpublic"),
    ] {
        let server = server!();
        let lease = granted(&mut initialised(&server, 2));
        server.sql("CREATE SCHEMA elsewhere");
        server.sql(set);
        let mut store = open(&url_with(&server, parameter));
        let lease = renew(&mut store, &lease).expect(set);
        assert_ne!(granted(&mut store).worker(), lease.worker(), "{set}");
        assert_eq!(schemas(&server), only(["public"]), "{set}");
    }
}

/// Each statement of the store calls a function that hides the system's own, and that creates temporary tables.
#[test]
fn l1_a_temporary_table_does_not_hide_a_space() {
    for search_path in ["public,pg_catalog", "pg_temp,public,pg_catalog"] {
        let server = server!();
        initialised(&server, 1);
        server.sql(
            "CREATE TABLE cluster AS SELECT system_identifier FROM pg_control_system();
            CREATE TABLE sessions (pid int PRIMARY KEY);
            CREATE FUNCTION pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE plpgsql AS $$
            BEGIN
                CREATE TEMPORARY TABLE IF NOT EXISTS casflake_spaces (LIKE public.casflake_spaces INCLUDING ALL);
                CREATE TEMPORARY TABLE IF NOT EXISTS casflake_leases (LIKE public.casflake_leases INCLUDING ALL);
                INSERT INTO public.sessions VALUES (pg_backend_pid()) ON CONFLICT DO NOTHING;
                RETURN QUERY SELECT c.system_identifier FROM public.cluster c;
            END $$",
        );
        server.sql(&format!("ALTER ROLE postgres SET search_path = {search_path}"));
        let mut stores = [store(&server), store(&server)];
        for store in &mut stores {
            store.init_immediately(&LAYOUT, 2).expect("it is initialised");
        }
        let leases = stores.each_mut().map(granted);
        assert_ne!(leases[0].worker(), leases[1].worker(), "{search_path}: {leases:?}");
        for (store, lease) in stores.iter_mut().zip(leases) {
            let lease = renew(store, &lease).expect("it is ours");
            assert_eq!(store.survey().expect("it answers").workers.len(), 2);
            store.release(&lease, None).expect("it is ours");
        }
        assert_eq!(server.value("SELECT count(*) FROM sessions"), "2");
        assert_eq!(server.value("SELECT count(*) FROM public.casflake_leases WHERE token IS NULL"), "2");
    }
}

#[test]
fn a_url_names_the_schema_of_its_space() {
    let server = server!();
    server.sql("CREATE SCHEMA \"Orders\"; CREATE SCHEMA orders");
    let words = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", server.port());
    let mut lease = granted(&mut initialised(&server, 1));
    let mut of_orders = open(&url_with(&server, "schema=Orders"));
    assert_no_space(acquire(&mut of_orders, token()));
    of_orders.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let mut their = granted(&mut of_orders);
    assert_eq!((lease.worker(), their.worker()), (0, 0), "of spaces that are apart");
    for mut same in [
        open(&url_with(&server, "schema=%4Frders&application_name=x")),
        open(&format!("{words} schema='Orders'")),
        open(&url_with(&server, "schema=orders")).schema("Orders").expect("a name"),
        PostgresStore::with_tls(words.parse().expect("words"), NoTls).schema("Orders").expect("a name"),
    ] {
        their = renew(&mut same, &their).expect("it is theirs");
        assert!(matches!(acquire(&mut same, token()), Err(StoreError::NoFreeWorker { .. })));
    }
    for mut ours in [open(&url_with(&server, "schema=public")), open(&words)] {
        lease = renew(&mut ours, &lease).expect("it is ours");
    }
    assert_eq!(schemas(&server), only(["public", "\"Orders\""]));
    of_orders.release(&their, None).expect("it is theirs");
    of_orders.reclaim(&LAYOUT, 0).expect("it was granted");
    let (one, another) = ("schema=a&schema=b", "schema=pg_temp");
    assert_url_refused(PostgresStore::from_url(&url_with(&server, one)), &["repeated"]);
    assert_url_refused(PostgresStore::from_url(&url_with(&server, another)), &["pg_"]);
    assert_url_refused(open(&words).schema("a\"b"), &["'\"'"]);
}

#[test]
fn a_schema_that_is_missing_is_an_error_and_is_not_created() {
    let server = server!();
    let mut store = open(&url_with(&server, "schema=billing"));
    let words = &["there is no schema billing", "CREATE SCHEMA \"billing\""];
    assert_refused(store.survey(), words);
    assert_refused(store.init_immediately(&LAYOUT, 1), words);
    assert_refused(acquire(&mut store, token()), words);
    assert_eq!(server.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'billing'"), "0");

    server.sql("CREATE SCHEMA billing");
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = granted(&mut store);
    server.sql("DROP SCHEMA billing CASCADE");
    assert_refused(renew(&mut store, &lease), words);
    assert_refused(store.release(&lease, None), words);
}

/// The read still sees the schema. A function that hides the system's own drops it then.
#[test]
fn a_schema_that_is_dropped_before_a_write_is_an_error() {
    let server = server!();
    server.sql(
        "CREATE SCHEMA billing;
        CREATE TABLE cluster AS SELECT system_identifier FROM pg_control_system();
        CREATE FUNCTION pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE plpgsql AS $$
        BEGIN
            DROP SCHEMA IF EXISTS billing;
            RETURN QUERY SELECT c.system_identifier FROM public.cluster c;
        END $$",
    );
    server.sql("ALTER ROLE postgres SET search_path = public, pg_catalog");
    let mut store = open(&url_with(&server, "schema=billing"));
    assert_refused(store.init_immediately(&LAYOUT, 1), &["writing leases in PostgreSQL", "CREATE SCHEMA"]);
    assert_refused(store.survey(), &["there is no schema billing"]);
    server.sql("CREATE SCHEMA billing");
    assert_refused(store.init_immediately(&LAYOUT, 1), &["CREATE SCHEMA"]);
}

#[test]
fn reading_creates_nothing() {
    let server = server!();
    server.sql("CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only = on");
    let lease = granted(&mut initialised(&server, 1));
    server.sql("DROP TABLE casflake_spaces, casflake_leases");
    for mut store in [store(&server), open(&url_of(&server, "reader"))] {
        assert_no_space(store.survey());
        assert_no_space(acquire(&mut store, token()));
        assert!(matches!(store.reclaim(&LAYOUT, 0), Err(StoreError::NoSuchWorker { worker: 0 })));
    }
    store(&server).release(&lease, None).expect("it has no effect");
    assert_eq!(schemas(&server), only([]));
    // One table is missing: a write creates it, and finds that leases are lost.
    let mut holder = initialised(&server, 1);
    granted(&mut holder);
    server.sql("DROP TABLE casflake_leases");
    assert_no_space(store(&server).survey());
    assert_eq!(server.value("SELECT count(*) FROM pg_class WHERE relname = 'casflake_leases'"), "0");
    assert_not_yet(acquire_again(&mut holder));
    assert_eq!(server.value("SELECT count(*) FROM pg_class WHERE relname = 'casflake_leases'"), "1");
}

#[test]
fn a_url_without_a_schema_is_refused_if_earlier_versions_use_another() {
    let server = server!();
    server.sql("CREATE ROLE orders LOGIN; CREATE SCHEMA AUTHORIZATION orders; GRANT CREATE ON SCHEMA public TO orders");
    let url = url_of(&server, "orders");
    let mut unnamed = open(&url);
    unnamed.init_immediately(&LAYOUT, 1).expect("a schema alone does not matter");
    let lease = granted(&mut unnamed);

    // An earlier version creates its tables there if it finds none.
    let mut earlier = open(&format!("{url}?schema=orders"));
    earlier.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let their = granted(&mut earlier);
    let words = ["public.casflake_spaces", "orders.casflake_spaces", "?schema=orders", "?schema=public"];
    for mut store in [unnamed, open(&url)] {
        assert_url_refused(acquire(&mut store, token()), &words);
        assert_url_refused(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)), &words);
        assert_url_refused(store.init_immediately(&LAYOUT, 1), &words);
        assert_url_refused(store.survey(), &words);
        assert_url_refused(store.reclaim(&LAYOUT, 0), &words);
    }
    renew(&mut earlier, &their).expect("it is renewed");
    let mut public = open(&format!("{url}?schema=public"));
    let lease = renew(&mut public, &lease).expect("it is renewed");
    public.survey().expect("it answers");

    // Only the search_path of that role leads to the other schema.
    server.sql("GRANT SELECT, INSERT, UPDATE ON public.casflake_spaces, public.casflake_leases TO PUBLIC");
    renew(&mut store(&server), &lease).expect("it is ours");
    let lease = public.survey().expect("it answers").workers[0].clone();
    assert_eq!(lease.counter, 3);
    server.sql("ALTER ROLE postgres SET search_path = orders");
    assert_url_refused(store(&server).survey(), &words);
    server.sql("DROP TABLE public.casflake_spaces, public.casflake_leases");
    assert_url_refused(open(&url).survey(), &words);
    assert_eq!(schemas(&server), only(["orders"]));

    server.sql("CREATE SCHEMA \"my-app\"; ALTER TABLE orders.casflake_spaces SET SCHEMA \"my-app\"");
    server.sql("ALTER ROLE postgres SET search_path = \"my-app\"");
    assert_url_refused(store(&server).survey(), &["my-app.casflake_spaces", "?schema=public", "SET SCHEMA"]);
}

#[test]
fn a_lease_is_released_even_if_earlier_versions_use_another_schema() {
    let server = server!();
    let mut unnamed = initialised(&server, 1);
    let lease = granted(&mut unnamed);
    server.sql("CREATE SCHEMA postgres; CREATE TABLE postgres.casflake_spaces ()");
    assert_url_refused(renew(&mut unnamed, &lease), &["postgres.casflake_spaces"]);
    unnamed.release(&lease, None).expect("it is ours");
    assert_eq!(server.value("SELECT count(*) FROM public.casflake_leases WHERE token IS NULL"), "1");
}

/// Would catch: a URL that names another database for each user.
#[test]
fn a_url_without_a_database_is_refused() {
    let server = server!();
    let host = format!("127.0.0.1:{}", server.port());
    for url in [&format!("postgresql://postgres@{host}"), &format!("postgresql://{host}/"), "host=h user=u schema=s"] {
        assert_url_refused(PostgresStore::from_url(url), &["no database", "postgresql://HOST/DATABASE", "dbname="]);
    }
    let config = format!("postgresql://postgres@{host}").parse().expect("a configuration");
    let mut store = PostgresStore::with_tls(config, NoTls);
    assert_url_refused(store.survey(), &["no database"]);
    assert_url_refused(acquire(&mut store, token()), &["no database"]);
    let mut missing = open(&format!("postgresql://postgres@{host}/nowhere"));
    assert_refused(missing.survey(), &["create the database", "database \"nowhere\" does not exist"]);
}
