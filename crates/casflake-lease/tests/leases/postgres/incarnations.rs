//! Timelines, standbys, crashes, and tables that are lost one by one.

use casflake_lease::{LeaseAdmin, LeaseStore, LostReason, StoreError};
use testkit::postgres::PostgresServer;

use super::{
    LAYOUT, TTL, acquire, acquire_again, assert_lost, assert_not_yet, assert_unavailable, granted, initialised, renew,
    store, token,
};

#[test]
fn l6_a_new_timeline_waits_before_it_grants() {
    let mut server = server!();
    let mut store = initialised(&server, 4);
    let lease = granted(&mut store);
    let before = server.value("SELECT incarnation FROM casflake_spaces");

    server.promote_as_new_timeline();
    // The connection of the store is closed.
    assert!(matches!(renew(&mut store, &lease), Err(StoreError::Unavailable { .. })));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store, token()));
    let after = server.value("SELECT incarnation FROM casflake_spaces");
    let (cluster, timeline) = before.split_once('/').expect("two parts");
    assert_eq!((timeline, after), ("00000001", format!("{cluster}/00000002")));

    store.init_immediately(&LAYOUT, 4).expect("it is initialised");
    assert_lost(renew(&mut store, &lease), LostReason::Initialised);
    granted(&mut store);
    server.promote_as_new_timeline();
    assert!(matches!(acquire(&mut store, token()), Err(StoreError::Unavailable { .. })));
    assert_not_yet(acquire(&mut store, token()));
}

#[test]
fn a_standby_grants_renews_and_releases_nothing() {
    let mut server = server!();
    let lease = granted(&mut initialised(&server, 4));
    server.become_standby();
    let mut store = store(&server);
    assert_unavailable(acquire(&mut store, token()), "recovery is in progress");
    assert_unavailable(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)), "read-only transaction");
    assert_unavailable(store.release(&lease, None), "read-only transaction");
    assert_unavailable(store.survey(), "recovery is in progress");
}

#[test]
fn l6_a_crash_loses_nothing_whatever_the_server_calls_committed() {
    // By these settings, the server acknowledges writes that a crash loses.
    let mut server =
        server!(PostgresServer::start_with(&["synchronous_commit=off", "wal_writer_delay=10s", "bgwriter_delay=10s"]));
    let mut store = initialised(&server, 4);
    server.kill();
    server.restart();
    assert_unavailable(acquire(&mut store, token()), "closed");
    let (held, released) = (granted(&mut store), granted(&mut store));
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    let held = renew(&mut store, &held).expect("it is ours");
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    let held = renew(&mut store, &held).expect("it is ours");
    assert_eq!(held.counter(), 3);
    store.release(&released, None).expect("it is ours");
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    assert_lost(renew(&mut store, &released), LostReason::Taken);
    renew(&mut store, &held).expect("it is ours");
}

#[test]
fn l6_a_loss_of_tables_or_rows_is_found_whichever_call_comes_first() {
    let server = server!();
    for lose in [
        "DROP TABLE casflake_spaces, casflake_leases",
        "TRUNCATE casflake_spaces, casflake_leases",
        "DROP TABLE casflake_spaces",
        "TRUNCATE casflake_spaces",
        "DROP TABLE casflake_leases",
        "TRUNCATE casflake_leases",
    ] {
        // A renewal, a release or a request.
        for first in 0..3 {
            server.sql("DROP TABLE IF EXISTS casflake_spaces, casflake_leases");
            let mut store = initialised(&server, 2);
            let leases = [granted(&mut store), granted(&mut store)];
            server.sql(lose);
            match first {
                0 => assert_lost(renew(&mut store, &leases[0]), LostReason::StoreChanged),
                1 => store.release(&leases[0], None).expect("it is no error"),
                _ => assert_not_yet(acquire_again(&mut store)),
            }
            assert_not_yet(acquire_again(&mut store));
            assert_lost(renew(&mut store, &leases[1]), LostReason::StoreChanged);
            assert_not_yet(acquire(&mut store, token()));
            store.release(&leases[1], None).expect("it is no error");
            assert_not_yet(acquire(&mut store, token()));
            assert_eq!(store.survey().expect("a survey").space.expect("a space").workers, 2);
        }
    }
}
