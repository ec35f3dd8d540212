//! Rows that change between the decision of a call and its write.

use std::thread;
use std::time::Duration;

use casflake_lease::{Lease, LeaseAdmin, LeaseStore, LostReason, StoreError};
use testkit::Server;
use testkit::postgres::{PostgresServer, wait_until};
use tokio_postgres::NoTls;

use super::{LAYOUT, TTL, acquire, assert_lost, assert_not_yet, granted, initialised, renew, store, token};

/// Does `work` while the statement `lock` keeps its rows locked. The lock begins before the work, and is committed when
/// the work waits for it.
fn behind<T: Send>(server: &PostgresServer, lock: &str, work: impl FnOnce() -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, connection) = runtime.block_on(tokio_postgres::connect(&server.url(), NoTls)).expect("it answers");
    runtime.spawn(connection);
    runtime.block_on(client.batch_execute(&format!("BEGIN; {lock}"))).expect("it is locked");
    thread::scope(|scope| {
        let working = scope.spawn(work);
        wait_until("it waits for the lock", || {
            let waits = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'casflake' AND wait_event_type = 'Lock'";
            assert!(!working.is_finished(), "it does not wait for: {lock}");
            server.value(waits) == "1"
        });
        runtime.block_on(client.batch_execute("COMMIT")).expect("it is committed");
        working.join().expect("no panic")
    })
}

#[test]
fn l1_a_call_that_waited_for_a_lock_decides_by_the_changed_rows() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let (lease, other) = (granted(&mut store), granted(&mut store));

    let renewed = "UPDATE casflake_leases SET counter = counter + 1";
    assert_lost(behind(&server, renewed, || renew(&mut store, &lease)), LostReason::Cloned);
    let taken = format!("UPDATE casflake_leases SET token = '{}'", token());
    assert_lost(behind(&server, &taken, || store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1))), LostReason::Taken);
    server.sql(&format!("UPDATE casflake_leases SET token = '{}'", lease.token()));
    let renewed = Lease::new(lease.worker(), lease.from(), lease.until(), 2, lease.token());
    let longer = "UPDATE casflake_leases SET until_tick = until_tick + 5000";
    let grant = behind(&server, longer, || store.renew(&crate::renewal(&LAYOUT, &renewed, Duration::from_secs(1), 0)));
    assert_eq!(grant.expect("it is ours").lease.until(), lease.until() + 5000);

    // A grant waits for a change of the space, and of the record.
    let free = "UPDATE casflake_leases SET token = NULL, until_tick = from_tick";
    let far = "UPDATE casflake_spaces SET version = version + 1, floor = floor + 150000";
    server.sql(free);
    assert_not_yet(behind(&server, far, || acquire(&mut store, token())));
    server.sql(&far.replace("floor + ", "floor - "));
    let no_version = "UPDATE casflake_spaces SET floor = floor + 150000";
    assert_not_yet(behind(&server, no_version, || acquire(&mut store, token())));
    server.sql(&no_version.replace("floor + ", "floor - "));
    let taken = "UPDATE casflake_leases SET counter = counter + 1, until_tick = until_tick + 60000";
    let outcome = behind(&server, taken, || acquire(&mut store, token()));
    assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers: 2, .. })), "{outcome:?}");
    server.sql(free);
    // A release leaves the counter as it is.
    let taken = "UPDATE casflake_leases SET token = repeat('0', 32), until_tick = until_tick + 60000";
    let outcome = behind(&server, taken, || acquire(&mut store, token()));
    assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers: 2, .. })), "{outcome:?}");
    server.sql(free);
    let gone = format!("DELETE FROM casflake_leases WHERE worker = {}", other.worker());
    let kept = format!("UPDATE casflake_leases SET until_tick = until_tick + 140000 WHERE worker = {}", lease.worker());
    server.sql(&format!("{free}; {kept}"));
    assert_not_yet(behind(&server, &gone, || acquire(&mut store, token())));

    // The space counts the first grant of a worker.
    server.sql("DROP TABLE casflake_spaces, casflake_leases");
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    assert_not_yet(behind(&server, far, || acquire(&mut store, token())));
    assert_eq!(server.rows("SELECT granted FROM casflake_spaces"), [["0"]]);

    // An initialisation waits for another one of the same space.
    server.sql("TRUNCATE casflake_spaces, casflake_leases");
    let first = "INSERT INTO casflake_spaces VALUES ('default', 1, 'another', 1, 0, 0, 'of old')";
    let outcome = behind(&server, first, || store.init_immediately(&LAYOUT, 2));
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    assert_eq!(server.value("SELECT workers FROM casflake_spaces"), "1");
}

/// For example, a pooler's next connection may lead to a standby that was promoted between the read and the change. This
/// function hides the system's own.
#[test]
fn l6_a_change_is_made_only_on_the_server_that_was_read() {
    let server = server!();
    server.sql(
        "CREATE TABLE cluster AS SELECT 1::bigint AS id;
        CREATE FUNCTION pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE sql
            AS 'SELECT id FROM public.cluster'",
    );
    server.sql("ALTER ROLE postgres SET search_path = public, pg_catalog");
    let mut store = store(&server);
    store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    assert_eq!(server.value("SELECT incarnation FROM casflake_spaces"), "1/00000001");
    let another = "SELECT FROM casflake_spaces FOR UPDATE; UPDATE cluster SET id = id + 1";
    // A change of the space, and one of a record alone.
    assert_not_yet(behind(&server, another, || acquire(&mut store, token())));
    store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    let lease = granted(&mut store);
    store.release(&lease, None).expect("it is ours");
    assert_not_yet(behind(&server, another, || acquire(&mut store, token())));
}
