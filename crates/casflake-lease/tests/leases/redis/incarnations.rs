//! Restarts and replication: another run of the server, or other data, is another incarnation.

use casflake_lease::{LeaseAdmin, LeaseStore, LostReason};
use testkit::{RedisServer, eventually};

use super::{
    LATER, LAYOUT, acquire, assert_lost, assert_not_yet, assert_unavailable, open, or_skip, raw, record, renew, store,
};

#[test]
fn l6_a_restarted_server_is_another_incarnation() {
    let mut server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    let before = record(&server, 0);
    server.restart();
    assert_unavailable(acquire(&mut store), "");
    assert_not_yet(acquire(&mut store));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_eq!(record(&server, 0), before, "the append-only file has kept it");
    server.set_clock(LATER);
    for _ in 0..8 {
        assert!(acquire(&mut store).expect("a lease").from() >= lease.until());
    }
}

#[test]
fn a_replica_grants_renews_and_releases_nothing() {
    let (master, replica) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&master, 8);
    let lease = acquire(&mut store).expect("a lease");
    replica.make_replica_of(&master);
    for read_only in ["yes", "no"] {
        replica.command("CONFIG", &["SET", "replica-read-only", read_only]);
        let before = raw(&replica);
        assert_eq!(before.len(), 2);
        let mut store = open(&replica);
        assert_unavailable(acquire(&mut store), "replica");
        assert_unavailable(renew(&mut store, &lease), "replica");
        assert_unavailable(store.release(&lease, None), "replica");
        assert_unavailable(store.init_immediately(&LAYOUT, 8), "replica");
        assert_unavailable(store.survey(), "replica");
        assert_eq!(raw(&replica), before);
    }
}

#[test]
fn l6_a_replica_that_takes_over_is_another_incarnation() {
    let (master, replica) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&master, 8);
    replica.make_replica_of(&master);
    let lease = acquire(&mut store).expect("a lease");
    master.wait_for_replica();
    assert_eq!(raw(&replica), raw(&master));
    drop(master);
    replica.promote();
    let mut store = open(&replica);
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
}

/// The run stays the same, but the data are those of another server.
#[test]
fn l6_a_master_that_was_a_replica_meanwhile_is_another_incarnation() {
    let (first, second) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&first, 1);
    second.make_replica_of(&first);
    second.promote();
    let lease = acquire(&mut store).expect("a lease that the second server does not have");
    let run = first.info("run_id");
    first.make_replica_of(&second);
    first.promote();
    assert_eq!((first.info("run_id"), raw(&first).len()), (run, 1));
    assert_not_yet(acquire(&mut store));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);

    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = acquire(&mut store).expect("a lease");
    // A server without replicas forgets that it was a replica itself: after an hour, or after the time that is set here.
    assert!(!is_zero(&first.info("master_replid2").expect("an identifier")));
    first.command("CONFIG", &["SET", "repl-backlog-ttl", "1"]);
    eventually("it has forgotten", || is_zero(&first.info("master_replid2").expect("an identifier")).then_some(()));
    renew(&mut store, &lease).expect("nothing was lost by that");
    store.release(&lease, None).expect("it is released");
    acquire(&mut store).expect("a lease");
}

fn is_zero(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte == b'0')
}
