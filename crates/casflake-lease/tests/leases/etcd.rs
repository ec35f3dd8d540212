//! `EtcdStore` against an etcd.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, EtcdStore, Grant, Lease, LeaseAdmin, LeaseStore, LeasedGenerator, Renewal, StoreError, Survey,
    Token,
};
use testkit::{EtcdServer, Server, eventually};

use crate::conformance::conforms;

const LAYOUT: &Layout = &Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(30);
const SPACE: &str = "/casflake/default/space";
/// A call takes two seconds at most, and the machine what it takes.
const IN_TIME: Duration = Duration::from_millis(4500);
const HOUR: i64 = 3600;

fn open(server: &EtcdServer) -> EtcdStore {
    EtcdStore::from_url(&server.url()).unwrap()
}

/// A server for so many workers, and its store.
fn initialised(workers: u64) -> Option<(EtcdServer, EtcdStore)> {
    let server = EtcdServer::start()?;
    let mut store = open(&server);
    store.init_immediately(LAYOUT, workers).unwrap();
    // To one that has only just begun to listen to etcd's clock it is the second that has begun.
    testkit::eventually("the next second", || {
        let Survey { unix_ns, space, .. } = open(&server).survey().unwrap();
        (LAYOUT.tick_at(unix_ns / 1_000_000)? >= space?.floor).then_some(())
    });
    server.proxy().take_log();
    Some((server, store))
}

fn request(ttl: Duration) -> AcquireRequest {
    AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), ttl, "somebody")
}

fn acquire(store: &mut EtcdStore) -> Result<Grant, StoreError> {
    store.acquire(&request(TTL))
}

fn renew(store: &mut EtcdStore, grant: &Grant, unanswered: u64) -> Result<Grant, StoreError> {
    store.renew(&crate::renewal(LAYOUT, &grant.lease, TTL, unanswered))
}

/// What was sent since this was asked last.
fn sent(server: &EtcdServer) -> Vec<String> {
    let mut paths: Vec<String> = server.proxy().take_log().into_iter().map(|passed| passed.path).collect();
    paths.sort();
    paths
}

const TXN: &str = "/v3/kv/txn";
/// In each transaction that writes.
const WRITE: &str = "\"compare\"";
const KEEPALIVE: &str = "/v3/lease/keepalive";

const NO_FREE_WORKER: &str = "NoFreeWorker";
const NOT_YET: &str = "NotYet";
const BEHIND: &str = "StoreClockBehind";
const UNAVAILABLE: &str = "Unavailable";
const REFUSED: &str = "Refused";
const CORRUPT: &str = "Corrupt";
const CHANGED: &str = "StoreChanged";

#[track_caller]
fn assert_denied<T: std::fmt::Debug>(outcome: Result<T, StoreError>, as_what: &str) {
    // The text says the reason in other words.
    let reason = match &outcome {
        Err(StoreError::Lost { reason, .. }) => Some(reason),
        _ => None,
    };
    let text = format!("{outcome:?} {reason:?}");
    assert!(outcome.is_err() && text.contains(as_what), "{as_what}: {text}");
}

#[test]
fn a_worker_is_leased_renewed_and_given_back() {
    let Some((server, mut store)) = initialised(1) else { return };
    let asked = request(TTL);
    let granted = store.acquire(&asked).unwrap();
    assert_eq!((granted.lease.worker(), granted.lease.counter()), (0, 1));
    assert_eq!(server.leases().len(), 1);
    assert_eq!(store.acquire(&asked).unwrap().lease, granted.lease, "the same token");
    assert_eq!(open(&server).acquire(&asked).unwrap().lease, granted.lease, "of another store's");
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);

    let renewed = renew(&mut store, &granted, 0).unwrap();
    assert_eq!((renewed.lease.from(), renewed.lease.counter()), (granted.lease.from(), 2));
    assert!(renewed.lease.until() >= granted.lease.until());
    assert_denied(renew(&mut store, &granted, 0), "Cloned");
    assert_eq!(renew(&mut store, &granted, 1).unwrap().lease.counter(), 3);

    let held = store.acquire(&asked).unwrap().lease;
    store.release(&held, Some(held.from() + 7)).unwrap();
    assert_eq!(server.get("/casflake/default/live/0"), None);
    assert_eq!(server.leases(), [""; 0]);
    let next = acquire(&mut store).unwrap().lease;
    assert_eq!((next.worker(), next.from(), next.counter()), (0, held.from() + 8, 4));
    store.release(&held, Some(u64::MAX)).unwrap();
    assert_denied(store.renew(&crate::renewal(LAYOUT, &held, TTL, 9)), "Taken");
    assert!(server.get("/casflake/default/live/0").is_some());
}

