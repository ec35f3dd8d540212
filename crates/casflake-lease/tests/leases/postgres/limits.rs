//! Limits that the server sets to itself, so that it does not work on for a client that has given up.

use std::thread;

use testkit::postgres::{PostgresServer, wait_until};

use super::{acquire, assert_unavailable, granted, initialised, renew, store, token};

#[test]
fn a_call_that_waits_too_long_for_a_locked_row_fails() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);
    let locked = "UPDATE casflake_leases SET owner = owner; SELECT pg_sleep(2)";
    thread::scope(|scope| {
        scope.spawn(|| server.sql(locked));
        wait_until("it is locked", || {
            server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
        });
        assert_unavailable(renew(&mut store, &lease), "lock timeout");
    });
    renew(&mut store, &lease).expect("it is ours");
}

/// A statement waits for a locked table before it runs, so it can not set the limit itself. Without a limit, each call that
/// gives up would leave a session that waits.
#[test]
fn a_call_that_waits_too_long_for_a_locked_table_fails() {
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

/// The server does not learn soon that its client is gone.
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
    assert_eq!(server.value(asleep), "1", "the server continues without its client");
    wait_until("the server has ended it", || server.value(asleep) == "0");
}
