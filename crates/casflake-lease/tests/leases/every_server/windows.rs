//! A lease from its grant to its release, on a server that works.

use std::time::Duration;

use casflake::Layout;
use casflake_lease::{AcquireRequest, Lease, LostReason, MAX_TTL, StoreError, Token};
use testkit::eventually;

use super::{
    LAYOUT, Space, TTL, acquire, assert_lost, assert_no_free_worker, granted, granted_soon, renew, renewed, request,
    tick,
};
on_every_server! {
    Shared:
        l1_a_worker_whose_holder_has_died_is_free_when_its_window_has_ended,
        l2_a_renewal_never_lowers_the_end_of_a_window,
        l3_a_window_ends_at_the_stores_clock_plus_the_ttl,
        l3_a_layout_may_have_more_ticks_than_a_double_can_count,
        l4_a_renewal_with_an_old_counter_is_the_holders_own_or_a_clones,
        l4_a_release_with_an_old_counter_releases_the_worker,
        l5_a_released_lease_is_neither_renewed_nor_released_again,
        l5_a_released_worker_is_granted_from_the_tick_after_its_last_id,
        l10_a_window_begins_after_the_last_tick_of_the_caller,
        l11_a_token_gets_the_lease_that_it_was_granted,
        a_reclaimed_worker_is_free_immediately,
        a_survey_names_the_holder_of_each_worker;
}

fn l3_a_window_ends_at_the_stores_clock_plus_the_ttl(space: &Space) {
    let mut store = space.initialised(1);
    let request = request();
    let grant = store.acquire(&request).expect("a worker is free");
    let lease = grant.lease;
    assert_eq!((lease.worker(), lease.counter(), lease.token()), (0, 1, request.token));
    assert_eq!(lease.until(), tick(grant.unix_ns) + 30_000);

    let grant = store.renew(&crate::renewal(LAYOUT, &lease, TTL * 2, 0)).expect("it is renewed");
    let end = tick(grant.unix_ns) + 60_000;
    assert_eq!(grant.lease, Lease::new(0, lease.from(), end, 2, lease.token()));
}

fn l2_a_renewal_never_lowers_the_end_of_a_window(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    let long = renewed(&mut store, &lease);
    assert!(long.until() >= lease.until());
    for (counter, ttl) in [(3, Duration::from_secs(1)), (4, Duration::from_millis(1))] {
        let known = Lease::new(0, long.from(), long.until(), counter - 1, long.token());
        let short = store.renew(&crate::renewal(LAYOUT, &known, ttl, 0)).expect("it is renewed").lease;
        assert_eq!((short.until(), short.counter()), (long.until(), counter));
    }
}

/// The 62 bits of its ticks are more than the 53 of a double, in which Lua counts.
fn l3_a_layout_may_have_more_ticks_than_a_double_can_count(space: &Space) {
    const WIDE: Layout = Layout::new(62, 0, 2, 0);
    let mut store = space.open();
    store.init_immediately(&WIDE, 4).expect("it is initialised");
    let mut request = request();
    request.layout = WIDE;
    let lease = store.acquire(&request).expect("a worker is free").lease;
    let renewed = store.renew(&crate::renewal(&WIDE, &lease, MAX_TTL, 0)).expect("it is renewed");
    assert_eq!(renewed.lease.until(), renewed.unix_ns / 1_000_000 + 120_000);
    store.release(&renewed.lease, None).expect("it is released");
}

fn l4_a_renewal_with_an_old_counter_is_the_holders_own_or_a_clones(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    renewed(&mut store, &lease);
    // A holder that has lost no reply did not send that renewal.
    assert_lost(renew(&mut store, &lease, 0), LostReason::Cloned);
    assert_eq!(renew(&mut store, &lease, 1).expect("it may be the holder's").lease.counter(), 3);
    assert_lost(renew(&mut store, &lease, 1), LostReason::Cloned);
    assert_eq!(renew(&mut store, &lease, 2).expect("both may be the holder's").lease.counter(), 4);
    assert_lost(renew(&mut store, &lease, 2), LostReason::Cloned);
}

fn l4_a_release_with_an_old_counter_releases_the_worker(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    let lease_now = renewed(&mut store, &lease);
    store.release(&lease, Some(lease.from() + 5)).expect("it is released");
    let worker = &store.survey().expect("a survey").workers[0];
    assert_eq!((worker.until, worker.owner.as_deref()), (lease.from() + 6, None));
    assert_lost(renew(&mut store, &lease_now, 0), LostReason::Taken);
}

fn l5_a_released_lease_is_neither_renewed_nor_released_again(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    store.release(&lease, Some(lease.from() + 5)).expect("it is released");
    store.release(&lease, Some(lease.from() + 9)).expect("a second release has no effect");
    store.release(&lease, None).expect("a third release has no effect");
    assert_eq!(store.survey().expect("a survey").workers[0].until, lease.from() + 6);
    assert_lost(renew(&mut store, &lease, 0), LostReason::Taken);
    assert_lost(renew(&mut store, &lease, 9), LostReason::Taken);

    // The released lease does not affect the next holder.
    let next = granted_soon(&mut store);
    store.release(&lease, Some(u64::MAX)).expect("it has no effect");
    assert_lost(renew(&mut store, &lease, 9), LostReason::Taken);
    assert_eq!(renewed(&mut store, &next).counter(), next.counter() + 1);
}

