//! The requests that the store sends, the times that it reads from their replies, and the keys that it writes.

use std::time::Duration;

use casflake_lease::{EtcdStore, LeaseAdmin, LeaseStore, StoreError};
use testkit::{EtcdServer, Server};

use super::{
    GRANT, HOUR, KEEPALIVE, LAYOUT, NO_FREE_WORKER, TTL, TXN, UNAVAILABLE, WRITE, acquire, assert_denied, initialised,
    open, renew, request, sent,
};

#[test]
fn a_renewal_takes_one_round_trip() {
    const DELAY: Duration = Duration::from_millis(300);
    let Some((server, mut store)) = initialised(8) else { return };
    let mut grant = acquire(&mut store).unwrap();
    // This opens the second connection.
    grant = renew(&mut store, &grant, 0).unwrap();
    server.proxy().set_delay(DELAY);
    server.proxy().take_log();
    renew(&mut store, &grant, 0).unwrap();
    let passed = server.proxy().take_log();
    let mut paths: Vec<&str> = passed.iter().map(|passed| &*passed.path).collect();
    paths.sort_unstable();
    assert_eq!(paths, [TXN, KEEPALIVE]);
    assert!(passed[0].began < passed[1].ended && passed[1].began < passed[0].ended, "{passed:?}");
}

#[test]
fn a_renewal_after_changes_of_others_reads_once() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    acquire(&mut open(&server)).unwrap();
    sent(&server);
    let grant = renew(&mut store, &grant, 0).unwrap();
    assert_eq!(sent(&server), [TXN, TXN, TXN, KEEPALIVE, KEEPALIVE]);
    renew(&mut store, &grant, 0).unwrap();
    assert_eq!(sent(&server), [TXN, KEEPALIVE]);
}

#[test]
fn l4_a_write_that_may_be_done_is_not_sent_to_another_member() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    // Two ways to the same server.
    let mut store = EtcdStore::from_url(&format!("{},{}", server.url(), server.direct())).unwrap();
    store.survey().unwrap();
    server.proxy().lose_reply(WRITE);
    assert_denied(renew(&mut store, &grant, 0), UNAVAILABLE);
    assert_eq!(renew(&mut store, &grant, 1).unwrap().lease.counter(), grant.lease.counter() + 2);
}

#[test]
fn l11_a_grant_with_any_lost_reply_is_granted_again() {
    let Some((server, mut store)) = initialised(8) else { return };
    let asked = request(TTL);
    for lost in ["request_range", GRANT, WRITE] {
        server.proxy().lose_reply(lost);
        assert_denied(store.acquire(&asked), UNAVAILABLE);
    }
    let grant = store.acquire(&asked).unwrap();
    assert_eq!((grant.lease.worker(), grant.lease.counter()), (0, 1));
    assert_eq!(store.survey().unwrap().workers.len(), 1);
    renew(&mut store, &grant, 0).unwrap();
}

#[test]
fn more_lost_records_than_a_transaction_holds_are_restored() {
    let Some((server, mut store)) = initialised(230) else { return };
    for _ in 0..230 {
        acquire(&mut store).unwrap();
    }
    server.lose_records();
    assert_denied(acquire(&mut store), NO_FREE_WORKER);
    assert_eq!(store.survey().unwrap().workers.len(), 230);
    server.lose_records();
    store.init_immediately(LAYOUT, 231).unwrap();
    let survey = store.survey().unwrap();
    assert_eq!((survey.workers.len(), survey.space.map(|space| space.workers)), (230, Some(231)));
}

#[test]
fn a_reply_without_a_date_is_refused() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.proxy().hide_date(true);
    assert_denied(acquire(&mut open(&server)), "Date");
    assert_denied(renew(&mut store, &grant, 0), "Date");
    server.proxy().hide_date(false);
    renew(&mut store, &grant, 1).unwrap();
}

/// The reply to a renewal has the time by which the next one counts.
#[test]
fn l9_a_renewal_counts_by_the_clock_of_the_last_reply() {
    let Some((server, mut store)) = initialised(8) else { return };
    let first = acquire(&mut store).unwrap();
    server.set_clock(HOUR);
    let second = renew(&mut store, &first, 0).unwrap();
    assert!(second.lease.until() < first.lease.until() + 60_000);
    let third = renew(&mut store, &second, 0).unwrap();
    assert!(third.lease.until() > first.lease.until() + 3_590_000);
    assert!(third.unix_ns > first.unix_ns + 3_590_000_000_000);
    server.set_clock(0);
    renew(&mut store, &third, 0).unwrap();
    let fourth = acquire(&mut store).unwrap();
    assert_ne!(fourth.lease.worker(), third.lease.worker());
    assert!(fourth.lease.until() < third.lease.until());
}

#[test]
fn l9_a_renewal_after_the_clock_was_set_back_is_refused_by_the_next_reply() {
    let Some((server, mut store)) = initialised(1) else { return };
    let first = acquire(&mut store).unwrap();
    server.set_clock(-HOUR);
    let second = renew(&mut store, &first, 0).unwrap();
    assert!(second.lease.until() >= first.lease.until());
    let refused = renew(&mut store, &second, 0);
    let Err(StoreError::StoreClockBehind { by }) = refused else { panic!("{refused:?}") };
    assert!(by > Duration::from_secs(3600) && by < Duration::from_secs(3640), "{by:?}");
    server.set_clock(0);
    renew(&mut store, &second, 1).unwrap();
}

#[test]
fn a_slash_in_a_name_is_escaped_in_the_keys() {
    let Some((server, mut store)) = initialised(1) else { return };
    acquire(&mut store).unwrap();
    let mut other = EtcdStore::from_url(&format!("{}#default/workers", server.url())).unwrap();
    other.init_immediately(LAYOUT, 1).unwrap();
    assert_eq!(acquire(&mut other).unwrap().lease.worker(), 0);
    assert_eq!(store.survey().unwrap().workers.len(), 1);
    assert!(server.get("/casflake/default%2Fworkers/live/0").is_some());
}

#[test]
fn keys_of_others_are_not_listed_as_spaces() {
    let Some(server) = EtcdServer::start() else { return };
    server.etcdctl(&["put", "/casflak", "another's"]);
    server.etcdctl(&["put", "/casflake0", "another's"]);
    let mut orders = open(&server).space("orders").unwrap();
    assert_eq!(orders.others().unwrap(), [""; 0]);
    open(&server).space("a/b").unwrap().init_immediately(LAYOUT, 300).unwrap();
    assert_eq!(orders.others().unwrap(), ["a/b"]);
}
