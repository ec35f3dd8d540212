//! What is `PostgresStore`'s own: its statements, its tables, and what its server goes through.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, Grant, Lease, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, Missing, PostgresStore,
    StoreError, Token,
};
use testkit::Server;
use testkit::postgres::{PostgresServer, wait_until};
use testkit::proxy::Proxy;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{NoTls, Socket};

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(10);
const HOUR: i64 = 3600;

/// A server, or the end of the test where there is none: of the whole run, where it must be there.
macro_rules! server {
    ($start:expr) => {
        match $start {
            Some(server) => server,
            None => {
                return testkit::skipped("PostgreSQL", "a server and libfaketime, Debian's postgresql and faketime");
            }
        }
    };
    () => {
        server!(PostgresServer::start())
    };
}

// Behind the macro, which they use.
mod limits;
mod others;
mod pooler;
mod refusals;
mod schemas;
mod tls;

fn store(server: &PostgresServer) -> PostgresStore {
    PostgresStore::from_url(&server.url()).expect("a URL")
}

/// A store that grants so many workers at once.
fn initialised(server: &PostgresServer, workers: u64) -> PostgresStore {
    let mut store = store(server);
    store.init_immediately(&LAYOUT, workers).expect("it is initialised");
    store
}

fn token() -> Token {
    Token::random().expect("random numbers")
}

fn acquire(store: &mut PostgresStore, token: Token) -> Result<Grant, StoreError> {
    store.acquire(&AcquireRequest::new(&LAYOUT, token, TTL, "a test"))
}

/// As a process that was granted a lease before.
fn acquire_again(store: &mut PostgresStore) -> Result<Grant, StoreError> {
    let mut request = AcquireRequest::new(&LAYOUT, token(), TTL, "a test");
    request.missing = Missing::Create;
    store.acquire(&request)
}

fn granted(store: &mut PostgresStore) -> Lease {
    acquire(store, token()).expect("a worker is free").lease
}

fn renew(store: &mut PostgresStore, lease: &Lease) -> Result<Lease, StoreError> {
    store.renew(&crate::renewal(&LAYOUT, lease, TTL, 0)).map(|grant| grant.lease)
}

/// The tick of a grant.
fn tick(layout: &Layout, grant: &Grant) -> u64 {
    layout.tick_at(grant.unix_ns / 1_000_000).expect("a time of the layout's")
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(outcome: Result<T, StoreError>, reason: LostReason) {
    assert!(matches!(outcome, Err(StoreError::Lost { reason: lost, .. }) if lost == reason), "{outcome:?}");
}

/// That nothing is granted until all that may have been forgotten is over.
#[track_caller]
fn assert_no_space<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "{outcome:?}");
}

#[track_caller]
fn assert_not_yet<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    let (Err(StoreError::NotYet { retry_after, .. }) | Err(StoreError::NoFreeWorker { retry_after, .. })) = outcome
    else {
        panic!("{outcome:?}")
    };
    let all = MAX_TTL + CLOCK_SLACK;
    assert!(retry_after <= all && retry_after > all - Duration::from_secs(60), "{retry_after:?}");
}

/// What an error and its causes say.
fn chain(error: &StoreError) -> String {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain += &format!(": {cause}");
        source = cause.source();
    }
    chain
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>, words: &str) {
    let Err(error @ StoreError::Unavailable { .. }) = outcome else { panic!("{outcome:?}") };
    let said = chain(&error);
    assert!(said.contains(words), "{words:?} is not in: {said}");
}