fn l5_a_released_worker_is_granted_from_the_tick_after_its_last_id(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    let lease = renewed(&mut store, &lease);
    store.release(&lease, Some(lease.from() + 5)).expect("it is released");
    let next = granted_soon(&mut store);
    assert_eq!((next.worker(), next.from(), next.counter()), (0, lease.from() + 6, 3));

    store.release(&next, None).expect("it is released");
    assert_eq!(store.survey().expect("a survey").workers[0].until, next.from(), "no ID was issued");
    let last = granted(&mut store);
    assert_eq!((last.worker(), last.from(), last.counter()), (0, next.from(), 4));
}

fn l10_a_window_begins_after_the_last_tick_of_the_caller(space: &Space) {
    let mut store = space.initialised(1);
    let now = tick(store.survey().expect("a survey").unix_ns);
    let mut request = request();
    // No window of this TTL reaches so far.
    request.after = Some(now + 60_000);
    let refused = store.acquire(&request);
    assert!(matches!(refused, Err(StoreError::StoreClockBehind { .. })), "{refused:?}");
    request.after = Some(now + 15_000);
    let lease = store.acquire(&request).expect("a worker is free").lease;
    assert_eq!((lease.worker(), lease.from()), (0, now + 15_001));
}

fn l11_a_token_gets_the_lease_that_it_was_granted(space: &Space) {
    let mut store = space.initialised(2);
    let request = request();
    let lease = store.acquire(&request).expect("a worker is free").lease;
    assert_eq!(store.acquire(&request).expect("it is granted already").lease, lease);
    assert_eq!(space.open().acquire(&request).expect("it is granted already").lease, lease, "by another store object");
    let lease = renewed(&mut store, &lease);
    assert_eq!(store.acquire(&request).expect("it is granted already").lease, lease, "after a renewal");

    assert_eq!(granted(&mut space.open()).worker(), 1, "another token gets another worker");
    assert_no_free_worker(acquire(&mut store), 2);
    assert_no_free_worker(acquire(&mut space.open()), 2);
}

fn l1_a_worker_whose_holder_has_died_is_free_when_its_window_has_ended(space: &Space) {
    let mut holder = space.initialised(1);
    let request = AcquireRequest::new(LAYOUT, Token::random().expect("random bytes"), Duration::from_secs(1), "");
    let dead = holder.acquire(&request).expect("a worker is free").lease;
    drop(holder);
    let mut other = space.open();
    let request = super::request();
    let grant = eventually("a worker is free", || match other.acquire(&request) {
        Ok(grant) => Some(grant),
        // On a busy machine a call may take longer than its time limit.
        Err(StoreError::Unavailable { .. }) => None,
        refused => {
            assert_no_free_worker(refused, 1);
            None
        }
    });
    assert!(tick(grant.unix_ns) >= dead.until(), "{grant:?} after {dead:?}");
    assert_eq!((grant.lease.worker(), grant.lease.from()), (0, dead.until()));
}

fn a_reclaimed_worker_is_free_immediately(space: &Space) {
    let mut store = space.initialised(1);
    let lease = granted(&mut store);
    let mut other = space.open();
    other.reclaim(LAYOUT, 0).expect("it was granted");
    let next = granted(&mut other);
    assert!(next.worker() == 0 && next.from() > lease.from(), "{next:?}");
    assert_lost(renew(&mut store, &lease, 0), LostReason::Taken);
    let refused = other.reclaim(LAYOUT, 1);
    assert!(matches!(refused, Err(StoreError::NoSuchWorker { worker: 1 })), "{refused:?}");
}

fn a_survey_names_the_holder_of_each_worker(space: &Space) {
    let mut store = space.initialised(2);
    let owner = r#"a "host", \ / % %1 {}[] "token":null,"owner":"x"} ä 世界 🦀 "#.to_string() + "\u{1f}\u{7f}\n";
    let mut request = request();
    request.owner.clone_from(&owner);
    let lease = store.acquire(&request).expect("a worker is free").lease;
    granted(&mut store);
    let lease = renewed(&mut store, &lease);
    let owners = |store: &mut super::Store| {
        let workers = store.survey().expect("a survey").workers;
        workers.into_iter().map(|worker| (worker.worker, worker.counter, worker.owner)).collect::<Vec<_>>()
    };
    let second = (1, 1, Some("a test".to_owned()));
    assert_eq!(owners(&mut store), [(0, 2, Some(owner)), second.clone()]);
    store.release(&lease, None).expect("it is released");
    assert_eq!(owners(&mut store), [(0, 2, None), second]);
}
