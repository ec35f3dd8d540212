//! Stores behind a pooler that gives each transaction another session: PgBouncer as Debian ships it.

use std::thread;

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore, StoreError};
use testkit::eventually;
use testkit::pgbouncer::PgBouncer;
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;

use super::{LAYOUT, acquire, assert_refused, granted, renew, token};
use crate::reference::decides_by_the_rules;
use crate::stores::CASES;

/// Starts a pooler with this many connections. Ends the test if PgBouncer is not installed.
macro_rules! pooler {
    ($server:expr, $connections:expr) => {
        match PgBouncer::in_front_of($server, $connections) {
            Some(pooler) => pooler,
            None => return testkit::skipped("a pooler", "PgBouncer, Debian's pgbouncer"),
        }
    };
}

fn open(server: &PostgresServer, port: u16) -> PostgresStore {
    PostgresStore::from_url(&server.url_by(port)).expect("a URL")
}

#[test]
fn each_decision_behind_a_pooler_is_that_of_the_rules() {
    let server = server!();
    let pooler = pooler!(&server, 2);
    let mut numbers = 0..;
    decides_by_the_rules(CASES, || {
        let space = format!("case-{}", numbers.next().unwrap_or(0));
        Box::new(open(&server, pooler.port()).space(space).expect("a name"))
    });
}

/// Sixteen clients share three sessions.
#[test]
fn l1_clients_that_share_sessions_are_granted_different_workers() {
    let server = server!();
    let pooler = pooler!(&server, 3);
    open(&server, pooler.port()).init_immediately(&LAYOUT, 16).expect("it is initialised");
    let workers = thread::scope(|scope| {
        let clients = [(); 16].map(|()| {
            scope.spawn(|| {
                let mut store = open(&server, pooler.port());
                let token = token();
                let mut lease = eventually("a worker", || match acquire(&mut store, token) {
                    Ok(grant) => Some(grant.lease),
                    Err(StoreError::Contended { .. }) => None,
                    Err(error) => panic!("{error:?}"),
                });
                for _ in 0..10 {
                    lease = renew(&mut store, &lease).expect("it is ours");
                }
                assert_eq!(lease.counter(), 11);
                store.release(&lease, Some(lease.from() + 60_000)).expect("it is ours");
                lease.worker()
            })
        });
        clients.map(|client| client.join().expect("no panic"))
    });
    let mut sorted = workers;
    sorted.sort_unstable();
    assert_eq!(sorted.to_vec(), (0..16).collect::<Vec<_>>());
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'casflake'";
    assert!(server.value(sessions).parse::<u32>().expect("a number") <= 3);
}

#[test]
fn a_renewal_through_a_pooler_is_one_round_trip() {
    let server = server!();
    let pooler = pooler!(&server, 1);
    open(&server, pooler.port()).init_immediately(&LAYOUT, 1).expect("it is initialised");
    let proxy = Proxy::to(pooler.port());
    let mut store = open(&server, proxy.port());
    let mut lease = granted(&mut store);
    for _ in 0..3 {
        let trips = proxy.trips();
        lease = renew(&mut store, &lease).expect("it is ours");
        assert_eq!(proxy.trips() - trips, 1);
    }
}

/// The pooler gives the session to another client next.
#[test]
fn a_call_leaves_no_setting_in_its_session() {
    let server = server!();
    let pooler = pooler!(&server, 1);
    let mut store = open(&server, pooler.port());
    let settings = || {
        let names = "'lock_timeout', 'statement_timeout', 'synchronous_commit', 'search_path'";
        let query = format!("SELECT name, setting, pg_backend_pid() FROM pg_settings WHERE name IN ({names})");
        server.rows_by(pooler.port(), &query)
    };
    let before = settings();
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = granted(&mut store);
    renew(&mut store, &lease).expect("it is ours");
    // Nor does a transaction that fails.
    server.sql("ALTER TABLE casflake_leases ALTER COLUMN owner TYPE int USING 1");
    acquire(&mut store, token()).expect_err("its column has another type");
    assert_eq!(settings(), before);
}

#[test]
fn a_database_that_a_pooler_does_not_know_is_refused() {
    let server = server!();
    let pooler = pooler!(&server, 1);
    let url = format!("postgres://postgres@127.0.0.1:{}/nowhere", pooler.port());
    assert_refused(PostgresStore::from_url(&url).expect("a URL").survey(), &["create the database", "nowhere"]);
}

/// Would catch: a holder that tries a wrong password for ever, because the pooler has one code for all its errors.
#[test]
fn a_user_or_a_password_that_a_pooler_does_not_know_is_refused() {
    let server = server!();
    for method in ["scram-sha-256", "md5"] {
        let Some(pooler) = PgBouncer::with_users(&server, 1, method, "\"ids\" \"right\"\n") else {
            return testkit::skipped("a pooler", "PgBouncer, Debian's pgbouncer");
        };
        for user in ["ids:wrong", "nobody:right"] {
            let url = format!("postgres://{user}@127.0.0.1:{}/postgres", pooler.port());
            let outcome = PostgresStore::from_url(&url).expect("a URL").survey();
            assert_refused(outcome, &["correct the user or the password", "FATAL"]);
        }
    }
}
