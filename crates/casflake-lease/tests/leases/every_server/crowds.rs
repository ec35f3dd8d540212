//! Threads that ask a store at the same time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use casflake_lease::{Lease, StoreError};

use super::{LAYOUT, Store, acquire, assert_no_free_worker, assert_no_space, granted_soon, initialised, renew, tick};
use crate::servers::remote::RemoteServer;

on_every_server! {
    Real:
        l1_sixteen_threads_hand_eight_workers_around_and_share_no_tick,
        l1_sixteen_threads_are_granted_eight_workers,
        l7_sixteen_threads_create_a_space_once;
}

/// Calls `work` on sixteen threads together, each with a store of its own.
fn together<T: Send>(open: impl Fn() -> Store + Sync, work: impl Fn(Store) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(16);
    thread::scope(|scope| {
        let threads = [(); 16].map(|()| {
            scope.spawn(|| {
                barrier.wait();
                work(open())
            })
        });
        threads.map(|thread| thread.join().expect("no panic")).into()
    })
}

fn l1_sixteen_threads_are_granted_eight_workers(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 8);
    // Workers that were never granted, and then some that were released.
    for _ in 0..3 {
        let outcomes = together(|| server.admin(), |mut store| acquire(&mut store));
        let (granted, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let leases: Vec<Lease> = granted.into_iter().flatten().collect();
        let workers: BTreeSet<u64> = leases.iter().map(Lease::worker).collect();
        assert_eq!((workers, refused.len()), ((0..8).collect(), 8), "{refused:?}");
        refused.into_iter().for_each(|outcome| assert_no_free_worker(outcome, 8));
        assert!(matches!(server.live_holders(), None | Some(8)), "a refused caller leaves nothing behind");
        for lease in leases {
            store.release(&lease, None).expect("it is released");
        }
        // In etcd, a release by another store object does not end the holder's etcd lease.
        server.forget_holders();
    }
}

/// Each worker changes hands as often as possible. In the end, every third thread keeps its window.
fn l1_sixteen_threads_hand_eight_workers_around_and_share_no_tick(server: &mut dyn RemoteServer) {
    initialised(server, 8);
    let (used, number) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    together(
        || server.admin(),
        |mut store| {
            // ORDERING: Relaxed. Each number is drawn once, and nothing else depends on it.
            let keeps = number.fetch_add(1, Ordering::Relaxed).is_multiple_of(3);
            for round in 0..20 {
                let lease = granted_soon(&mut store);
                let grant = renew(&mut store, &lease, 0).expect("it is renewed");
                let is_kept = keeps && round == 19;
                let last = if is_kept { grant.lease.until() - 1 } else { tick(grant.unix_ns).max(lease.from()) };
                used.lock().expect("no panic").push((lease.worker(), lease.from(), last));
                if !is_kept {
                    store.release(&grant.lease, Some(last)).expect("it is released");
                }
            }
        },
    );
    let mut used = used.into_inner().expect("no panic");
    used.sort_unstable();
    assert_eq!(used.len(), 320);
    for pair in used.windows(2) {
        let [(worker, from, last), (next_worker, next_from, _)] = [pair[0], pair[1]];
        assert!(from <= last && (worker != next_worker || last < next_from), "{pair:?}");
    }
}

fn l7_sixteen_threads_create_a_space_once(server: &mut dyn RemoteServer) {
    // PostgreSQL has no tables yet.
    together(|| server.admin(), |mut store| acquire(&mut store)).into_iter().for_each(assert_no_space);
    let created = together(|| server.admin(), |mut store| store.init(LAYOUT, 8).expect("it answers"));
    assert_eq!(created.into_iter().filter(|created| *created).count(), 1);
    let survey = server.admin().survey().expect("a survey");
    assert_eq!((survey.space.expect("a space").workers, survey.workers.len()), (8, 0));
    let refused = acquire(&mut server.admin());
    assert!(matches!(refused, Err(StoreError::NotYet { .. })), "{refused:?}");
}
