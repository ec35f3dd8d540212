//! Servers that are new, or have lost data.

use casflake_lease::LostReason;

use super::{
    LATER, LAYOUT, TTL, WAIT, acquire, acquire_again, assert_lost, assert_no_free_worker, assert_no_space,
    assert_not_yet, assert_unavailable, granted, granted_soon, granted_when_due, initialised, renew, renewed,
};
use crate::servers::remote::RemoteServer;

on_every_server! {
    Real:
        l6_a_lost_record_stops_its_holder_and_no_other,
        l6_a_loss_is_found_by_any_call_and_an_operator_ends_the_wait,
        l6_older_data_without_a_trace_are_found_by_their_holders,
        l6_a_crash_loses_no_record,
        l7_a_holder_restores_a_lost_space_with_as_many_workers;
    Settable:
        l6_a_new_space_grants_when_all_that_it_may_have_lost_has_ended,
        l6_a_wiped_store_grants_when_all_that_it_has_lost_has_ended,
        l6_a_worker_without_a_record_is_granted_when_all_that_it_may_have_lost_has_ended,
        l6_an_older_copy_grants_when_all_that_was_granted_since_has_ended;
}

fn l6_a_new_space_grants_when_all_that_it_may_have_lost_has_ended(server: &mut dyn RemoteServer) {
    let mut store = server.admin();
    assert_no_space(acquire(&mut store));
    assert!(store.init(LAYOUT, 8).expect("it answers"));
    assert_not_yet(server, acquire(&mut store));
    assert_not_yet(server, acquire(&mut server.admin()));
    let floor = store.survey().expect("a survey").space.expect("a space").floor;
    server.set_clock(LATER);
    let lease = granted_when_due(server, &mut store);
    assert_eq!((lease.worker(), lease.from()), (0, floor));
}

fn l6_a_wiped_store_grants_when_all_that_it_has_lost_has_ended(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    server.wipe();
    assert_lost(renew(&mut store, &lease, 0), LostReason::StoreChanged);
    assert_not_yet(server, acquire(&mut store));
    assert_not_yet(server, acquire(&mut server.admin()));
    store.release(&lease, Some(lease.from())).expect("it has no effect");
    assert_not_yet(server, acquire(&mut store));
    server.set_clock(LATER);
    let next = granted_when_due(server, &mut store);
    assert!(next.worker() == 0 && next.from() >= lease.until(), "{next:?}");
}

fn l6_a_loss_is_found_by_any_call_and_an_operator_ends_the_wait(server: &mut dyn RemoteServer) {
    for first in ["a renewal", "a release", "a request"] {
        let mut store = initialised(server, 2);
        let leases = [granted_soon(&mut store), granted_soon(&mut store)];
        server.wipe();
        match first {
            "a renewal" => assert_lost(renew(&mut store, &leases[0], 0), LostReason::StoreChanged),
            "a release" => store.release(&leases[0], None).expect("it has no effect"),
            _ => assert_not_yet(server, acquire_again(&mut store)),
        }
        assert_not_yet(server, acquire_again(&mut store));
        assert_lost(renew(&mut store, &leases[1], 0), LostReason::StoreChanged);
        assert_not_yet(server, acquire(&mut store));
        store.release(&leases[1], None).expect("it has no effect");
        assert_not_yet(server, acquire(&mut store));
        server.forget_holders();
        // The operator vouches, and is wrong.
        store.init_immediately(LAYOUT, 2).expect("it is initialised");
        assert_lost(renew(&mut store, &leases[0], 0), LostReason::Initialised);
        assert_eq!(granted_soon(&mut store).worker(), 0);
        server.wipe();
        server.forget_holders();
    }
}

fn l6_a_worker_without_a_record_is_granted_when_all_that_it_may_have_lost_has_ended(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    server.lose_record(0);
    let refused = acquire(&mut server.admin());
    let after = refused.as_ref().err().and_then(|error| error.retry_after());
    assert!(after.is_some_and(|after| after > WAIT - TTL && after <= WAIT), "{refused:?}");
    assert_no_free_worker(refused, 1);
    assert_lost(renew(&mut store, &lease, 0), LostReason::StoreChanged);
    assert_no_free_worker(acquire(&mut store), 1);
    let worker = &store.survey().expect("a survey").workers[0];
    assert!(worker.from > lease.until() + 100_000 && worker.owner.is_none(), "{worker:?}");
    server.set_clock(LATER);
    server.forget_holders();
    let next = granted_when_due(server, &mut store);
    assert!(next.worker() == 0 && next.from() >= lease.until(), "{next:?}");
}