/// That it failed for good, with all of these words.
#[track_caller]
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>, words: &[&str]) {
    let Err(error @ StoreError::Refused { .. }) = outcome else { panic!("{outcome:?}") };
    let said = chain(&error);
    assert!(!error.is_retryable() && words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
}

#[test]
fn a_lease_is_acquired_renewed_and_given_back() {
    let server = server!();
    let mut store = initialised(&server, 1);
    let (ours, theirs) = (token(), token());

    let grant = acquire(&mut store, ours).expect("the worker is free");
    let lease = grant.lease;
    assert_eq!((lease.worker(), lease.counter(), lease.token()), (0, 1, ours));
    assert_eq!(lease.until(), tick(&LAYOUT, &grant) + 10_000);
    let again = acquire(&mut store, ours).expect("it is granted already").lease;
    assert_eq!(again, lease);
    assert!(matches!(acquire(&mut store, theirs), Err(StoreError::NoFreeWorker { workers: 1, .. })));

    let grant = store.renew(&crate::renewal(&LAYOUT, &lease, TTL * 2, 0)).expect("it is ours");
    let renewed = grant.lease;
    assert_eq!((renewed.worker(), renewed.from(), renewed.counter()), (0, lease.from(), 2));
    assert_eq!(renewed.until(), tick(&LAYOUT, &grant) + 20_000);
    // The end never moves back, not even by a shorter time to live.
    let shorter = store.renew(&crate::renewal(&LAYOUT, &renewed, Duration::from_secs(1), 0)).expect("it is ours").lease;
    assert_eq!((shorter.until(), shorter.counter()), (renewed.until(), 3));
    // After replies that were lost it is renewed all the same; without any, somebody else must have renewed it.
    assert_eq!(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 2)).expect("it is ours").lease.counter(), 4);
    assert_lost(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 2)), LostReason::Cloned);

    let survey = store.survey().expect("it answers");
    assert_eq!((survey.workers.len(), survey.workers[0].owner.as_deref()), (1, Some("a test")));

    // By what its holder knew before the last renewals.
    store.release(&lease, Some(lease.from() + 5)).expect("it is ours");
    store.release(&lease, Some(lease.from() + 5)).expect("it is nobody's");
    assert_lost(renew(&mut store, &shorter), LostReason::Taken);
    let survey = store.survey().expect("it answers");
    assert_eq!((survey.workers[0].until, &survey.workers[0].owner), (lease.from() + 6, &None));

    wait_until("the tick of the last ID is over", || acquire(&mut store, theirs).is_ok());
    let next = acquire(&mut store, theirs).expect("it is granted already").lease;
    assert_eq!((next.worker(), next.from(), next.counter()), (0, lease.from() + 6, 5));
    store.release(&next, None).expect("it is ours");
    let survey = store.survey().expect("it answers");
    assert_eq!(survey.workers[0].until, next.from(), "nothing was issued by it");
    store.reclaim(&LAYOUT, 0).expect("it was granted");
    assert!(matches!(store.reclaim(&LAYOUT, 1), Err(StoreError::NoSuchWorker { worker: 1 })));
}

#[test]
fn spaces_are_apart() {
    let server = server!();
    let token = token();
    let names = ["default", "orders", "it/is:another"];
    let mut stores = names.map(|name| store(&server).space(name).expect("a name"));
    let leases = stores.each_mut().map(|store| {
        assert_no_space(acquire(store, token));
        store.init_immediately(&LAYOUT, 1).expect("it is initialised");
        acquire(store, token).expect("the worker is free").lease
    });
    let row = |name| server.rows(&format!("SELECT * FROM casflake_leases WHERE space = $${name}$$"));
    for at in 0..3 {
        let others = [names[(at + 1) % 3], names[(at + 2) % 3]];
        let before = others.map(row);
        let lease = renew(&mut stores[at], &leases[at]).expect("it is ours");
        stores[at].release(&lease, None).expect("it is ours");
        assert_eq!(row(names[at])[0][5], "null");
        assert_eq!(others.map(row), before);
        // For the next one.
        let lease = acquire(&mut stores[at], token).expect("it is free").lease;
        server.sql(&format!("UPDATE casflake_leases SET counter = 1 WHERE space = $${}$$", names[at]));
        assert_eq!(lease.counter(), 3);
    }
    stores[0].reclaim(&LAYOUT, 0).expect("it was granted");
    assert_eq!(row(names[1])[0][5], token.to_string());
    let spaces = server.rows("SELECT space, granted FROM casflake_spaces ORDER BY space");
    assert_eq!(spaces, [["default", "1"], ["it/is:another", "1"], ["orders", "1"]]);
}

#[test]
fn a_renewal_is_one_statement_and_one_round_trip() {
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
    // A reading, and a change.
    let (trips, said) = (proxy.trips(), statements());
    granted(&mut store);
    assert_eq!((proxy.trips() - trips, statements() - said), (2, 2), "{}", server.log());
}

#[test]
fn many_at_once_are_never_granted_the_same() {
    // Whatever isolation transactions have where nobody asks for another.
    for isolation in ["read committed", "serializable"] {
        let settings = format!("default_transaction_isolation={isolation}");
        many_at_once(&server!(PostgresServer::start_with(&[&settings])));
    }
}

