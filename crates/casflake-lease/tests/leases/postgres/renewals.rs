//! The statements by which the server itself decides on a renewal or a release.

use std::time::Duration;

use casflake::Layout;
use casflake_lease::{AcquireRequest, Lease, LeaseAdmin, LeaseStore, LostReason, PostgresStore, StoreError};
use testkit::postgres::PostgresServer;
use testkit::proxy::Proxy;

use super::{LAYOUT, TTL, acquire, assert_lost, assert_unavailable, granted, initialised, renew, store, tick, token};

#[test]
fn a_renewal_and_a_release_are_one_statement_and_one_round_trip_each() {
    let server = server!(PostgresServer::start_with(&["log_statement=all"]));
    initialised(&server, 1);
    let proxy = Proxy::to(server.port());
    let mut store = PostgresStore::from_url(&server.url_by(proxy.port())).expect("a URL");
    let mut lease = granted(&mut store);

    let statements = || server.log().lines().filter(|line| line.contains("LOG:  ")).count();
    for unused in 0..3 {
        let (trips, said) = (proxy.trips(), statements());
        lease = renew(&mut store, &lease).expect("it is ours");
        assert_eq!((proxy.trips() - trips, statements() - said), (1, 1), "{unused}: {}", server.log());
    }
    let (trips, said) = (proxy.trips(), statements());
    store.release(&lease, None).expect("it is ours");
    assert_eq!((proxy.trips() - trips, statements() - said), (1, 1), "{}", server.log());
    // A grant reads, and then changes.
    let (trips, said) = (proxy.trips(), statements());
    granted(&mut store);
    assert_eq!((proxy.trips() - trips, statements() - said), (2, 2), "{}", server.log());
}

#[test]
fn numbers_larger_than_those_of_sql_are_refused() {
    let server = server!();
    let mut store = initialised(&server, 1);
    let lease = granted(&mut store);
    let big = 1 << 63;
    for odd in [Lease::new(big, lease.from(), 1, 1, lease.token()), Lease::new(0, lease.from(), 1, big, lease.token())]
    {
        assert!(matches!(renew(&mut store, &odd), Err(StoreError::Corrupt { .. })));
        assert!(matches!(store.release(&odd, None), Err(StoreError::Corrupt { .. })));
    }
    // The largest counter that fits can not be raised.
    server.sql("UPDATE casflake_leases SET counter = 9223372036854775807");
    let last = Lease::new(0, lease.from(), 1, big - 1, lease.token());
    let refused = renew(&mut store, &last).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused:?}");
    assert!(refused.to_string().contains("9223372036854775808 is larger than 9223372036854775807"), "{refused}");
    let ours = acquire(&mut store, lease.token()).expect("it is granted already").lease;
    store.release(&ours, Some(u64::MAX)).expect("it is ours");
    assert_eq!(server.value("SELECT until_tick FROM casflake_leases"), lease.until().to_string());
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    server.sql("UPDATE casflake_leases SET until_tick = from_tick");
    assert_unavailable(acquire(&mut store, token()), "out of range");
}