#[test]
fn a_generator_issues_by_a_lease_in_etcd() {
    let Some((server, store)) = initialised(8) else { return };
    let ids: LeasedGenerator = LeasedGenerator::builder(store).ttl(Duration::from_secs(3)).build().unwrap();
    let mut last = ids.generate().unwrap();
    let stats = eventually("the lease is renewed thrice", || {
        let id = ids.generate().unwrap();
        assert!(id > last);
        last = id;
        Some(ids.stats()).filter(|stats| stats.renewals >= 3)
    });
    assert!(stats.failures == 0 && stats.acquired == 1, "{stats:?}");
    ids.shutdown().unwrap();
    let worker = &open(&server).survey().unwrap().workers[0];
    assert_eq!((worker.owner.as_ref(), worker.until), (None, last.parts().tick + 1));
}

#[test]
fn a_renewal_is_one_trip() {
    const DELAY: Duration = Duration::from_millis(300);
    let Some((server, mut store)) = initialised(8) else { return };
    let mut grant = acquire(&mut store).unwrap();
    // Opens the second connection.
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
fn a_renewal_after_others_changes_reads_once() {
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
fn another_store_renews_and_keeps_alive() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let before = server.leases();
    // As after a restart with the token kept: it does not know the etcd lease.
    let mut other = open(&server);
    let grant = renew(&mut other, &grant, 0).unwrap();
    let [own] = &*server.leases().into_iter().filter(|lease| !before.contains(lease)).collect::<Vec<_>>() else {
        panic!("one more etcd lease is to be there")
    };
    server.revoke(&before[0]);
    assert!(server.get("/casflake/default/live/0").is_some(), "by the other's");
    sent(&server);
    renew(&mut other, &grant, 0).unwrap();
    assert_eq!(sent(&server), [TXN, KEEPALIVE]);
    server.revoke(own);
    assert_eq!(server.get("/casflake/default/live/0"), None);
}

#[test]
fn threads_that_ask_at_once_get_a_worker_each() {
    let Some((server, mut store)) = initialised(8) else { return };
    // Workers that were never granted, then some that were given back.
    for _ in 0..3 {
        let outcomes: Vec<Result<Grant, StoreError>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| acquire(&mut open(&server)))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (granted, denied): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let leases: Vec<Lease> = granted.into_iter().flatten().map(|grant| grant.lease).collect();
        assert_eq!(leases.len(), 8, "{denied:?}");
        assert_eq!(leases.iter().map(Lease::worker).collect::<BTreeSet<_>>().len(), 8, "{leases:?}");
        for error in denied.into_iter().filter_map(Result::err) {
            assert!(matches!(error, StoreError::NoFreeWorker { workers: 8, .. }), "{error}");
        }
        assert_eq!(server.leases().len(), 8, "those of the others are revoked");
        for lease in leases {
            store.release(&lease, None).unwrap();
        }
        for id in server.leases() {
            server.revoke(&id);
        }
    }
}

#[test]
fn a_holder_that_is_alive_is_not_robbed() {
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
    // Nobody lives by the etcd lease any more.
    server.revoke(&server.leases()[0]);
    let taken = acquire(&mut other).unwrap();
    assert!(taken.lease.worker() == 0 && taken.lease.from() >= held.lease.until());
    assert_denied(renew(&mut store, &held, 0), "Taken");
}

#[test]
fn a_worker_is_free_when_its_holder_has_died() {
    let Some((server, mut store)) = initialised(1) else { return };
    let began = Instant::now();
    let dead = store.acquire(&request(Duration::from_secs(1))).unwrap();
    drop(store);
    let mut other = open(&server);
    assert_denied(acquire(&mut other), NO_FREE_WORKER);
    let grant = eventually("the worker is free", || acquire(&mut other).ok());
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(grant.lease.from() >= dead.lease.until());
}

