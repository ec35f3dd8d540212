//! `FileStore`, by its own clock: its file, its lock, its disk, and what it loses.

mod contents;
mod locks;
mod losses;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casflake::{Clock, Layout, ManualClock, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, FileStore, Grant, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, StoreError, Token,
};
use testkit::Scratch;

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(10);
const NOW: u64 = 1_800_000_000_000;

/// A directory for a store, and the clock of the store.
struct Fixture {
    scratch: Scratch,
    clock: Arc<ManualClock>,
}

impl Fixture {
    /// Returns a directory that grants this number of workers immediately.
    fn granting(workers: u64) -> Self {
        let fixture = Self::empty();
        fixture.store().init_immediately(&LAYOUT, workers).unwrap();
        fixture
    }

    fn empty() -> Self {
        Self { scratch: Scratch::new(), clock: Arc::new(ManualClock::new(NOW)) }
    }

    fn store(&self) -> FileStore<Arc<ManualClock>> {
        FileStore::with_clock(self.path(), Arc::clone(&self.clock))
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("leases")
    }
}

/// A clock that runs an action at one of its readings, as if the calling thread were slow there.
struct InterruptingClock {
    clock: Arc<ManualClock>,
    reading: u64,
    readings_and_action: Mutex<(u64, Box<dyn FnMut() + Send>)>,
}

/// The reading of a call that looks at the store before it takes the lock.
const BEFORE_THE_LOCK: u64 = 1;
/// The reading of a call that holds the lock.
const UNDER_THE_LOCK: u64 = 2;

impl InterruptingClock {
    fn at(clock: &Arc<ManualClock>, reading: u64, action: impl FnMut() + Send + 'static) -> Self {
        Self { clock: Arc::clone(clock), reading, readings_and_action: Mutex::new((0, Box::new(action))) }
    }
}

impl Clock for InterruptingClock {
    fn unix_ms(&self) -> u64 {
        let now = self.clock.unix_ms();
        let (readings, action) = &mut *self.readings_and_action.lock().unwrap();
        *readings += 1;
        if *readings == self.reading {
            action();
        }
        now
    }
}

fn request() -> AcquireRequest {
    AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), TTL, "a test")
}

fn acquire(store: &mut impl LeaseStore) -> Result<Grant, StoreError> {
    store.acquire(&request())
}

fn renew(store: &mut impl LeaseStore, grant: &Grant) -> Result<Grant, StoreError> {
    store.renew(&crate::renewal(&LAYOUT, &grant.lease, TTL, 0))
}

/// Returns whether the store grants nothing until every window that it may have forgotten has ended.
fn waits_for_forgotten_windows<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NotYet { retry_after, .. }) if *retry_after == MAX_TTL + CLOCK_SLACK)
}

fn has_no_space<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NoSpace { .. }))
}

fn is_lost<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Lost { reason: LostReason::StoreChanged, .. }))
}

/// Returns the names of the files in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Removes the record of a worker from the file.
pub(crate) fn lose_record(file: &Path, worker: u64) {
    rewrite(file, |stored| {
        stored["records"].as_object_mut().unwrap().remove(&worker.to_string()).expect("a record");
    });
}

/// Changes the contents of the file, and writes the right checksum.
pub(crate) fn rewrite(file: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read_to_string(file).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(json).unwrap();
    change(&mut stored);
    let json = stored.to_string();
    let sum = json
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // To the same inode.
    fs::write(file, format!("casflake leases 1 {sum:016x}\n{json}\n")).unwrap();
}
