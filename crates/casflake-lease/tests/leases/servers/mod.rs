//! Real stores, with the events that can happen to them.

mod directory;
#[cfg(feature = "etcd")]
pub(crate) mod etcd;
#[cfg(all(target_os = "linux", feature = "postgres"))]
mod postgres;
#[cfg(all(target_os = "linux", feature = "redis"))]
pub(crate) mod redis;
#[cfg(any(feature = "etcd", all(target_os = "linux", any(feature = "postgres", feature = "redis"))))]
pub(crate) mod remote;

use casflake::{Scheme, Standard};
use casflake_lease::{LeaseAdmin, from_url};
pub(crate) use directory::Directory;
pub(crate) use testkit::Server;
use testkit::eventually;

/// A server that keeps a store.
pub(crate) trait StoreServer: Server {
    /// Opens the store, as its operator does.
    fn admin(&self) -> Box<dyn LeaseAdmin> {
        from_url(&self.url()).expect("a store")
    }

    /// Vouches for the space, so that it grants this many workers immediately.
    fn initialise(&self, workers: u64) {
        // On a busy machine a call may take longer than its time limit.
        eventually("a new store", || self.admin().init_immediately(&Standard::LAYOUT, workers).ok());
    }
}
