//! `Server`: what can happen to a store of leases and what serves it.

use std::path::PathBuf;

use crate::proxy::Proxy;

/// A store, and what can happen to it.
pub trait Server {
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
}
