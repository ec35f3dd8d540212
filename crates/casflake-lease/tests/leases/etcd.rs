//! `EtcdStore` on a real etcd: only the tests of etcd itself. The invariants of all stores are in `every_server`.

mod clusters;
mod holders;
mod refusals;
mod requests;

use std::fmt::Debug;
use std::time::Duration;

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{AcquireRequest, EtcdStore, Grant, LeaseAdmin, LeaseStore, StoreError, Survey, Token};
use testkit::{EtcdServer, Server, eventually};

const LAYOUT: &Layout = &Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(30);
/// The key that the holder of worker 0 keeps alive.
const LIVE: &str = "/casflake/default/live/0";
/// The two seconds that a call may take, and more for a busy machine.
const IN_TIME: Duration = Duration::from_millis(4500);
const HOUR: i64 = 3600;

const TXN: &str = "/v3/kv/txn";
const GRANT: &str = "/v3/lease/grant";
const KEEPALIVE: &str = "/v3/lease/keepalive";
/// A text in each transaction that writes.
const WRITE: &str = "\"compare\"";

const NO_FREE_WORKER: &str = "NoFreeWorker";
const NOT_YET: &str = "NotYet";
const UNAVAILABLE: &str = "Unavailable";
const REFUSED: &str = "Refused";
const CHANGED: &str = "StoreChanged";

fn open(server: &EtcdServer) -> EtcdStore {
    EtcdStore::from_url(&server.url()).unwrap()
}

/// Starts a server, and returns it with a store that grants this many workers immediately.
fn initialised(workers: u64) -> Option<(EtcdServer, EtcdStore)> {
    let server = EtcdServer::start()?;
    let mut store = open(&server);
    store.init_immediately(LAYOUT, workers).unwrap();
    // A store that has just begun to read etcd's clock knows only the second, so the floor may be ahead of it.
    eventually("the next second", || {
        let Survey { unix_ns, space, .. } = open(&server).survey().unwrap();
        (LAYOUT.tick_at(unix_ns / 1_000_000)? >= space?.floor).then_some(())
    });
    server.proxy().take_log();
    Some((server, store))
}

fn request(ttl: Duration) -> AcquireRequest {
    AcquireRequest::new(LAYOUT, Token::random().unwrap(), ttl, "a test")
}

fn acquire(store: &mut EtcdStore) -> Result<Grant, StoreError> {
    store.acquire(&request(TTL))
}

fn renew(store: &mut EtcdStore, grant: &Grant, unanswered: u64) -> Result<Grant, StoreError> {
    store.renew(&crate::renewal(LAYOUT, &grant.lease, TTL, unanswered))
}

/// Returns the sorted paths of the requests since the last call.
fn sent(server: &EtcdServer) -> Vec<String> {
    let mut paths: Vec<String> = server.proxy().take_log().into_iter().map(|passed| passed.path).collect();
    paths.sort();
    paths
}

/// Asserts that the error, or its reason, contains these words.
#[track_caller]
fn assert_denied<T: Debug>(outcome: Result<T, StoreError>, words: &str) {
    // The text says the reason in other words.
    let reason = match &outcome {
        Err(StoreError::Lost { reason, .. }) => Some(reason),
        _ => None,
    };
    let text = format!("{outcome:?} {reason:?}");
    assert!(outcome.is_err() && text.contains(words), "{words}: {text}");
}