#[test]
fn an_etcd_lease_that_has_ended_is_replaced() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.revoke(&server.leases()[0]);
    assert_eq!(server.get("/casflake/default/live/0"), None);
    let grant = renew(&mut store, &grant, 0).unwrap();
    assert!(server.get("/casflake/default/live/0").is_some());
    // As is one that is too short.
    let renewed = store.renew(&crate::renewal(LAYOUT, &grant.lease, 2 * TTL, 0)).unwrap();
    sent(&server);
    store.renew(&crate::renewal(LAYOUT, &renewed.lease, 3 * TTL, 0)).unwrap();
    assert_eq!(sent(&server), [TXN, TXN, "/v3/lease/grant", KEEPALIVE]);
    // In time.
    server.set_clock(HOUR);
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);
}

#[test]
fn a_worker_that_was_taken_meanwhile_is_not_alive_again() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.revoke(&server.leases()[0]);
    server.proxy().set_delay(Duration::from_millis(500));
    thread::scope(|scope| {
        let renewed = scope.spawn(|| renew(&mut store, &grant, 0));
        // Between the renewal and what it does about the etcd lease, half a second later.
        let mut operator = EtcdStore::from_url(&format!("etcd://{}", server.direct())).unwrap();
        eventually("it is renewed", || {
            Some(operator.survey().unwrap().workers[0].counter).filter(|counter| *counter == 2)
        });
        operator.reclaim(LAYOUT, 0).unwrap();
        renewed.join().unwrap().unwrap();
    });
    assert_eq!((server.get("/casflake/default/live/0"), server.leases().len()), (None, 0));
}

