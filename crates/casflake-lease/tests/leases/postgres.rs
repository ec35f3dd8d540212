//! `PostgresStore` on a real server: only the tests of PostgreSQL itself. The invariants of all stores are in
//! `every_server`.

use std::fmt::Debug;
use std::time::Duration;

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, Grant, Lease, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, Missing, PostgresStore,
    StoreError, Token,
};
use testkit::Server;
use testkit::postgres::PostgresServer;

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(10);

/// Starts a server. Ends the test if PostgreSQL is not installed.
macro_rules! server {
    ($start:expr) => {
        match $start {
            Some(server) => server,
            None => {
                return testkit::skipped(
                    "PostgreSQL",
                    <testkit::PostgresServer as crate::servers::remote::Launch>::NEEDS,
                );
            }
        }
    };
    () => {
        server!(PostgresServer::start())
    };
}

// They use the macro, so they follow it.
mod connections;
mod incarnations;
mod isolation;
mod limits;
mod locks;
mod others;
mod pooler;
mod refusals;
mod renewals;
mod schemas;
mod tls;

fn store(server: &PostgresServer) -> PostgresStore {
    PostgresStore::from_url(&server.url()).expect("a URL")
}

/// Returns a store that grants this many workers immediately.
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

/// Acquires as a process that was granted a lease before.
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

/// Returns the tick of a grant.
fn tick(layout: &Layout, grant: &Grant) -> u64 {
    layout.tick_at(grant.unix_ns / 1_000_000).expect("a time within the layout's range")
}

#[track_caller]
fn assert_lost<T: Debug>(outcome: Result<T, StoreError>, reason: LostReason) {
    assert!(matches!(outcome, Err(StoreError::Lost { reason: lost, .. }) if lost == reason), "{outcome:?}");
}

#[track_caller]
fn assert_no_space<T: Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "{outcome:?}");
}

/// Asserts that the store waits until every window that it may have forgotten has ended.
#[track_caller]
fn assert_not_yet<T: Debug>(outcome: Result<T, StoreError>) {
    let (Err(StoreError::NotYet { retry_after, .. }) | Err(StoreError::NoFreeWorker { retry_after, .. })) = outcome
    else {
        panic!("{outcome:?}")
    };
    let all = MAX_TTL + CLOCK_SLACK;
    assert!(retry_after <= all && retry_after > all - Duration::from_secs(60), "{retry_after:?}");
}

/// Returns the texts of an error and of its causes.
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
fn assert_unavailable<T: Debug>(outcome: Result<T, StoreError>, words: &str) {
    let Err(error @ StoreError::Unavailable { .. }) = outcome else { panic!("{outcome:?}") };
    let text = chain(&error);
    assert!(text.contains(words), "{words:?} is not in: {text}");
}

/// Asserts that the call has failed permanently, and that the error contains all of these words.
#[track_caller]
fn assert_refused<T: Debug>(outcome: Result<T, StoreError>, words: &[&str]) {
    let Err(error @ StoreError::Refused { .. }) = outcome else { panic!("{outcome:?}") };
    let text = chain(&error);
    assert!(!error.is_retryable() && words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
}
