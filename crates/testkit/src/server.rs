//! `Server`: the events that can happen to a store of leases and its server.

use std::path::PathBuf;

use crate::proxy::Proxy;

/// A store, and the events that can happen to it.
pub trait Server {
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// Returns a proxy to it that can be cut, and the URL through the proxy. `None` if there is nothing to cut.
    fn by_proxy(&self) -> Option<(Proxy, String)> {
        None
    }

    /// Returns the directory of its files, if its users have access to them.
    fn directory(&self) -> Option<PathBuf> {
        None
    }

    /// Stops answering until [`go_on`](Self::go_on).
    fn stop(&self);

    fn go_on(&self);

    /// Kills it, and starts it again with the data that it has kept.
    fn crash(&mut self);

    /// Loses everything.
    fn wipe(&self);

    fn lose_record(&self, worker: u64);

    /// Keeps a copy of its present contents.
    fn copy(&mut self);

    /// Restores that copy.
    fn restore(&mut self);

    /// Shifts its clock by this many seconds from the host's.
    fn set_clock(&self, seconds: i64);
}
