//! Real stores, each with all that can happen to it.

#[cfg(any(feature = "etcd", feature = "postgres", feature = "redis"))]
#[allow(dead_code, reason = "each kind of server needs some of it")]
pub(crate) mod certificates;
#[cfg(feature = "etcd")]
pub(crate) mod date_proxy;
mod directory;
#[cfg(feature = "etcd")]
pub(crate) mod etcd;
#[cfg(feature = "etcd")]
pub(crate) mod etcd_tls;
#[cfg(all(target_os = "linux", feature = "postgres"))]
pub(crate) mod pgbouncer;
#[cfg(all(target_os = "linux", feature = "postgres"))]
pub(crate) mod postgres;
#[allow(dead_code, reason = "each kind of server needs some of it")]
pub(crate) mod proxy;
#[cfg(all(target_os = "linux", feature = "redis"))]
pub(crate) mod redis;

use std::path::PathBuf;

use casflake::lease::{LeaseAdmin, open};
use casflake::{Scheme, Standard};

pub(crate) use directory::Directory;
#[cfg(feature = "etcd")]
pub(crate) use etcd::EtcdServer;
use proxy::Proxy;

/// A store, and what can happen to it.
pub(crate) trait Server {
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// A way to it that can be cut, and the URL by that. `None` where there is nothing to cut.
    fn by_proxy(&self) -> Option<(Proxy, String)> {
        None
    }

    /// Where its files are, if that is its users' business.
    fn directory(&self) -> Option<PathBuf> {
        None
    }

    /// Answers nobody, until it goes on.
    fn stop(&self);

    fn go_on(&self);

    /// Is killed, and started again on what it has kept.
    fn crash(&mut self);

    /// Loses everything.
    fn wipe(&self);

    fn lose_record(&self, worker: u64);

    /// Keeps a copy of what it holds now.
    fn copy(&mut self);

    /// Goes back to that copy.
    fn restore(&mut self);

    /// Sets its clock so many seconds off the host's.
    fn set_clock(&self, seconds: i64);

    fn admin(&self) -> Box<dyn LeaseAdmin> {
        open(&self.url()).expect("a store")
    }

    /// Lets it grant so many workers at once.
    fn initialise(&self, workers: u64) {
        // On a busy machine a call may take longer than stores are given.
        crate::soon::soon("a new store", || self.admin().initialise(&Standard::LAYOUT, workers).ok());
    }
}

/// Here, because the library's own tests know the server and nothing of this trait.
#[cfg(all(target_os = "linux", feature = "redis"))]
impl Server for redis::RedisServer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn url(&self) -> String {
        Self::url(self)
    }

    fn by_proxy(&self) -> Option<(Proxy, String)> {
        let proxy = Proxy::to(self.port());
        let url = self.url_by(proxy.port());
        Some((proxy, url))
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn go_on(&self) {
        Self::go_on(self);
    }

    fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    fn wipe(&self) {
        self.flush_all();
    }

    fn lose_record(&self, worker: u64) {
        Self::lose_record(self, worker);
    }

    fn copy(&mut self) {
        self.copy_data();
    }

    fn restore(&mut self) {
        self.restore_data();
    }

    fn set_clock(&self, seconds: i64) {
        Self::set_clock(self, seconds);
    }
}
