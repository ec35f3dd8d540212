//! `RedisStore` on a real server: only the tests of Redis itself. The invariants of all stores are in `every_server`.

mod contents;
mod incarnations;
mod refusals;
mod silence;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, Lease, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, RedisStore, StoreError, Token,
};
use testkit::RedisServer;

use crate::servers::redis::KEY;
use crate::servers::remote::RemoteServer;

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(30);
/// The time that a store with a loss waits before it grants what it may have forgotten.
const WAIT: Duration = MAX_TTL.saturating_add(CLOCK_SLACK);
/// A time after that wait, in seconds.
const LATER: i64 = 151;

/// Ends the test if a program that it needs is missing.
macro_rules! or_skip {
    ($server:expr) => {
        match $server {
            Some(server) => server,
            None => {
                return testkit::skipped("Redis", <testkit::RedisServer as crate::servers::remote::Launch>::NEEDS);
            }
        }
    };
}
use or_skip;

fn open(server: &RedisServer) -> RedisStore {
    RedisStore::from_url(&server.url()).expect("a URL")
}

/// Returns a store that grants this many workers immediately.
fn store(server: &RedisServer, workers: u64) -> RedisStore {
    let mut store = open(server);
    store.init_immediately(&LAYOUT, workers).expect("it is initialised");
    store
}

fn request() -> AcquireRequest {
    AcquireRequest::new(&LAYOUT, Token::random().expect("a token"), TTL, "a test")
}

fn acquire(store: &mut RedisStore) -> Result<Lease, StoreError> {
    store.acquire(&request()).map(|grant| grant.lease)
}

fn renew(store: &mut RedisStore, lease: &Lease) -> Result<Lease, StoreError> {
    store.renew(&crate::renewal(&LAYOUT, lease, TTL, 0)).map(|grant| grant.lease)
}

/// Returns the fields of the space, as the server stores them.
fn raw(server: &RedisServer) -> BTreeMap<String, String> {
    server.data()
}

/// Returns the record of a worker, as the server stores it.
fn record(server: &RedisServer, worker: u64) -> String {
    raw(server).remove(&worker.to_string()).expect("a record")
}

#[track_caller]
fn assert_not_yet<T: Debug>(outcome: Result<T, StoreError>) {
    let Err(StoreError::NotYet { retry_after, .. }) = outcome else { panic!("{outcome:?}") };
    assert!(retry_after > WAIT - Duration::from_secs(60) && retry_after <= WAIT, "{retry_after:?}");
}

#[track_caller]
fn assert_lost<T: Debug>(outcome: Result<T, StoreError>, expected: LostReason) {
    assert!(matches!(outcome, Err(StoreError::Lost { reason, .. }) if reason == expected), "{outcome:?}");
}

#[track_caller]
fn assert_unavailable<T: Debug>(outcome: Result<T, StoreError>, why: &str) {
    let Err(StoreError::Unavailable { cause, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(cause.to_string().contains(why), "{cause}");
}

/// Asserts that the call is refused for this cause and with this remedy, and that the error names the server but not the
/// password.
#[track_caller]
fn assert_permanent<T: Debug>(outcome: Result<T, StoreError>, why: &str, remedy: &str) {
    let Err(error @ StoreError::Refused { .. }) = outcome else { panic!("{outcome:?}") };
    let text = format!("{error:?}");
    assert!(text.contains(why) && text.contains(remedy) && text.contains("127.0.0.1:"), "{why}, {remedy}: {text}");
    assert!(!error.is_retryable() && !text.contains("s3cr3t"), "{text}");
}
