//! `Space`: a space on a server that several tests use at the same time, because a server takes long to start.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use casflake_lease::from_url;
use testkit::Proxy;

use super::{Store, initialised_by};
use crate::servers::remote::{Clock, Launch, RemoteServer};

pub(super) struct Space {
    server: Arc<dyn RemoteServer>,
    name: String,
}

impl Space {
    /// Returns a new space on a server of this kind. Returns `None` if a program that the server needs is not installed.
    pub(super) fn new<S: Launch>() -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // ORDERING: Relaxed. Each number is drawn once, and nothing else depends on it.
        let name = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Some(Self { server: server::<S>()?, name })
    }

    /// Opens the space.
    pub(super) fn open(&self) -> Store {
        self.open_by(&self.server.url())
    }

    fn open_by(&self, url: &str) -> Store {
        from_url(&format!("{url}#{}", self.name)).expect("a URL")
    }

    /// Opens the space through a proxy that can be cut.
    pub(super) fn open_by_proxy(&self) -> (Proxy, Store) {
        let (proxy, url) = self.server.by_proxy().expect("a server has a proxy");
        (proxy, self.open_by(&url))
    }

    /// Returns a store that grants this many workers immediately.
    pub(super) fn initialised(&self, workers: u64) -> Store {
        initialised_by(|| self.open(), workers)
    }
}

/// Returns the server of this kind that tests use now. Starts one if there is none. The last of these tests ends it.
fn server<S: Launch>() -> Option<Arc<dyn RemoteServer>> {
    static SERVERS: Mutex<BTreeMap<TypeId, Weak<dyn RemoteServer>>> = Mutex::new(BTreeMap::new());
    // A panic while a server starts leaves the map as it was.
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = TypeId::of::<S>();
    if let Some(server) = servers.get(&kind).and_then(Weak::upgrade) {
        return Some(server);
    }
    let server: Arc<dyn RemoteServer> = Arc::new(S::launch(Clock::Real)?);
    servers.insert(kind, Arc::downgrade(&server));
    Some(server)
}