fn many_at_once(server: &PostgresServer) {
    let url = server.url();
    // They find no table.
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
    // Nor do those who create it.
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
                    // As one that has issued IDs for a while: every third keeps its window, for nobody else to get.
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
fn a_new_timeline_grants_nothing_at_first() {
    let mut server = server!();
    let mut store = initialised(&server, 4);
    let lease = granted(&mut store);
    let before = server.value("SELECT incarnation FROM casflake_spaces");

    server.promote_as_new_timeline();
    // Its connection is gone.
    assert!(matches!(renew(&mut store, &lease), Err(StoreError::Unavailable { .. })));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store, token()));
    let after = server.value("SELECT incarnation FROM casflake_spaces");
    let (cluster, timeline) = before.split_once('/').expect("two parts");
    assert_eq!((timeline, after), ("00000001", format!("{cluster}/00000002")));

    store.init_immediately(&LAYOUT, 4).expect("it is initialised");
    assert_lost(renew(&mut store, &lease), LostReason::Initialised);
    granted(&mut store);
    server.promote_as_new_timeline();
    assert!(matches!(acquire(&mut store, token()), Err(StoreError::Unavailable { .. })));
    assert_not_yet(acquire(&mut store, token()));
}

#[test]
fn a_standby_grants_nothing() {
    let mut server = server!();
    let lease = granted(&mut initialised(&server, 4));
    server.become_standby();
    let mut store = store(&server);
    assert_unavailable(acquire(&mut store, token()), "recovery is in progress");
    assert_unavailable(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)), "read-only transaction");
    assert_unavailable(store.release(&lease, None), "read-only transaction");
    assert_unavailable(store.survey(), "recovery is in progress");
}

#[test]
fn a_crash_loses_nothing() {
    // One that otherwise acknowledges what would be lost.
    let mut server =
        server!(PostgresServer::start_with(&["synchronous_commit=off", "wal_writer_delay=10s", "bgwriter_delay=10s"]));
    let mut store = initialised(&server, 4);
    server.kill();
    server.restart();
    assert_unavailable(acquire(&mut store, token()), "closed");
    let (held, released) = (granted(&mut store), granted(&mut store));
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    let held = renew(&mut store, &held).expect("it is ours");
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    let held = renew(&mut store, &held).expect("it is ours");
    assert_eq!(held.counter(), 3);
    store.release(&released, None).expect("it is ours");
    server.kill();
    server.restart();
    let mut store = self::store(&server);
    assert_lost(renew(&mut store, &released), LostReason::Taken);
    renew(&mut store, &held).expect("it is ours");
}

#[test]
fn a_record_that_is_lost_is_granted_to_nobody() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let (lost, kept) = (granted(&mut store), granted(&mut store));
    server.lose_record(lost.worker());
    assert_lost(renew(&mut store, &lost), LostReason::StoreChanged);
    renew(&mut store, &kept).expect("it is ours");
    store.release(&lost, None).expect("it is nobody's");
    store.release(&kept, None).expect("it is ours");
    wait_until("the tick is over", || acquire(&mut store, token()).is_ok_and(|it| it.lease.worker() == kept.worker()));
    let Err(StoreError::NoFreeWorker { retry_after, .. }) = acquire(&mut store, token()) else { panic!("it is free") };
    assert!(retry_after < TTL, "{retry_after:?}");
    let survey = store.survey().expect("it answers");
    let record = survey.workers.iter().find(|record| record.worker == lost.worker()).expect("it was mended");
    assert!(record.from > lost.until() + 100_000 && record.owner.is_none(), "{record:?}");
}

#[test]
fn a_lost_space_is_restored_with_as_many_workers() {
    let server = server!();
    let mut holder = initialised(&server, 8);
    let lease = granted(&mut holder);
    store(&server).init_immediately(&LAYOUT, 5).expect("it is initialised");
    let lease = renew(&mut holder, &lease).expect("it is ours");
    server.sql("TRUNCATE casflake_spaces, casflake_leases");
    assert_lost(renew(&mut holder, &lease), LostReason::StoreChanged);
    assert_eq!(holder.survey().expect("it answers").space.expect("a space").workers, 5);
}