#[test]
fn another_cluster_grants_nothing_yet() {
    let Some((mut server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.restore_as_another_cluster();
    // The store is not to take for granted what another cluster has written.
    assert_denied(renew(&mut store, &grant, 0), "has answered");
    assert_denied(renew(&mut store, &grant, 1), CHANGED);
    assert_denied(acquire(&mut store), NOT_YET);
    assert_denied(acquire(&mut open(&server)), NOT_YET);
    open(&server).init_immediately(LAYOUT, 8).unwrap();
    acquire(&mut store).unwrap();
}

#[test]
fn a_cluster_that_takes_over_in_the_midst_grants_nothing() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let other = server.start_another_cluster();
    server.proxy().redirect(other.direct().rsplit_once(':').unwrap().1.parse().unwrap());
    assert_denied(renew(&mut store, &grant, 0), "has answered");
    assert_denied(renew(&mut store, &grant, 1), CHANGED);
    assert_denied(acquire(&mut store), NOT_YET);
}

#[test]
fn leases_outlive_a_crash_of_etcd() {
    let Some((mut server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.kill();
    assert_denied(renew(&mut store, &grant, 0), UNAVAILABLE);
    server.restart();
    let grant = renew(&mut store, &grant, 1).unwrap();
    assert_eq!(grant.lease.counter(), 2);
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);
}

#[test]
fn older_data_are_noticed_by_who_knows_more() {
    let Some((mut server, mut store)) = initialised(8) else { return };
    let mut grant = acquire(&mut store).unwrap();
    server.copy_files();
    grant = renew(&mut store, &grant, 0).unwrap();
    server.restore_files();
    assert_denied(renew(&mut store, &grant, 0), CHANGED);
    assert_denied(acquire(&mut open(&server)), NOT_YET);
}

#[test]
fn a_lost_record_is_not_granted_anew() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    server.lose_record(0);
    assert_denied(acquire(&mut open(&server)), NO_FREE_WORKER);
    assert_denied(renew(&mut store, &grant, 0), CHANGED);
    assert_denied(acquire(&mut store), NO_FREE_WORKER);
    let worker = &store.survey().unwrap().workers[0];
    assert!(worker.from >= grant.lease.until() + 60_000, "{worker:?}");
}

#[test]
fn a_lost_record_leaves_its_holder_alive() {
    let Some((server, mut store)) = initialised(1) else { return };
    acquire(&mut store).unwrap();
    server.lose_record(0);
    // The operator vouches for what is not so.
    store.init_immediately(LAYOUT, 1).unwrap();
    assert_denied(acquire(&mut store), NO_FREE_WORKER);
    server.revoke(&server.leases()[0]);
    acquire(&mut store).unwrap();
}

#[test]
fn more_lost_records_than_fit_a_transaction_are_mended() {
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
fn keys_that_are_all_deleted_are_a_new_store() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.wipe();
    assert_denied(renew(&mut store, &grant, 0), CHANGED);
    assert_denied(acquire(&mut open(&server)), NOT_YET);
    assert_denied(acquire(&mut store), NOT_YET);
}

#[test]
fn a_clock_that_is_set_forward_moves_the_window_on() {
    let Some((server, mut store)) = initialised(8) else { return };
    let first = acquire(&mut store).unwrap();
    server.set_clock(HOUR);
    // By the clock as it was known; the reply tells how it is.
    let second = renew(&mut store, &first, 0).unwrap();
    assert!(second.lease.until() < first.lease.until() + 60_000);
    let third = renew(&mut store, &second, 0).unwrap();
    assert!(third.lease.until() > first.lease.until() + 3_590_000);
    assert!(third.unix_ns > first.unix_ns + 3_590_000_000_000);
    server.set_clock(0);
    renew(&mut store, &third, 0).unwrap();
    let fourth = store.acquire(&request(TTL)).unwrap();
    assert_ne!(fourth.lease.worker(), third.lease.worker());
    assert!(fourth.lease.until() < third.lease.until());
}

#[test]
fn a_clock_that_is_set_back_is_refused() {
    let Some((server, mut store)) = initialised(1) else { return };
    let first = acquire(&mut store).unwrap();
    server.set_clock(-HOUR);
    assert_denied(acquire(&mut open(&server)), BEHIND);
    let second = renew(&mut store, &first, 0).unwrap();
    assert!(second.lease.until() >= first.lease.until());
    let Err(StoreError::StoreClockBehind { by }) = renew(&mut store, &second, 0) else { panic!("not behind") };
    assert!(by > Duration::from_secs(3600) && by < Duration::from_secs(3640), "{by:?}");
    server.set_clock(0);
    renew(&mut store, &second, 1).unwrap();
}

#[test]
fn the_time_goes_on_within_a_second() {
    let Some((_server, mut store)) = initialised(1) else { return };
    let mut read = || store.survey().unwrap().unix_ns;
    let (started, first) = (Instant::now(), read());
    let mut readings = Vec::new();
    while started.elapsed() < Duration::from_millis(1500) {
        thread::sleep(Duration::from_millis(50));
        readings.push(read());
    }
    assert!(readings.is_sorted(), "{readings:?}");
    let passed = Duration::from_nanos(readings.last().unwrap() - first);
    assert!(
        passed >= Duration::from_millis(1300) && passed <= started.elapsed() + Duration::from_secs(1),
        "{passed:?}"
    );
    let starts = readings.iter().filter(|now| now.is_multiple_of(1_000_000_000)).count();
    assert!(starts <= readings.len() / 4, "{readings:?}");
}

#[test]
fn a_server_that_is_stopped_ends_calls_in_time() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let mut unanswered = 0;
    for url in [server.url(), format!("etcd://{}", server.direct())] {
        let mut other = EtcdStore::from_url(&url).unwrap();
        other.survey().unwrap();
        server.stop();
        for outcome in [&mut || renew(&mut store, &grant, unanswered).map(drop), &mut || acquire(&mut other).map(drop)]
            as [&mut dyn FnMut() -> Result<(), StoreError>; 2]
        {
            let started = Instant::now();
            assert_denied(outcome(), UNAVAILABLE);
            assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
        }
        unanswered += 1;
        server.go_on();
    }
    // What was sent has had its effect or not: it is his all the same.
    let renewed = renew(&mut store, &grant, unanswered).unwrap();
    assert!(renewed.lease.counter() > grant.lease.counter());
}

#[test]
fn the_next_member_is_asked_where_one_is_not_there() {
    let Some((mut server, _)) = initialised(8) else { return };
    let (mut nobody, direct) = (EtcdServer::start().unwrap(), server.direct());
    nobody.kill();
    let url = format!("etcd://{},{direct}", nobody.direct());
    let mut store = EtcdStore::from_url(&url).unwrap();
    let grant = acquire(&mut store).unwrap();
    renew(&mut store, &grant, 0).unwrap();
    server.kill();
    let error = acquire(&mut store).unwrap_err();
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    server.restart();
    acquire(&mut EtcdStore::from_url(&url).unwrap()).unwrap();
}

#[test]
fn a_member_that_hangs_is_left_for_the_next_call() {
    let Some((server, _)) = initialised(8) else { return };
    let hanging = EtcdServer::start().unwrap();
    hanging.stop();
    let mut store = EtcdStore::from_url(&format!("etcd://{},{}", hanging.direct(), server.direct())).unwrap();
    let started = Instant::now();
    assert_denied(acquire(&mut store), UNAVAILABLE);
    assert!(started.elapsed() < IN_TIME);
    acquire(&mut store).unwrap();
}

