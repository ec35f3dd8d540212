//! What the server does for no longer than the client waits.

use std::thread;

use testkit::postgres::{PostgresServer, wait_until};

use super::{acquire, assert_unavailable, granted, initialised, renew, store, token};

/// The whole table is locked before a statement begins to run, when no limit is in force that it would set for itself.
/// Without one, each call that gives up would leave a session of the server that waits.
#[test]
fn who_waits_for_a_locked_table_too_long_is_told() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);
    thread::scope(|scope| {
        scope.spawn(|| server.sql("LOCK TABLE casflake_leases; SELECT pg_sleep(4)"));
        wait_until("it is locked", || {
            server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
        });
        assert_unavailable(renew(&mut store, &lease), "lock timeout");
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        assert_eq!(server.value(waiting), "0");
    });
    renew(&mut store, &lease).expect("it is ours");
}

/// A server of a client that is gone does not go on with its statement, either.
#[test]
fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let server = server!();
    initialised(&server, 1);
    server.sql(
        "CREATE FUNCTION pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE sql
            AS 'SELECT 1::bigint FROM pg_sleep(3600)';
        ALTER ROLE postgres SET search_path = public, pg_catalog",
    );
    assert_unavailable(acquire(&mut store(&server), token()), "no answer for 2s");
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    assert_eq!(server.value(asleep), "1", "it runs without its client");
    wait_until("the server has ended it", || server.value(asleep) == "0");
}