#[test]
fn tables_that_were_dropped_grant_nothing_at_first() {
    let server = server!();
    for lose in [
        "DROP TABLE casflake_spaces, casflake_leases",
        "TRUNCATE casflake_spaces, casflake_leases",
        "DROP TABLE casflake_spaces",
        "TRUNCATE casflake_spaces",
        "DROP TABLE casflake_leases",
        "TRUNCATE casflake_leases",
    ] {
        // Whoever comes first: one who holds a lease, gives it back, or wants one.
        for first in 0..3 {
            server.sql("DROP TABLE IF EXISTS casflake_spaces, casflake_leases");
            let mut store = initialised(&server, 2);
            let leases = [granted(&mut store), granted(&mut store)];
            server.sql(lose);
            match first {
                0 => assert_lost(renew(&mut store, &leases[0]), LostReason::StoreChanged),
                1 => store.release(&leases[0], None).expect("it is no error"),
                _ => assert_not_yet(acquire_again(&mut store)),
            }
            assert_not_yet(acquire_again(&mut store));
            assert_lost(renew(&mut store, &leases[1]), LostReason::StoreChanged);
            assert_not_yet(acquire(&mut store, token()));
            store.release(&leases[1], None).expect("it is no error");
            assert_not_yet(acquire(&mut store, token()));
        }
    }
}

#[test]
fn a_holder_notices_that_the_store_is_older() {
    let mut server = server!();
    let mut store = initialised(&server, 4);
    let old = granted(&mut store);
    server.copy();
    let mut store = self::store(&server);
    let renewed = renew(&mut store, &old).expect("it is ours");
    let new = granted(&mut store);
    server.restore_data();

    let mut store = self::store(&server);
    assert_lost(renew(&mut store, &renewed), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store, token()));
    assert_lost(renew(&mut store, &new), LostReason::StoreChanged);
}

#[test]
fn a_clock_that_is_set_costs_time_alone() {
    let server = server!(PostgresServer::start_with_faked_clock());
    let mut store = initialised(&server, 1);
    let lease = granted(&mut store);

    server.set_clock(-HOUR);
    let is_behind = |outcome: Result<Lease, StoreError>| match outcome {
        Err(StoreError::StoreClockBehind { by }) => by > Duration::from_secs(3500),
        _ => false,
    };
    assert!(is_behind(renew(&mut store, &lease)));
    assert!(is_behind(acquire(&mut store, token()).map(|grant| grant.lease)));
    server.set_clock(0);
    let lease = renew(&mut store, &lease).expect("it is ours");

    // Its holder may issue IDs until its end: another's window begins there.
    server.set_clock(HOUR);
    let other = granted(&mut store);
    assert_eq!((other.worker(), other.from()), (lease.worker(), lease.until()));
    assert!(other.until() > lease.until() + 3_500_000);
    assert_lost(renew(&mut store, &lease), LostReason::Taken);
    let other = renew(&mut store, &other).expect("it is ours");

    server.set_clock(0);
    assert!(is_behind(renew(&mut store, &other)));
    assert!(is_behind(acquire(&mut store, token()).map(|grant| grant.lease)));
    server.set_clock(HOUR);
    let other = renew(&mut store, &other).expect("it is ours");
    store.release(&other, Some(other.until() - 1)).expect("it is ours");

    // Before the layout's time.
    server.set_clock(-10 * 365 * 24 * HOUR);
    assert!(matches!(renew(&mut store, &other), Err(StoreError::StoreClockOutside { .. })));
    assert!(matches!(acquire(&mut store, token()), Err(StoreError::StoreClockOutside { .. })));
}

#[test]
fn a_server_that_is_stopped_ends_a_call_in_time() {
    let mut server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);

    server.stop();
    let started = Instant::now();
    assert_unavailable(renew(&mut store, &lease), "no answer for 2s");
    // Connecting anew.
    assert_unavailable(acquire(&mut store, token()), "no answer for 2s");
    assert_unavailable(store.release(&lease, None), "no answer for 2s");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    server.go_on();
    // The first renewal may have been heard after all.
    let lease = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).expect("it is ours").lease;

    server.kill();
    assert!(matches!(renew(&mut store, &lease), Err(StoreError::Unavailable { .. })));
    assert_unavailable(renew(&mut store, &lease), "connecting to PostgreSQL");
    server.restart();
    renew(&mut store, &lease).expect("it is ours");
    // One that is ended in good order says so.
    server.restart_cleanly(&[]);
    assert_unavailable(renew(&mut store, &lease), "terminating connection due to administrator command");
}

