//! Real stores, each with all that can happen to it.

mod directory;

use casflake::{Scheme, Standard};
use casflake_lease::{LeaseAdmin, from_url};
pub(crate) use directory::Directory;
pub(crate) use testkit::Server;
use testkit::eventually;

/// A server that keeps a store.
pub(crate) trait StoreServer: Server {
    /// The store, for its operator.
    fn admin(&self) -> Box<dyn LeaseAdmin> {
        from_url(&self.url()).expect("a store")
    }

    /// Lets it grant so many workers immediately.
    fn initialise(&self, workers: u64) {
        // On a busy machine a call may take longer than stores are given.
        eventually("a new store", || self.admin().init_immediately(&Standard::LAYOUT, workers).ok());
    }
}

#[cfg(feature = "etcd")]
impl StoreServer for testkit::EtcdServer {}

#[cfg(all(target_os = "linux", feature = "postgres"))]
impl StoreServer for testkit::PostgresServer {}

#[cfg(all(target_os = "linux", feature = "redis"))]
impl StoreServer for testkit::RedisServer {}
