//! Real stores, each with all that can happen to it.

#[cfg(feature = "etcd")]
pub(crate) mod date_proxy;
mod directory;
#[cfg(feature = "etcd")]
pub(crate) mod etcd;
#[cfg(all(target_os = "linux", feature = "postgres"))]
pub(crate) mod postgres;
#[cfg(all(target_os = "linux", feature = "redis"))]
pub(crate) mod redis;

use casflake::lease::{LeaseAdmin, open};
use casflake::{Scheme, Standard};

pub(crate) use directory::Directory;
#[cfg(feature = "etcd")]
pub(crate) use etcd::EtcdServer;

/// A store, and what can happen to it.
pub(crate) trait Server {
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// Answers nobody, until it goes on.
    fn stop(&mut self);

    fn go_on(&mut self);

    /// Is killed, and started again on what it has kept.
    fn crash(&mut self);

    /// Loses everything.
    fn wipe(&mut self);

    fn lose_record(&mut self, worker: u64);

    /// Keeps a copy of what it holds now.
    fn copy(&mut self);

    /// Goes back to that copy.
    fn restore(&mut self);

    /// Sets its clock so many seconds off the host's.
    fn set_clock(&mut self, seconds: i64);

    fn admin(&self) -> Box<dyn LeaseAdmin> {
        open(&self.url()).expect("a store")
    }

    /// Lets it grant so many workers at once.
    fn initialise(&self, workers: u64) {
        self.admin().initialise(&Standard::LAYOUT, workers).expect("a new store");
    }
}

#[cfg(all(target_os = "linux", feature = "redis"))]
impl Server for redis::RedisServer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn url(&self) -> String {
        Self::url(self)
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn go_on(&mut self) {
        Self::go_on(self);
    }

    fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    fn wipe(&mut self) {
        self.flush_all();
    }

    fn lose_record(&mut self, worker: u64) {
        Self::lose_record(self, worker);
    }

    fn copy(&mut self) {
        self.copy_data();
    }

    fn restore(&mut self) {
        self.restore_data();
    }

    fn set_clock(&mut self, seconds: i64) {
        Self::set_clock(self, seconds);
    }
}