/// Each condition of the statement by itself, on the server's own clock.
#[test]
fn l4_a_renewal_is_written_only_if_each_condition_holds() {
    let server = server!();
    let now: u64 = server.value("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").parse().unwrap();
    let layouts = [
        LAYOUT,
        Layout::new(41, 0, 10, 12).with_epoch_unix_ms(now - 12_345).with_tick_ms(7),
        Layout::new(30, 0, 10, 12).with_tick_ms(10_000),
        // Its last tick is a hundred seconds from now.
        Layout::new(17, 0, 10, 12).with_epoch_unix_ms(now - (1 << 17) + 100_000),
        Layout::new(63, 0, 0, 1),
    ];
    for (number, layout) in layouts.iter().enumerate() {
        let name = number.to_string();
        let set = |what: &str| {
            let (table, change) = what.split_once(": ").expect("a table and a change");
            server.sql(&format!("UPDATE casflake_{table} SET {change} WHERE space = '{name}'"));
        };
        let ticks = |seconds: u64| (seconds * 1000).div_ceil(layout.tick_ms());
        let mut store = store(&server).space(&*name).expect("a name");
        store.init_immediately(layout, 1).expect("it is initialised");
        let lease = store.acquire(&AcquireRequest::new(layout, token(), TTL, "a test")).expect("it is free").lease;
        let mut renew =
            |lease: &Lease, seconds| store.renew(&crate::renewal(layout, lease, Duration::from_secs(seconds), 0));

        let grant = renew(&lease, 50).expect("it is ours");
        assert_eq!(grant.lease.until(), tick(layout, &grant) + ticks(50), "{layout:?}");
        let grant = renew(&grant.lease, 120).expect("it is ours");
        let end = layout.max_tick().saturating_add(1);
        assert_eq!(grant.lease.until(), (tick(layout, &grant) + ticks(120)).min(end), "{layout:?}");
        let lease = grant.lease;
        let kept = renew(&lease, 1).expect("it is ours").lease;
        assert_eq!((kept.from(), kept.until(), kept.counter()), (lease.from(), lease.until(), lease.counter() + 1));
        set(&format!("leases: until_tick = until_tick + {}", ticks(29)));
        let kept = renew(&kept, 1).expect("it is not far").lease;
        assert_eq!(kept.until(), lease.until() + ticks(29));

        let rows = || server.rows(&format!("SELECT * FROM casflake_leases WHERE space = '{name}'"));
        set(&format!("leases: until_tick = until_tick + {}", ticks(100)));
        let far = rows();
        assert!(matches!(renew(&kept, 1), Err(StoreError::StoreClockBehind { .. })), "{layout:?}");
        assert_eq!(rows(), far);
        set(&format!("leases: until_tick = until_tick - {}", ticks(100)));

        set("spaces: layout = layout || '?'");
        assert!(matches!(renew(&kept, 1), Err(StoreError::OtherLayout { .. })));
        set("spaces: layout = rtrim(layout, '?')");
        set(&format!("spaces: floor = {}", kept.from()));
        let kept = renew(&kept, 1).expect("it is not below the floor").lease;
        set(&format!("spaces: floor = {}", kept.from() + 1));
        let before = rows();
        assert_lost(renew(&kept, 1), LostReason::Initialised);
        set(&format!("spaces: floor = {}", kept.from()));
        let other = Lease::new(0, kept.from(), kept.until(), kept.counter(), token());
        assert_lost(renew(&other, 1), LostReason::Taken);
        let later = Lease::new(0, kept.from(), kept.until(), kept.counter() - 1, kept.token());
        assert_lost(renew(&later, 1), LostReason::Cloned);
        let of_another_grant = Lease::new(0, kept.from() - 1, kept.until(), kept.counter(), kept.token());
        assert_lost(renew(&of_another_grant, 1), LostReason::Initialised);
        assert_eq!(rows(), before);
        let knows_more = Lease::new(0, kept.from(), kept.until() + 1, kept.counter(), kept.token());
        assert_lost(renew(&knows_more, 1), LostReason::StoreChanged);
        assert_eq!(rows(), before);
        set(&format!("spaces: floor = {}", kept.from()));
        set("spaces: version = 0");
        assert_lost(renew(&kept, 1), LostReason::StoreChanged);
        set(&format!("spaces: floor = {}", kept.from()));
        let kept = renew(&kept, 1).expect("a process has read the clock since").lease;
        let before = rows();
        set("spaces: incarnation = '1/00000001'");
        assert_lost(renew(&kept, 1), LostReason::StoreChanged);
        assert_eq!(rows(), before);
    }
}

#[test]
fn a_lease_is_not_renewed_outside_the_time_range_of_its_layout() {
    let server = server!();
    let now: u64 = server.value("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").parse().unwrap();
    let mut store = initialised(&server, 1);
    let lease = granted(&mut store);
    for (bits, epoch, tick) in [(41, now + 60_000, 1), (41, now + 60_000, 600_000), (10, now - 1025, 1)] {
        let layout = Layout::new(bits, 0, 10, 12).with_epoch_unix_ms(epoch).with_tick_ms(tick);
        let text = format!("{bits}+0+10+12 bits, sequence-last, from {epoch} ms in ticks of {tick} ms");
        server.sql(&format!(
            "UPDATE casflake_spaces SET layout = '{text}', floor = 0;
            UPDATE casflake_leases SET from_tick = 0, until_tick = 0"
        ));
        let before = server.rows("SELECT * FROM casflake_leases");
        let outcome = store.renew(&crate::renewal(&layout, &lease, TTL, 0));
        assert!(matches!(outcome, Err(StoreError::StoreClockOutside { .. })), "{text}: {outcome:?}");
        assert_eq!(server.rows("SELECT * FROM casflake_leases"), before);
    }
}