#[test]
fn odd_rows_are_refused_and_left_as_they_are() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);
    server.sql("ALTER TABLE casflake_leases ALTER COLUMN from_tick DROP NOT NULL");
    let all = "SELECT l, s FROM casflake_leases l, casflake_spaces s";
    let good = server.rows(all);
    for (table, odd) in [
        ("leases", "until_tick = -1"),
        ("leases", "until_tick = from_tick - 1"),
        ("leases", "from_tick = -1"),
        ("leases", "from_tick = NULL"),
        ("leases", "counter = -1"),
        ("leases", "worker = -1"),
        ("leases", "token = 'x'"),
        ("leases", "token = upper('0a' || substr(token, 3))"),
        ("spaces", "version = -1"),
        ("spaces", "workers = -1"),
        ("spaces", "granted = -1"),
        ("spaces", "floor = -1"),
    ] {
        server.sql(&format!("CREATE TABLE kept AS TABLE casflake_{table}; UPDATE casflake_{table} SET {odd}"));
        let before = server.rows(all);
        assert_ne!(before, good, "{odd}");
        let corrupt = |outcome: Result<(), StoreError>| {
            assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{odd}: {outcome:?}");
        };
        corrupt(acquire(&mut store, token()).map(drop));
        corrupt(store.survey().map(drop));
        corrupt(store.init_immediately(&LAYOUT, 2));
        corrupt(store.reclaim(&LAYOUT, lease.worker()));
        // One record is looked at for itself; what it does not need of the space does not matter.
        if table == "leases" || odd.starts_with("floor") {
            corrupt(renew(&mut store, &lease).map(drop));
        }
        if table == "leases" {
            corrupt(store.release(&lease, None));
        }
        assert_eq!(before, server.rows(all), "{odd}");
        server.sql(&format!("TRUNCATE casflake_{table}; INSERT INTO casflake_{table} TABLE kept; DROP TABLE kept"));
        assert_eq!(good, server.rows(all), "{odd}");
    }
    renew(&mut store, &lease).expect("it is ours");
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let server = server!();
    let mut store = initialised(&server, 1);
    let lease = granted(&mut store);
    let big = 1 << 63;
    for odd in [Lease::new(big, lease.from(), 1, 1, lease.token()), Lease::new(0, lease.from(), 1, big, lease.token())]
    {
        assert!(matches!(renew(&mut store, &odd), Err(StoreError::Corrupt { .. })));
        assert!(matches!(store.release(&odd, None), Err(StoreError::Corrupt { .. })));
    }
    // The last that fits is not counted on.
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

/// Term by term, on the server's own clock.
#[test]
fn a_renewal_keeps_to_the_rule() {
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
        let kept = renew(&kept, 1).expect("somebody has looked at the clock").lease;
        let before = rows();
        set("spaces: incarnation = '1/00000001'");
        assert_lost(renew(&kept, 1), LostReason::StoreChanged);
        assert_eq!(rows(), before);
    }
}

#[test]
fn a_layout_whose_time_has_not_begun_or_is_over_renews_nothing() {
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

/// Does `work` while the rows that `lock` changes are locked, from before it begins until it waits for them; then that
/// change is there.
fn behind<T: Send>(server: &PostgresServer, lock: &str, work: impl FnOnce() -> T + Send) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (client, connection) = runtime.block_on(tokio_postgres::connect(&server.url(), NoTls)).expect("it answers");
    runtime.spawn(connection);
    runtime.block_on(client.batch_execute(&format!("BEGIN; {lock}"))).expect("it is locked");
    thread::scope(|scope| {
        let working = scope.spawn(work);
        wait_until("it waits for the lock", || {
            let waits = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'casflake' AND wait_event_type = 'Lock'";
            assert!(!working.is_finished(), "it does not wait for: {lock}");
            server.value(waits) == "1"
        });
        runtime.block_on(client.batch_execute("COMMIT")).expect("it is committed");
        working.join().expect("no panic")
    })
}

