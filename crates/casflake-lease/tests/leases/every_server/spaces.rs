//! The ID spaces of one server.

use casflake_lease::{AcquireRequest, Lease, Missing, StoreError, from_url};
use testkit::eventually;

use super::{LAYOUT, Space, Store, acquire, assert_no_free_worker, assert_no_space, granted_soon, renewed, request};
use crate::servers::remote::RemoteServer;

on_every_server! {
    Shared:
        l7_a_space_is_created_only_on_request,
        l7_a_space_that_exists_is_not_created_again;
    Real:
        l1_spaces_are_independent_of_each_other,
        other_spaces_are_listed;
}

/// Opens a space with a name that needs no escape in a URL.
fn open(server: &dyn RemoteServer, name: &str) -> Store {
    from_url(&format!("{}#{name}", server.url())).expect("a URL")
}

fn l7_a_space_is_created_only_on_request(space: &Space) {
    let mut store = space.open();
    for _ in 0..2 {
        assert_no_space(acquire(&mut store));
        assert_no_space(store.survey());
    }
    let mut request = request();
    request.missing = Missing::Create;
    let refused = store.acquire(&request);
    assert!(matches!(refused, Err(StoreError::NotYet { .. })), "{refused:?}");
    assert_eq!(store.survey().expect("a survey").space.expect("a space").workers, 1024);
}

fn l7_a_space_that_exists_is_not_created_again(space: &Space) {
    let mut store = space.initialised(2);
    let lease = granted_soon(&mut store);
    assert!(!space.open().init(LAYOUT, 8).expect("it answers"));
    assert_eq!(store.survey().expect("a survey").space.expect("a space").workers, 2);
    renewed(&mut store, &lease);
}

/// Names that begin alike, and one that looks like a part of another.
fn l1_spaces_are_independent_of_each_other(server: &mut dyn RemoteServer) {
    let names = ["default", "orders", "it/is:another", "default/workers"];
    let request = request();
    let mut stores = names.map(|name| open(server, name));
    let leases = stores.each_mut().map(|store| {
        assert_no_space(acquire(store));
        store.init_immediately(LAYOUT, 1).expect("it is initialised");
        // The same token, so that it could be mistaken for the holder of another space.
        granted_soon_by(store, &request)
    });
    assert_eq!(leases.map(|lease| (lease.worker(), lease.counter())), [(0, 1); 4]);
    for at in 0..names.len() {
        let others = |stores: &mut [Store; 4]| {
            let rest = stores.iter_mut().enumerate().filter(|(other, _)| *other != at);
            rest.map(|(_, store)| store.survey().expect("a survey"))
                .map(|survey| (survey.space, survey.workers))
                .collect()
        };
        let before: Vec<_> = others(&mut stores);
        let lease = renewed(&mut stores[at], &leases[at]);
        assert_no_free_worker(acquire(&mut stores[at]), 1);
        stores[at].release(&lease, None).expect("it is released");
        assert_eq!(stores[at].survey().expect("a survey").workers[0].owner, None);
        granted_soon(&mut stores[at]);
        stores[at].reclaim(LAYOUT, 0).expect("it was granted");
        assert_eq!(others(&mut stores), before, "{}", names[at]);
    }
}

fn granted_soon_by(store: &mut Store, request: &AcquireRequest) -> Lease {
    testkit::eventually("a worker is free", || store.acquire(request).ok()).lease
}

fn other_spaces_are_listed(server: &mut dyn RemoteServer) {
    // On a busy machine a call may take longer than its time limit.
    let others = |name: &str| eventually("an answer", || open(server, name).others().ok());
    let create = |name: &str, workers| {
        eventually("a space", || open(server, name).init_immediately(LAYOUT, workers).ok());
    };
    assert_eq!(others("orders"), [""; 0]);
    for name in ["orders", "Orders", "a/b"] {
        create(name, 300);
    }
    acquire(&mut open(server, "orders")).ok();
    assert_eq!(others("orders"), ["Orders", "a/b"]);
    assert_eq!(others("ordres"), ["Orders", "a/b", "orders"]);
    for at in 0..20 {
        create(&format!("more-{at:02}"), 1);
    }
    assert!(matches!(others("ordres").len(), 1..=10), "ten, or fewer if time is short");
}
