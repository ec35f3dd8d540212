//! Holders that etcd knows to be alive, by an etcd lease each, whatever the clock says.

use std::thread;
use std::time::Duration;

use casflake_lease::{EtcdStore, LeaseAdmin, LeaseStore};
use testkit::{Server, eventually};

use super::{
    GRANT, HOUR, KEEPALIVE, LAYOUT, LIVE, NO_FREE_WORKER, TTL, TXN, acquire, assert_denied, initialised, open, renew,
    sent,
};

#[test]
fn a_holder_has_a_key_until_its_release() {
    let Some((server, mut store)) = initialised(1) else { return };
    let request = super::request(TTL);
    let grant = store.acquire(&request).unwrap();
    store.acquire(&request).unwrap();
    open(&server).acquire(&request).unwrap();
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);
    assert!(server.get(LIVE).is_some());
    assert_eq!(server.leases().len(), 1);
    store.release(&grant.lease, None).unwrap();
    assert_eq!((server.get(LIVE), server.leases().len()), (None, 0));
    acquire(&mut store).unwrap();
    store.release(&grant.lease, Some(u64::MAX)).unwrap();
    assert!(server.get(LIVE).is_some(), "it is the next holder's");
}

#[test]
fn l1_a_worker_is_not_free_while_its_holder_is_alive() {
    let Some((server, mut store)) = initialised(1) else { return };
    let held = acquire(&mut store).unwrap();
    server.set_clock(HOUR);
    let mut other = open(&server);
    let survey = other.survey().unwrap();
    assert!(LAYOUT.tick_at(survey.unix_ns / 1_000_000) > Some(survey.workers[0].until + 3_000_000));
    assert_denied(acquire(&mut other), NO_FREE_WORKER);
    let held = renew(&mut store, &held, 0).unwrap();
    server.set_clock(3 * HOUR);
    assert_denied(acquire(&mut other), NO_FREE_WORKER);
    // No holder keeps the etcd lease alive any more.
    server.revoke(&server.leases()[0]);
    let taken = acquire(&mut other).unwrap();
    assert!(taken.lease.worker() == 0 && taken.lease.from() >= held.lease.until());
    assert_denied(renew(&mut store, &held, 0), "Taken");
}

#[test]
fn another_store_object_keeps_the_holder_alive_by_an_etcd_lease_of_its_own() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let before = server.leases();
    // Like a process that has kept its token over a restart: it does not know the etcd lease.
    let mut other = open(&server);
    let grant = renew(&mut other, &grant, 0).unwrap();
    let [own] = &*server.leases().into_iter().filter(|lease| !before.contains(lease)).collect::<Vec<_>>() else {
        panic!("there is one etcd lease more")
    };
    server.revoke(&before[0]);
    assert!(server.get(LIVE).is_some(), "it belongs to the other etcd lease");
    sent(&server);
    renew(&mut other, &grant, 0).unwrap();
    assert_eq!(sent(&server), [TXN, KEEPALIVE]);
    server.revoke(own);
    assert_eq!(server.get(LIVE), None);
}

#[test]
fn an_etcd_lease_that_has_ended_or_is_too_short_is_replaced() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.revoke(&server.leases()[0]);
    assert_eq!(server.get(LIVE), None);
    let grant = renew(&mut store, &grant, 0).unwrap();
    assert!(server.get(LIVE).is_some());
    let renewed = store.renew(&crate::renewal(LAYOUT, &grant.lease, 2 * TTL, 0)).unwrap();
    sent(&server);
    store.renew(&crate::renewal(LAYOUT, &renewed.lease, 3 * TTL, 0)).unwrap();
    assert_eq!(sent(&server), [TXN, TXN, GRANT, KEEPALIVE]);
    // It was replaced in time.
    server.set_clock(HOUR);
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);
}

#[test]
fn a_worker_that_was_reclaimed_during_a_renewal_has_no_live_holder() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.revoke(&server.leases()[0]);
    server.proxy().set_delay(Duration::from_millis(500));
    thread::scope(|scope| {
        let renewed = scope.spawn(|| renew(&mut store, &grant, 0));
        // The renewal is written half a second before the store replaces the etcd lease.
        let mut operator = EtcdStore::from_url(&format!("etcd://{}", server.direct())).unwrap();
        eventually("it is renewed", || {
            Some(operator.survey().unwrap().workers[0].counter).filter(|counter| *counter == 2)
        });
        operator.reclaim(LAYOUT, 0).unwrap();
        renewed.join().unwrap().unwrap();
    });
    assert_eq!((server.get(LIVE), server.leases().len()), (None, 0));
}

#[test]
fn l1_the_holder_of_a_lost_record_stays_alive() {
    let Some((server, mut store)) = initialised(1) else { return };
    acquire(&mut store).unwrap();
    server.lose_record(0);
    // The operator vouches, and is wrong.
    store.init_immediately(LAYOUT, 1).unwrap();
    assert_denied(acquire(&mut store), NO_FREE_WORKER);
    server.revoke(&server.leases()[0]);
    acquire(&mut store).unwrap();
}

#[test]
fn a_renewal_succeeds_without_its_etcd_lease() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.proxy().lose_reply(KEEPALIVE);
    let grant = renew(&mut store, &grant, 0).unwrap();
    server.revoke(&server.leases()[0]);
    server.proxy().lose_reply(GRANT);
    let grant = renew(&mut store, &grant, 0).unwrap();
    assert_eq!(server.get(LIVE), None);
    renew(&mut store, &grant, 0).unwrap();
    assert!(server.get(LIVE).is_some());
}