#[test]
fn who_waits_for_a_lock_looks_again_at_what_was_locked() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let (lease, other) = (granted(&mut store), granted(&mut store));

    let renewed = "UPDATE casflake_leases SET counter = counter + 1";
    assert_lost(behind(&server, renewed, || renew(&mut store, &lease)), LostReason::Cloned);
    let taken = format!("UPDATE casflake_leases SET token = '{}'", token());
    assert_lost(behind(&server, &taken, || store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1))), LostReason::Taken);
    server.sql(&format!("UPDATE casflake_leases SET token = '{}'", lease.token()));
    let renewed = Lease::new(lease.worker(), lease.from(), lease.until(), 2, lease.token());
    let longer = "UPDATE casflake_leases SET until_tick = until_tick + 5000";
    let grant = behind(&server, longer, || store.renew(&crate::renewal(&LAYOUT, &renewed, Duration::from_secs(1), 0)));
    assert_eq!(grant.expect("it is ours").lease.until(), lease.until() + 5000);

    // A grant waits for a change of the space, and of the record.
    let free = "UPDATE casflake_leases SET token = NULL, until_tick = from_tick";
    let far = "UPDATE casflake_spaces SET version = version + 1, floor = floor + 150000";
    server.sql(free);
    assert_not_yet(behind(&server, far, || acquire(&mut store, token())));
    server.sql(&far.replace("floor + ", "floor - "));
    let no_version = "UPDATE casflake_spaces SET floor = floor + 150000";
    assert_not_yet(behind(&server, no_version, || acquire(&mut store, token())));
    server.sql(&no_version.replace("floor + ", "floor - "));
    let taken = "UPDATE casflake_leases SET counter = counter + 1, until_tick = until_tick + 60000";
    let outcome = behind(&server, taken, || acquire(&mut store, token()));
    assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers: 2, .. })), "{outcome:?}");
    server.sql(free);
    // A release leaves the counter as it is.
    let taken = "UPDATE casflake_leases SET token = repeat('0', 32), until_tick = until_tick + 60000";
    let outcome = behind(&server, taken, || acquire(&mut store, token()));
    assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers: 2, .. })), "{outcome:?}");
    server.sql(free);
    let gone = format!("DELETE FROM casflake_leases WHERE worker = {}", other.worker());
    let kept = format!("UPDATE casflake_leases SET until_tick = until_tick + 140000 WHERE worker = {}", lease.worker());
    server.sql(&format!("{free}; {kept}"));
    assert_not_yet(behind(&server, &gone, || acquire(&mut store, token())));

    // The first grant of a worker, which the space counts.
    server.sql("DROP TABLE casflake_spaces, casflake_leases");
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    assert_not_yet(behind(&server, far, || acquire(&mut store, token())));
    assert_eq!(server.rows("SELECT granted FROM casflake_spaces"), [["0"]]);

    // An initialisation waits for another, and a new space for the same one.
    server.sql("TRUNCATE casflake_spaces, casflake_leases");
    let first = "INSERT INTO casflake_spaces VALUES ('default', 1, 'another', 1, 0, 0, 'of old')";
    let outcome = behind(&server, first, || store.init_immediately(&LAYOUT, 2));
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    assert_eq!(server.value("SELECT workers FROM casflake_spaces"), "1");
}

/// As where a pooler's next connection leads to a standby that was just promoted: between the reading and the change.
/// The function is found before the system's own.
#[test]
fn a_change_is_made_only_where_it_was_decided() {
    let server = server!();
    server.sql(
        "CREATE TABLE cluster AS SELECT 1::bigint AS id;
        CREATE FUNCTION pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE sql
            AS 'SELECT id FROM public.cluster'",
    );
    server.sql("ALTER ROLE postgres SET search_path = public, pg_catalog");
    let mut store = store(&server);
    store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    assert_eq!(server.value("SELECT incarnation FROM casflake_spaces"), "1/00000001");
    let another = "SELECT FROM casflake_spaces FOR UPDATE; UPDATE cluster SET id = id + 1";
    // One that writes the space, and one that writes a record alone.
    assert_not_yet(behind(&server, another, || acquire(&mut store, token())));
    store.init_immediately(&LAYOUT, 2).expect("it is initialised");
    let lease = granted(&mut store);
    store.release(&lease, None).expect("it is ours");
    assert_not_yet(behind(&server, another, || acquire(&mut store, token())));
}