#[test]
fn what_may_be_done_is_not_done_again() {
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
fn a_grant_whose_reply_was_lost_is_granted_again() {
    let Some((server, mut store)) = initialised(8) else { return };
    let asked = request(TTL);
    for lost in ["request_range", "/v3/lease/grant", WRITE] {
        server.proxy().lose_reply(lost);
        assert_denied(store.acquire(&asked), UNAVAILABLE);
    }
    let grant = store.acquire(&asked).unwrap();
    assert_eq!((grant.lease.worker(), grant.lease.counter()), (0, 1));
    assert_eq!(store.survey().unwrap().workers.len(), 1);
    renew(&mut store, &grant, 0).unwrap();
}

#[test]
fn a_renewal_stands_without_the_etcd_lease() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.proxy().lose_reply(KEEPALIVE);
    let grant = renew(&mut store, &grant, 0).unwrap();
    server.revoke(&server.leases()[0]);
    server.proxy().lose_reply("/v3/lease/grant");
    let grant = renew(&mut store, &grant, 0).unwrap();
    assert_eq!(server.get("/casflake/default/live/0"), None);
    renew(&mut store, &grant, 0).unwrap();
    assert!(server.get("/casflake/default/live/0").is_some());
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

#[test]
fn what_is_not_ours_is_left_as_it_is() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let (record, space) = (server.get("/casflake/default/workers/0").unwrap(), server.get(SPACE).unwrap());
    for (key, whole) in [("/casflake/default/workers/0", &record), (SPACE, &space)] {
        for odd in ["", "{}", "null", "hello", &whole.replace(',', ", "), &whole[..whole.len() - 1]] {
            server.put(key, odd);
            let before = (server.get(key), server.leases());
            assert_denied(acquire(&mut store), CORRUPT);
            assert_denied(renew(&mut store, &grant, 0), CORRUPT);
            assert_denied(store.release(&grant.lease, None), CORRUPT);
            assert_denied(store.init_immediately(LAYOUT, 4), CORRUPT);
            assert_denied(store.reclaim(LAYOUT, 0), CORRUPT);
            assert_denied(store.survey(), CORRUPT);
            assert_eq!((server.get(key), server.leases()), before, "{odd}");
        }
        server.put(key, whole);
    }
    renew(&mut store, &grant, 0).unwrap();
}

#[test]
fn a_reclaimed_worker_is_free_at_once() {
    let Some((server, mut store)) = initialised(1) else { return };
    let grant = acquire(&mut store).unwrap();
    let mut other = open(&server);
    other.reclaim(LAYOUT, 0).unwrap();
    acquire(&mut other).unwrap();
    assert_denied(renew(&mut store, &grant, 0), "Taken");
    assert_denied(other.reclaim(LAYOUT, 1), "NoSuchWorker");
}

#[test]
fn spaces_have_nothing_in_common() {
    let Some((server, mut store)) = initialised(1) else { return };
    acquire(&mut store).unwrap();
    let mut other = EtcdStore::from_url(&format!("{}#default/workers", server.url())).unwrap();
    other.init_immediately(LAYOUT, 1).unwrap();
    assert_eq!(acquire(&mut other).unwrap().lease.worker(), 0);
    assert_eq!(store.survey().unwrap().workers.len(), 1);
    assert!(server.get("/casflake/default%2Fworkers/live/0").is_some());
}

#[test]
fn a_lost_space_is_restored_with_as_many_workers() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    open(&server).init_immediately(LAYOUT, 5).unwrap();
    let grant = renew(&mut store, &grant, 0).unwrap();
    server.wipe();
    assert_denied(renew(&mut store, &grant, 0), "StoreChanged");
    assert_eq!(store.survey().unwrap().space.unwrap().workers, 5);
}

#[test]
fn other_spaces_of_a_cluster_are_found() {
    let Some(server) = EtcdServer::start() else { return };
    let open = |name: &str| EtcdStore::from_url(&server.url()).unwrap().space(name).unwrap();
    assert_eq!(open("orders").others().unwrap(), [""; 0]);
    server.etcdctl(&["put", "/casflak", "nothing of ours"]);
    server.etcdctl(&["put", "/casflake0", "nothing of ours"]);
    for name in ["orders", "Orders", "a/b"] {
        open(name).init_immediately(LAYOUT, 300).unwrap();
    }
    acquire(&mut open("orders")).ok();
    assert_eq!(open("orders").others().unwrap(), ["Orders", "a/b"]);
    assert_eq!(open("ordres").others().unwrap(), ["Orders", "a/b", "orders"]);
    for at in 0..20 {
        open(&format!("more-{at:02}")).init_immediately(LAYOUT, 1).unwrap();
    }
    assert!(matches!(open("ordres").others().unwrap().len(), 1..=10), "ten, or as many as there is time for");
}

