//! Servers that do not answer, and replies that are lost.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use casflake_lease::{LostReason, StoreError, from_url};
use testkit::eventually;
use testkit::proxy::{Cut, Ends};

use super::{Space, Store, acquire, assert_lost, assert_unavailable, granted, initialised, renew, renewed, request};
use crate::servers::remote::RemoteServer;

/// The two seconds that a call may take, and more for a busy machine.
const IN_TIME: Duration = Duration::from_millis(4500);

on_every_server! {
    Shared:
        l4_a_renewal_whose_reply_is_lost_is_the_holders_own,
        l4_a_release_whose_reply_is_lost_may_be_sent_again,
        l11_a_request_whose_reply_is_lost_may_be_sent_again;
    Real:
        every_call_to_a_stopped_server_ends_in_time,
        a_call_to_a_killed_server_fails_until_its_restart;
}

fn timed<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let started = Instant::now();
    let outcome = call();
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    outcome
}

fn every_call_to_a_stopped_server_ends_in_time(server: &mut dyn RemoteServer) {
    let server = &*server;
    let mut holder = initialised(server, 16);
    let (lease, released) = (granted(&mut holder), granted(&mut holder));
    // By each way to the server, a store that is connected and one that is not.
    let open = |url: &String| from_url(url).expect("a URL");
    let mut others: Vec<Store> = server.urls().iter().flat_map(|url| [open(url), open(url)]).collect();
    others.iter_mut().step_by(2).for_each(|connected| drop(connected.survey().expect("a survey")));
    server.stop();
    thread::scope(|scope| {
        let (sender, ended) = mpsc::channel();
        let (done, holder, count) = (sender.clone(), &mut holder, 1 + others.len());
        scope.spawn(move || {
            assert_unavailable(timed(|| renew(holder, &lease, 0)));
            assert_unavailable(timed(|| acquire(holder)));
            assert_unavailable(timed(|| holder.release(&released, None)));
            done.send(()).expect("the test waits");
        });
        for other in &mut others {
            let done = sender.clone();
            scope.spawn(move || {
                assert_unavailable(timed(|| acquire(other)));
                done.send(()).expect("the test waits");
            });
        }
        drop(sender);
        let all_end = (0..count).all(|_| ended.recv_timeout(Duration::from_secs(60)).is_ok());
        // This ends calls that would never end.
        server.go_on();
        assert!(all_end, "a call has failed, or has not ended");
    });
    // The requests may have had their effects, and their replies are not taken for those of later calls.
    let renewed = renew(&mut holder, &lease, 1).expect("it is the holder's").lease;
    assert_eq!((renewed.worker(), renewed.from()), (lease.worker(), lease.from()));
    assert!(renewed.counter() == 2 || renewed.counter() == 3, "{renewed:?}");
    for other in &mut others {
        assert_ne!(granted(other).worker(), lease.worker());
    }
}

fn a_call_to_a_killed_server_fails_until_its_restart(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    server.kill();
    for _ in 0..3 {
        assert_unavailable(acquire(&mut store));
    }
    assert_unavailable(renew(&mut store, &lease, 0));
    assert_unavailable(store.release(&lease, None));
    let refused = server.admin().survey();
    assert!(format!("{refused:?}").contains("127.0.0.1"), "it names the server: {refused:?}");
    assert_unavailable(refused);
    server.restart();
    let worker = eventually("an answer", || store.survey().ok()).workers.remove(0);
    assert_eq!((worker.until, worker.counter), (lease.until(), lease.counter()));
}

fn l4_a_renewal_whose_reply_is_lost_is_the_holders_own(space: &Space) {
    space.initialised(1);
    let (proxy, mut store) = space.open_by_proxy();
    let lease = granted(&mut store);
    let lease = renewed(&mut store, &lease);
    proxy.cut(Cut::After, Ends::Closed);
    assert_unavailable(renew(&mut store, &lease, 0));
    proxy.heal();
    assert_eq!(space.open().survey().expect("a survey").workers[0].counter, lease.counter() + 1, "it was renewed");
    assert_lost(renew(&mut store, &lease, 0), LostReason::Cloned);
    assert_eq!(renew(&mut store, &lease, 1).expect("it is the holder's").lease.counter(), lease.counter() + 2);
}

fn l4_a_release_whose_reply_is_lost_may_be_sent_again(space: &Space) {
    space.initialised(2);
    let (proxy, mut store) = space.open_by_proxy();
    let (lease, other) = (granted(&mut store), granted(&mut store));
    // After this, a release is one request.
    store.release(&other, None).expect("it is released");
    proxy.cut(Cut::After, Ends::Closed);
    assert_unavailable(store.release(&lease, Some(lease.from() + 5)));
    proxy.heal();
    let worker = || space.open().survey().expect("a survey").workers.remove(0);
    assert_eq!((worker().until, worker().owner), (lease.from() + 6, None), "it was released");
    store.release(&lease, Some(lease.from() + 9)).expect("it has no effect");
    assert_eq!(worker().until, lease.from() + 6);
}

fn l11_a_request_whose_reply_is_lost_may_be_sent_again(space: &Space) {
    space.initialised(2);
    let (proxy, mut store) = space.open_by_proxy();
    store.survey().expect("a survey");
    let request = request();
    for cut in [Cut::After, Cut::Before, Cut::After] {
        proxy.cut(cut, Ends::Closed);
        assert_unavailable(store.acquire(&request));
        proxy.heal();
    }
    let lease = store.acquire(&request).expect("a worker is free").lease;
    assert_eq!((lease.worker(), lease.counter()), (0, 1));
    assert_eq!(store.survey().expect("a survey").workers.len(), 1);
    renewed(&mut store, &lease);
}