#[test]
fn who_waits_for_a_lock_too_long_is_told() {
    let server = server!();
    let mut store = initialised(&server, 2);
    let lease = granted(&mut store);
    let locked = "UPDATE casflake_leases SET owner = owner; SELECT pg_sleep(2)";
    thread::scope(|scope| {
        scope.spawn(|| server.sql(locked));
        wait_until("it is locked", || {
            server.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"
        });
        assert_unavailable(renew(&mut store, &lease), "lock timeout");
    });
    renew(&mut store, &lease).expect("it is ours");
}

#[test]
fn a_role_that_may_create_no_table_uses_those_that_are_there() {
    let server = server!();
    server.sql("CREATE ROLE plain LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let url = server.url().replace("postgres@", "plain@");
    let mut store = PostgresStore::from_url(&url).expect("a URL");
    assert_no_space(store.survey());
    let outcome = store.init_immediately(&LAYOUT, 1);
    let create = "create the tables \"public\".casflake_spaces, \"public\".casflake_leases";
    assert_refused(outcome, &[create, "GRANT", "permission denied for schema public"]);
    initialised(&server, 1);
    assert_refused(store.survey(), &["GRANT SELECT, INSERT, UPDATE ON", "permission denied for table"]);
    server.sql("GRANT SELECT, INSERT, UPDATE ON casflake_spaces, casflake_leases TO plain");
    let lease = granted(&mut store);
    let lease = renew(&mut store, &lease).expect("it is ours");
    store.release(&lease, None).expect("it is ours");
    store.init_immediately(&LAYOUT, 5).expect("it may do that");
}

#[test]
fn a_store_can_be_used_within_a_runtime() {
    let server = server!();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut store = initialised(&server, 1);
        let lease = granted(&mut store);
        renew(&mut store, &lease).expect("it is ours");
        server.stop();
        assert_unavailable(renew(&mut store, &lease), "no answer for 2s");
        server.go_on();
        drop(store);
    });
}

#[test]
fn a_url_that_is_none_is_refused() {
    let refused = PostgresStore::from_url("postgresql://host:port");
    assert!(matches!(refused, Err(StoreError::Url { .. })), "{refused:?}");
    let odd = PostgresStore::from_url("postgresql://me:secret@host/ids?nope=1").unwrap_err().to_string();
    assert!(odd.contains("unknown option `nope`") && !odd.contains("secret"), "{odd}");
    let mut store = PostgresStore::from_url("user=postgres dbname=ids").expect("words");
    assert_refused(store.survey(), &["invalid configuration", "host"]);
    let secret =
        PostgresStore::from_url("postgresql://me:secret@host/ids").expect("a URL").space("orders").expect("a name");
    let shown = format!("{secret:?}");
    assert!(shown.contains("orders") && !shown.contains("secret"), "{shown}");
}

#[test]
fn of_several_hosts_the_one_is_used_that_can_be_written() {
    let (mut standby, primary) = (server!(), server!());
    standby.become_standby();
    let ports = [standby.port(), primary.port()];
    let url = format!("postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", ports[0], ports[1]);
    initialised(&primary, 1);
    let mut store = PostgresStore::from_url(&url).expect("a URL");
    let mut lease = granted(&mut store);
    standby.stop();
    // The host that hangs has a share of the time alone, whichever is asked first.
    for _ in 0..4 {
        let mut store = PostgresStore::from_url(&url).expect("a URL");
        lease = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("the other host is asked").lease;
    }
}

/// As a connector of TLS, but for the TLS; only one thread at a time may use it.
#[derive(Clone)]
struct Plain(PhantomData<Cell<()>>);

impl MakeTlsConnect<Socket> for Plain {
    type Stream = <NoTls as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = NoTls;
    type Error = <NoTls as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, _: &str) -> Result<NoTls, Self::Error> {
        Ok(NoTls)
    }
}

#[test]
fn connections_can_be_made_by_another_connector() {
    let server = server!();
    let plain = Plain(PhantomData);
    let mut store = PostgresStore::with_tls(server.url().parse().expect("a URL"), plain);
    store.init_immediately(&LAYOUT, 1).expect("it is initialised");
    let lease = store.acquire(&AcquireRequest::new(&LAYOUT, token(), TTL, "a test")).expect("it is free").lease;
    store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("it is ours");
}
