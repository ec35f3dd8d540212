//! Leases: the stores that grant them, and the leased generator that uses them.

#[cfg(feature = "conformance")]
mod backends;
mod broken_contracts;
mod call_cost;
mod callbacks;
mod client;
mod clock_behind;
mod copies;
mod disk;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(any(feature = "etcd", all(target_os = "linux", any(feature = "postgres", feature = "redis"))))]
mod every_server;
mod faults;
mod faulty_store;
mod file;
mod generator;
#[cfg(target_os = "linux")]
mod hanging;
mod id_generator;
#[cfg(all(target_os = "linux", feature = "_server"))]
mod immediately;
#[cfg(all(target_os = "linux", feature = "postgres"))]
mod postgres;
#[cfg(all(target_os = "linux", feature = "redis"))]
mod redis;
mod reference;
mod rolling;
mod servers;
mod spaces;
mod stores;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(all(target_os = "linux", any(feature = "etcd", feature = "redis")))]
mod tls;
#[cfg(all(unix, feature = "etcd", feature = "postgres", feature = "redis"))]
mod urls;
mod working_directory;

use std::time::Duration;

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{FileStore, Lease, LeaseAdmin, Renewal};
use testkit::{Scratch, eventually};

/// Returns the renewal of a holder that has sent this many others since the last answer.
fn renewal(layout: &Layout, lease: &Lease, ttl: Duration, unanswered: u64) -> Renewal {
    let mut renewal = Renewal::new(layout, *lease, ttl);
    renewal.unanswered = unanswered;
    renewal
}

/// The patience of a generator's builder: on a busy machine a call of the store may take longer than its time limit, and
/// is tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns a directory that grants this number of workers immediately.
fn directory(workers: u64) -> Scratch {
    let scratch = Scratch::new();
    initialise(&mut FileStore::new(scratch.path()), workers);
    scratch
}

/// Vouches for the space of the store, so that it grants this number of workers immediately.
fn initialise(store: &mut impl LeaseAdmin, workers: u64) {
    // As above.
    eventually("a new store", || store.init_immediately(&Standard::LAYOUT, workers).ok());
}
