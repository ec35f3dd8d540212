//! A store in memory, whose clock stands still until it is advanced. For unit tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::backend::{Backend, Contents};
use crate::error::StoreError;
use crate::protocol::Change;

/// The backend. Clones share the contents.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Mutex<Contents>>);

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Contents::new(1_800_000_000_000_000_000, "one", "memory"))))
    }

    pub(crate) fn lose_everything(&self) {
        let mut stored = self.0.lock().unwrap();
        stored.space = None;
        stored.records.clear();
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.0.lock().unwrap().unix_ns += u64::try_from(time.as_nanos()).unwrap();
    }
}

impl Backend for Memory {
    fn place(&self) -> String {
        "memory".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let mut stored = self.0.lock().unwrap();
        let is_as_seen = stored.is_as_seen(seen, change);
        if is_as_seen {
            stored.apply(change);
        }
        Ok(is_as_seen)
    }
}
