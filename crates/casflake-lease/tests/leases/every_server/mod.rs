//! The invariants of [`LeaseStore`] on a real server: each test runs on each kind of server, and its name begins with the
//! invariant that it shows. Tests of one kind alone are in `etcd`, `postgres` and `redis`.

/// Makes tests of functions: one for each of them and each kind of server, in a module with the name of the kind. This is
/// the only list of the kinds. Functions under `Shared` get a space of their own on a server that they share. The others
/// get a server of their own, with this clock.
macro_rules! on_every_server {
    (@run $server:ident, Shared, $test:ident) => {
        crate::every_server::run_in_space::<testkit::$server>(super::$test)
    };
    (@run $server:ident, $clock:ident, $test:ident) => {
        crate::every_server::run::<testkit::$server>(crate::servers::remote::Clock::$clock, super::$test)
    };
    ($($clock:ident: $($test:ident),+ $(,)?;)+) => {
        #[cfg(feature = "etcd")]
        mod etcd {
            $($(#[test]
            fn $test() {
                on_every_server!(@run EtcdServer, $clock, $test);
            })+)+
        }

        #[cfg(all(target_os = "linux", feature = "postgres"))]
        mod postgresql {
            $($(#[test]
            fn $test() {
                on_every_server!(@run PostgresServer, $clock, $test);
            })+)+
        }

        #[cfg(all(target_os = "linux", feature = "redis"))]
        mod redis {
            $($(#[test]
            fn $test() {
                on_every_server!(@run RedisServer, $clock, $test);
            })+)+
        }
    };
}

mod clocks;
mod corruption;
mod crowds;
mod generators;
mod losses;
mod outages;
mod rules;
mod shared;
mod spaces;
mod windows;

use std::fmt::Debug;
use std::time::Duration;

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, Grant, Lease, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, Missing, StoreError, Token,
};
use testkit::eventually;

use self::shared::Space;
use crate::servers::remote::{Clock, Launch, RemoteServer};

const LAYOUT: &Layout = &Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(30);
/// The time that a store with a loss waits before it grants what it may have forgotten.
const WAIT: Duration = MAX_TTL.saturating_add(CLOCK_SLACK);
/// A time after that wait, in seconds.
const LATER: i64 = 151;
const HOUR: i64 = 3600;

type Store = Box<dyn LeaseAdmin>;

/// Runs a test on a server of its own.
fn run<S: Launch>(clock: Clock, test: fn(&mut dyn RemoteServer)) {
    match S::launch(clock) {
        Some(mut server) => test(&mut server),
        None => testkit::skipped("a store", S::NEEDS),
    }
}

/// Runs a test in a space of its own on a server that tests share.
fn run_in_space<S: Launch>(test: fn(&Space)) {
    match Space::new::<S>() {
        Some(space) => test(&space),
        None => testkit::skipped("a store", S::NEEDS),
    }
}

/// Returns a store that grants this many workers immediately.
fn initialised(server: &dyn RemoteServer, workers: u64) -> Store {
    initialised_by(|| server.admin(), workers)
}

fn initialised_by(open: impl Fn() -> Store, workers: u64) -> Store {
    let mut store = open();
    // On a busy machine a call may take longer than its time limit.
    eventually("a new store", || store.init_immediately(LAYOUT, workers).ok());
    // A store that has just begun to read etcd's clock knows only the second, so the floor may be ahead of it.
    eventually("the floor", || {
        let survey = open().survey().ok()?;
        (tick(survey.unix_ns) >= survey.space?.floor).then_some(())
    });
    store
}

/// Returns the tick of a reading of the store's clock.
fn tick(unix_ns: u64) -> u64 {
    LAYOUT.tick_at(unix_ns / 1_000_000).expect("a time within the layout's range")
}

fn request() -> AcquireRequest {
    AcquireRequest::new(LAYOUT, Token::random().expect("random bytes"), TTL, "a test")
}

fn acquire(store: &mut impl LeaseStore) -> Result<Lease, StoreError> {
    store.acquire(&request()).map(|grant| grant.lease)
}

/// Acquires as a process that was granted a lease before.
fn acquire_again(store: &mut impl LeaseStore) -> Result<Lease, StoreError> {
    let mut request = request();
    request.missing = Missing::Create;
    store.acquire(&request).map(|grant| grant.lease)
}

fn granted(store: &mut impl LeaseStore) -> Lease {
    acquire(store).expect("a worker is free")
}

/// Acquires when the wait after a loss has just ended: immediately, if the store can tell times within a step of the clock.
fn granted_when_due(server: &dyn RemoteServer, store: &mut impl LeaseStore) -> Lease {
    if server.clock_step().is_zero() { granted(store) } else { granted_soon(store) }
}

/// Acquires as soon as a worker is free. Each refusal until then must be retryable.
fn granted_soon(store: &mut impl LeaseStore) -> Lease {
    eventually("a worker is free", || match acquire(store) {
        Ok(lease) => Some(lease),
        Err(error) if error.is_retryable() => None,
        Err(error) => panic!("{error:?}"),
    })
}

/// Renews a lease of which `unanswered` renewals were sent without an answer.
fn renew(store: &mut impl LeaseStore, lease: &Lease, unanswered: u64) -> Result<Grant, StoreError> {
    store.renew(&crate::renewal(LAYOUT, lease, TTL, unanswered))
}

fn renewed(store: &mut impl LeaseStore, lease: &Lease) -> Lease {
    renew(store, lease, 0).expect("it is renewed").lease
}

#[track_caller]
fn assert_lost<T: Debug>(outcome: Result<T, StoreError>, expected: LostReason) {
    assert!(matches!(outcome, Err(StoreError::Lost { reason, .. }) if reason == expected), "{outcome:?}");
}

#[track_caller]
fn assert_unavailable<T: Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
}

#[track_caller]
fn assert_no_space<T: Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "{outcome:?}");
}

/// Asserts that none of this many workers is free.
#[track_caller]
fn assert_no_free_worker<T: Debug>(outcome: Result<T, StoreError>, expected: u64) {
    assert!(matches!(outcome, Err(StoreError::NoFreeWorker { workers, .. }) if workers == expected), "{outcome:?}");
}

/// Asserts that the store waits until every window that it may have forgotten has ended.
#[track_caller]
fn assert_not_yet<T: Debug>(server: &dyn RemoteServer, outcome: Result<T, StoreError>) {
    let Err(StoreError::NotYet { retry_after, .. }) = outcome else { panic!("{outcome:?}") };
    let longest = WAIT + server.clock_step();
    assert!(retry_after > WAIT - Duration::from_secs(60) && retry_after <= longest, "{retry_after:?}");
}

/// Asserts that the store's clock is behind by about an hour.
#[track_caller]
fn assert_an_hour_behind<T: Debug>(outcome: Result<T, StoreError>) {
    let Err(StoreError::StoreClockBehind { by }) = outcome else { panic!("{outcome:?}") };
    assert!(by.as_secs() > 3590 && by.as_secs() < 3640, "{by:?}");
}
