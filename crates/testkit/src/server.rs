//! `Server`: a store of leases for one test, with calls that make the store fail, lose data or show another time.

use std::path::PathBuf;

use crate::proxy::Proxy;

/// A store of leases for one test. The test can make the store fail, lose data or show another time.
pub trait Server {
    fn name(&self) -> &'static str;

    fn url(&self) -> String;

    /// Starts a proxy in front of the store. Returns the proxy, and the store's URL through the proxy. Returns `None`
    /// if the store has no connections that a proxy could cut.
    fn by_proxy(&self) -> Option<(Proxy, String)> {
        None
    }

    /// Returns the directory of the store's files, or `None` if clients do not use the files directly.
    fn directory(&self) -> Option<PathBuf> {
        None
    }

    /// Makes the store unavailable until [`go_on`](Self::go_on).
    fn stop(&self);

    fn go_on(&self);

    /// Makes the store crash, and starts the store again with the data that have survived the crash.
    fn crash(&mut self);

    /// Deletes all data of the store.
    fn wipe(&self);

    fn lose_record(&self, worker: u64);

    /// Copies the present contents of the store.
    fn copy(&mut self);

    /// Restores the contents that [`copy`](Self::copy) has copied.
    fn restore(&mut self);

    /// Shifts the store's clock by `seconds` from the host's clock.
    fn set_clock(&self, seconds: i64);
}
