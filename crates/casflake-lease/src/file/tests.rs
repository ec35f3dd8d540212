//! Tests of the store in a real directory.

mod calls;
mod losses;

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, process};

use casflake::{ManualClock, Scheme, Standard};

use super::FileStore;
use crate::{AcquireRequest, Grant, LeaseAdmin, LeaseStore, StoreError, Token};

const TTL: Duration = Duration::from_secs(30);

/// A directory with an initialised store. The directory is removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("casflake-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        let directory = Self(path);
        directory.store().init_immediately(&Standard::LAYOUT, 10).unwrap();
        directory
    }

    /// Returns a store with a clock that stands still.
    fn store(&self) -> FileStore<ManualClock> {
        FileStore::with_clock(&self.0, ManualClock::new(1_900_000_000_000))
    }

    fn acquire(&self, number: u128) -> Result<Grant, StoreError> {
        self.store().acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(number), TTL, "a test"))
    }

    fn file(&self) -> PathBuf {
        self.0.join("leases")
    }

    fn backup(&self) -> PathBuf {
        self.0.join("backup")
    }

    fn grants_nothing(&self) -> bool {
        matches!(self.acquire(u128::MAX), Err(StoreError::NotYet { .. }))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
