//! A server's clock that is set.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use casflake_lease::{LostReason, StoreError};

use super::{
    HOUR, Space, Store, acquire, assert_an_hour_behind, assert_lost, granted, granted_soon, initialised, renew, renewed,
};
use crate::servers::remote::RemoteServer;

on_every_server! {
    Shared:
        l9_the_stores_time_advances_within_a_second;
    Settable:
        l9_a_clock_that_is_set_forward_moves_the_ends_of_windows,
        l9_a_clock_that_was_set_forward_grants_nothing_when_it_is_right_again,
        l9_a_clock_that_is_set_back_grants_and_renews_nothing,
        l9_a_clock_before_the_epoch_grants_and_renews_nothing;
}

/// Sets the clock, and lets the store read it: `EtcdStore` renews by the clock of the last reply.
fn set_clock(server: &dyn RemoteServer, store: &mut Store, seconds: i64) {
    server.set_clock(seconds);
    store.survey().expect("a survey");
}

fn l9_a_clock_that_is_set_forward_moves_the_ends_of_windows(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    set_clock(server, &mut store, HOUR);
    let grant = renew(&mut store, &lease, 0).expect("no other process has the worker");
    assert!(grant.lease.until() > lease.until() + 3_590_000, "{grant:?}");
    let lease = grant.lease;

    // The holder may issue IDs until the end of its window. The next one begins there.
    set_clock(server, &mut store, 2 * HOUR);
    server.forget_holders();
    let next = granted(&mut store);
    assert_eq!((next.worker(), next.from()), (0, lease.until()));
    assert!(next.until() > lease.until() + 3_590_000, "{next:?}");
    assert_lost(renew(&mut store, &lease, 0), LostReason::Taken);
}

fn l9_a_clock_that_was_set_forward_grants_nothing_when_it_is_right_again(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    set_clock(server, &mut store, HOUR);
    let lease = renewed(&mut store, &lease);
    server.forget_holders();
    set_clock(server, &mut store, 0);
    assert_an_hour_behind(renew(&mut store, &lease, 0));
    assert_an_hour_behind(acquire(&mut store));
    assert_an_hour_behind(acquire(&mut server.admin()));
    set_clock(server, &mut store, HOUR);
    let lease = renewed(&mut store, &lease);
    store.release(&lease, Some(lease.from())).expect("it is released");
    assert_eq!(granted_soon(&mut store).from(), lease.from() + 1);
}

fn l9_a_clock_that_is_set_back_grants_and_renews_nothing(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    set_clock(server, &mut store, -HOUR);
    assert_an_hour_behind(renew(&mut store, &lease, 0));
    assert_an_hour_behind(acquire(&mut store));
    assert_an_hour_behind(acquire(&mut server.admin()));

    // A smaller step is within the slack of the protocol.
    set_clock(server, &mut store, -20);
    let kept = renewed(&mut store, &lease);
    assert_eq!((kept.until(), kept.counter()), (lease.until(), 2));
    set_clock(server, &mut store, 0);
    assert!(renewed(&mut store, &kept).until() >= lease.until());
}

fn l9_a_clock_before_the_epoch_grants_and_renews_nothing(server: &mut dyn RemoteServer) {
    let mut store = initialised(server, 1);
    let lease = granted(&mut store);
    let ten_years = -10 * 365 * 24 * HOUR;
    set_clock(server, &mut store, ten_years);
    let data = server.data();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let outcomes = [renew(&mut store, &lease, 0).map(drop), acquire(&mut store).map(drop)];
    for outcome in outcomes {
        let Err(StoreError::StoreClockOutside { unix_ms, .. }) = outcome else { panic!("{outcome:?}") };
        let reading = Duration::from_millis(unix_ms) + Duration::from_secs(ten_years.unsigned_abs());
        assert!(reading.abs_diff(now) < Duration::from_secs(HOUR.unsigned_abs()), "{reading:?} and {now:?}");
    }
    assert_eq!(server.data(), data);
}

/// `EtcdStore` reads a clock of whole seconds.
fn l9_the_stores_time_advances_within_a_second(space: &Space) {
    let mut store = space.initialised(1);
    let mut read = || store.survey().expect("a survey").unix_ns;
    let (before, first, started) = (Instant::now(), read(), Instant::now());
    let mut readings = Vec::new();
    // At least so much time passes between the server's first reading and its last.
    let mut shortest = Duration::ZERO;
    while shortest < Duration::from_millis(1500) {
        thread::sleep(Duration::from_millis(50));
        shortest = started.elapsed();
        readings.push(read());
    }
    assert!(readings.is_sorted(), "{readings:?}");
    let passed = Duration::from_nanos(readings.last().expect("there are some") - first);
    let longest = before.elapsed() + Duration::from_secs(1);
    assert!(passed + Duration::from_millis(200) >= shortest && passed <= longest, "{passed:?}");
    // A reading is the start of a second only if the second has just begun.
    let starts = readings.iter().filter(|now| now.is_multiple_of(1_000_000_000)).count();
    assert!(starts as u64 <= passed.as_secs() + 2, "{readings:?}");
}
