//! Transactions of many threads, whatever isolation the server gives them.

use std::collections::BTreeMap;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use casflake_lease::{LeaseAdmin, LeaseStore, PostgresStore, StoreError};
use testkit::Server;
use testkit::postgres::PostgresServer;

use super::{LAYOUT, acquire, assert_no_space, initialised, renew, token};

#[test]
fn l1_sixteen_threads_share_no_tick_under_each_isolation_level() {
    // The store relies on none of them.
    for isolation in ["read committed", "serializable"] {
        let settings = format!("default_transaction_isolation={isolation}");
        share_workers(&server!(PostgresServer::start_with(&[&settings])));
    }
}

fn share_workers(server: &PostgresServer) {
    let url = server.url();
    // The tables do not exist yet.
    let barrier = Barrier::new(16);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads = [(); 16].map(|()| {
            scope.spawn(|| {
                let mut store = PostgresStore::from_url(&url).expect("a URL");
                barrier.wait();
                acquire(&mut store, token())
            })
        });
        threads.map(|thread| thread.join().expect("no panic")).into()
    });
    outcomes.into_iter().for_each(assert_no_space);
    // All of them create it.
    let created: usize = thread::scope(|scope| {
        let create = || PostgresStore::from_url(&url).expect("a URL").init(&LAYOUT, 8).expect("it answers");
        let threads = [(); 16].map(|()| scope.spawn(create));
        threads.map(|thread| usize::from(thread.join().expect("no panic"))).iter().sum()
    });
    assert_eq!(created, 1);

    initialised(server, 8);
    let windows: Mutex<BTreeMap<u64, Vec<(u64, u64)>>> = Mutex::default();
    let until = Instant::now() + Duration::from_secs(3);
    thread::scope(|scope| {
        for number in 0..16 {
            let (url, windows, barrier) = (&url, &windows, &barrier);
            scope.spawn(move || {
                let mut store = PostgresStore::from_url(url).expect("a URL");
                barrier.wait();
                while Instant::now() < until {
                    let lease = match acquire(&mut store, token()) {
                        Ok(grant) => grant.lease,
                        Err(StoreError::NoFreeWorker { .. } | StoreError::Contended { .. }) => continue,
                        Err(error) => panic!("{error:?}"),
                    };
                    let renewed = renew(&mut store, &lease).expect("it is ours");
                    // Each third thread keeps its window, and the others have issued IDs for a while.
                    let last = renewed.from() + 50;
                    let end = if number % 3 == 0 { renewed.until() } else { last + 1 };
                    windows.lock().unwrap().entry(lease.worker()).or_default().push((renewed.from(), end));
                    if number % 3 == 0 {
                        return;
                    }
                    store.release(&renewed, Some(last)).expect("it is ours");
                }
            });
        }
    });
    let windows = windows.into_inner().unwrap();
    assert_eq!(windows.keys().copied().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    for (worker, mut windows) in windows {
        windows.sort_unstable();
        assert!(windows.is_sorted_by(|before, after| before.1 <= after.0), "{worker}: {windows:?}");
    }
}

#[test]
fn each_space_has_rows_of_its_own() {
    let server = server!();
    for name in ["default", "orders", "it/is:another"] {
        let mut store = super::store(&server).space(name).expect("a name");
        store.init_immediately(&LAYOUT, 1).expect("it is initialised");
        let lease = acquire(&mut store, token()).expect("the worker is free").lease;
        store.release(&lease, None).expect("it is ours");
    }
    let spaces = server.rows("SELECT space, granted FROM casflake_spaces ORDER BY space");
    assert_eq!(spaces, [["default", "1"], ["it/is:another", "1"], ["orders", "1"]]);
    let leases = server.rows("SELECT space, worker, token FROM casflake_leases ORDER BY space");
    assert_eq!(leases, [["default", "0", "null"], ["it/is:another", "0", "null"], ["orders", "0", "null"]]);
}
