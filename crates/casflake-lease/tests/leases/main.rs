//! Leases: what stores grant, and what a leased generator makes of it.

#[cfg(feature = "conformance")]
mod backends;
mod client;
mod clock_behind;
mod conformance;
mod copies;
mod disk;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(any(feature = "etcd", all(target_os = "linux", any(feature = "postgres", feature = "redis"))))]
mod every_server;
mod faults;
mod file;
mod generator;
#[cfg(target_os = "linux")]
mod hanging;
mod id_generator;
#[cfg(all(target_os = "linux", any(feature = "etcd", feature = "postgres", feature = "redis")))]
mod immediately;
mod odd_stores;
#[cfg(all(target_os = "linux", feature = "postgres"))]
mod postgres;
#[cfg(all(target_os = "linux", feature = "redis"))]
mod redis;
mod rolling;
mod servers;
mod shaky;
mod spaces;
mod stores;
#[cfg(all(target_os = "linux", any(feature = "etcd", feature = "redis")))]
mod tls;
#[cfg(all(unix, feature = "etcd", feature = "postgres", feature = "redis"))]
mod urls;
mod working_directory;

use std::time::Duration;

use casflake::Layout;
use casflake_lease::{Lease, Renewal};

/// A renewal of a holder that has sent so many others since one was answered.
fn renewal(layout: &Layout, lease: &Lease, ttl: Duration, unanswered: u64) -> Renewal {
    let mut renewal = Renewal::new(layout, *lease, ttl);
    renewal.unanswered = unanswered;
    renewal
}