fn l6_a_lost_record_stops_its_holder_and_no_other(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 2);
    let (lost, kept) = (granted(&mut store), granted(&mut store));
    server.lose_record(lost.worker());
    assert_lost(renew(&mut store, &lost, 0), LostReason::StoreChanged);
    let kept = renewed(&mut store, &kept);
    store.release(&lost, None).expect("it has no effect");
    store.release(&kept, None).expect("it is released");
    assert_eq!(granted_soon(&mut store).worker(), kept.worker());
    let refused = acquire(&mut store);
    let after = refused.as_ref().err().and_then(|error| error.retry_after());
    assert!(after.is_some_and(|after| after <= TTL), "until the other worker may be free: {refused:?}");
    assert_no_free_worker(refused, 2);
    let survey = store.survey().expect("a survey");
    let record = survey.workers.iter().find(|record| record.worker == lost.worker()).expect("it was mended");
    assert!(record.from > lost.until() + 100_000 && record.owner.is_none(), "{record:?}");
}

/// Restored as the server's documentation describes it, which makes it another incarnation.
fn l6_an_older_copy_grants_when_all_that_was_granted_since_has_ended(server: &mut dyn RemoteServer) {
    initialised(server, 1);
    server.copy();
    let lease = granted(&mut server.admin());
    server.restore();
    let mut store = server.admin();
    assert_eq!(store.survey().expect("a survey").workers, [], "it knows of no lease");
    assert_lost(renew(&mut store, &lease, 0), LostReason::StoreChanged);
    assert_not_yet(server, acquire(&mut store));
    assert_not_yet(server, acquire(&mut server.admin()));
    server.set_clock(LATER);
    server.forget_holders();
    let next = granted_when_due(server, &mut store);
    assert!(next.worker() == 0 && next.from() >= lease.until(), "{next:?}");
}

/// Only the holder's knowledge shows that the data are older.
fn l6_older_data_without_a_trace_are_found_by_their_holders(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 4);
    let old = granted(&mut store);
    server.keep();
    let mut store = server.admin();
    let old = renewed(&mut store, &old);
    let new = granted(&mut store);
    // First the holder of a record that is older presents its lease, and then that of a record that is missing.
    for (first, second) in [(old, new), (new, old)] {
        server.roll_back();
        let mut store = server.admin();
        let workers = store.survey().expect("a survey").workers;
        assert_eq!((workers.len(), workers[0].counter), (1, 1));
        assert_lost(renew(&mut store, &first, 0), LostReason::StoreChanged);
        assert_not_yet(server, acquire(&mut store));
        assert_not_yet(server, acquire(&mut server.admin()));
        assert_lost(renew(&mut store, &second, 0), LostReason::StoreChanged);
    }
}

fn l6_a_crash_loses_no_record(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    let lease = renewed(&mut store, &lease);
    let before = server.data();
    server.kill();
    assert_unavailable(renew(&mut store, &lease, 0));
    server.restart();
    assert_eq!(server.data(), before);
    assert_no_free_worker(acquire(&mut server.admin()), 1);
    let outcome = renew(&mut store, &lease, 1);
    if server.is_another_incarnation_after_a_restart() {
        assert_lost(outcome, LostReason::StoreChanged);
    } else {
        assert_eq!(outcome.expect("it is renewed").lease.counter(), lease.counter() + 1);
    }
}

fn l7_a_holder_restores_a_lost_space_with_as_many_workers(server: &mut dyn RemoteServer) {
    let mut holder = initialised(server, 8);
    let lease = granted(&mut holder);
    server.admin().init_immediately(LAYOUT, 5).expect("it is initialised");
    let lease = renewed(&mut holder, &lease);
    server.wipe();
    // A process that was never granted a lease does not create it.
    assert_no_space(acquire(&mut server.admin()));
    assert_lost(renew(&mut holder, &lease, 0), LostReason::StoreChanged);
    assert_eq!(holder.survey().expect("a survey").space.expect("a space").workers, 5);
}
