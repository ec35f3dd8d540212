//! Clusters: other ones in place of this one, and members that are away.

use std::time::Instant;

use casflake_lease::{EtcdStore, LeaseAdmin};
use testkit::{EtcdServer, Server};

use super::{CHANGED, IN_TIME, LAYOUT, NOT_YET, UNAVAILABLE, acquire, assert_denied, initialised, open, renew};

#[test]
fn l6_another_cluster_with_the_same_data_waits_before_it_grants() {
    let Some((mut server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    server.restore_as_another_cluster();
    // The store must not trust a reply by another cluster than before.
    assert_denied(renew(&mut store, &grant, 0), "has answered");
    assert_denied(renew(&mut store, &grant, 1), CHANGED);
    assert_denied(acquire(&mut store), NOT_YET);
    assert_denied(acquire(&mut open(&server)), NOT_YET);
    open(&server).init_immediately(LAYOUT, 8).unwrap();
    acquire(&mut store).unwrap();
}

#[test]
fn l6_a_cluster_that_takes_over_an_open_connection_waits_before_it_grants() {
    let Some((server, mut store)) = initialised(8) else { return };
    let grant = acquire(&mut store).unwrap();
    let other = server.start_another_cluster();
    server.proxy().redirect(other.direct().rsplit_once(':').unwrap().1.parse().unwrap());
    assert_denied(renew(&mut store, &grant, 0), "has answered");
    assert_denied(renew(&mut store, &grant, 1), CHANGED);
    assert_denied(acquire(&mut store), NOT_YET);
}

#[test]
fn the_next_member_is_asked_if_one_is_away() {
    let Some((mut server, _)) = initialised(8) else { return };
    let (mut away, direct) = (EtcdServer::start().unwrap(), server.direct());
    away.kill();
    let url = format!("etcd://{},{direct}", away.direct());
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
fn the_call_after_one_to_a_member_that_hangs_asks_the_next_member() {
    let Some((server, _)) = initialised(8) else { return };
    let hanging = EtcdServer::start().unwrap();
    hanging.stop();
    let mut store = EtcdStore::from_url(&format!("etcd://{},{}", hanging.direct(), server.direct())).unwrap();
    let started = Instant::now();
    assert_denied(acquire(&mut store), UNAVAILABLE);
    assert!(started.elapsed() < IN_TIME);
    acquire(&mut store).unwrap();
}