#[test]
fn a_user_is_known_by_a_password() {
    let Some((server, _)) = initialised(8) else { return };
    for args in [&["user", "add", "root:p@ss"][..], &["user", "grant-role", "root", "root"], &["auth", "enable"]] {
        server.etcdctl(args);
    }
    let host = server.direct();
    assert_denied(acquire(&mut EtcdStore::from_url(&format!("etcd://{host}")).unwrap()), REFUSED);
    let error = acquire(&mut EtcdStore::from_url(&format!("etcd://root:secret@{host}")).unwrap()).unwrap_err();
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let mut store = EtcdStore::from_url(&format!("etcd://root:p%40ss@{host}")).unwrap();
    assert!(!format!("{store:?}").contains("p@ss"), "{store:?}");
    let grant = acquire(&mut store).unwrap();
    // It forgets the tokens that it has given out.
    server.etcdctl(&["--user", "root:p@ss", "auth", "disable"]);
    server.etcdctl(&["auth", "enable"]);
    assert_eq!(renew(&mut store, &grant, 0).unwrap().lease.counter(), 2);
}

#[test]
fn what_time_does_not_mend_is_refused_with_a_remedy() {
    let Some((server, _)) = initialised(8) else { return };
    let host = server.direct();
    let assert_refused = |user: &str, words: &str| {
        let error = acquire(&mut EtcdStore::from_url(&format!("etcd://{user}{host}")).unwrap()).unwrap_err();
        let text = format!("{error:?}");
        assert!(matches!(error, StoreError::Refused { .. }) && !error.is_retryable(), "{text}");
        assert!(text.contains(words) && text.contains(&host) && !text.contains("s3cr3t"), "{words}: {text}");
    };
    assert_refused("root:s3cr3t@", "leave the user out of the URL");
    for args in [
        &["user", "add", "root:secret"][..],
        &["user", "grant-role", "root", "root"],
        &["user", "add", "ids:secret"],
        &["role", "add", "ids"],
        &["role", "grant-permission", "ids", "readwrite", "/elsewhere/", "--prefix"],
        &["user", "grant-role", "ids", "ids"],
        &["auth", "enable"],
    ] {
        server.etcdctl(args);
    }
    assert_refused("", "etcd requires a user");
    assert_refused("root:s3cr3t@", "correct the user or the password");
    assert_refused("nobody:s3cr3t@", "correct the user or the password");
    assert_refused("ids:secret@", "grant the user a role");
}

#[test]
fn what_is_no_etcd_is_refused() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("etcd://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
        }
    });
    let error = EtcdStore::from_url(&url).unwrap().survey().unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("etcd 3.4 or later, with its gateway on"), "{error}");
}

#[test]
fn etcds_is_never_http() {
    let Some((server, _)) = initialised(8) else { return };
    let mut store = EtcdStore::from_url(&format!("etcds://{}", server.direct())).unwrap();
    assert_denied(acquire(&mut store), REFUSED);
}

/// A store whose holders are alive no longer than their windows last, as the rules alone have it.
struct Unattended {
    store: EtcdStore,
    server: Arc<EtcdServer>,
}

impl LeaseStore for Unattended {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.server.leases().iter().for_each(|lease| self.server.revoke(lease));
        self.store.acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        self.store.renew(renewal)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.store.release(lease, last_tick)
    }
}

impl LeaseAdmin for Unattended {
    fn init(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError> {
        self.store.init(layout, workers)
    }

    fn init_immediately(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError> {
        self.store.init_immediately(layout, workers)
    }

    fn survey(&mut self) -> Result<Survey, StoreError> {
        self.store.survey()
    }

    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError> {
        self.store.reclaim(layout, worker)
    }
}

#[test]
fn an_etcd_conforms() {
    let Some(server) = EtcdServer::start().map(Arc::new) else { return };
    let mut spaces = 0..;
    conforms(crate::stores::CASES, || {
        let space = spaces.next().expect("a number").to_string();
        Box::new(Unattended { store: open(&server).space(space).unwrap(), server: Arc::clone(&server) })
    });
}
