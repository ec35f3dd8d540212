//! The suite for backends, on those of this crate; and on backends with one fault each, which it must find.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use casflake_lease::{Backend, Change, Contents, FileStore, Lease, Record, Renewed, StoreError, Terms, conformance};
use testkit::Scratch;

/// A name for each space.
fn another() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // ORDERING: Relaxed. A number that no other space has.
    format!("space-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_directory_is_a_backend() {
    conformance::check(|| {
        let scratch = Scratch::new();
        move || FileStore::new(scratch.path()).into_backend()
    });
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn redis_is_a_backend() {
    let Some(server) = testkit::RedisServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), another());
        move || casflake_lease::RedisStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn postgresql_is_a_backend() {
    use testkit::Server as _;

    let Some(server) = testkit::PostgresServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), another());
        move || casflake_lease::PostgresStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[cfg(feature = "etcd")]
#[test]
fn etcd_is_a_backend() {
    use testkit::Server as _;

    let Some(server) = testkit::EtcdServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), another());
        move || casflake_lease::EtcdStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    ClockStands,
    ClockInMilliseconds,
    NamelessPlace,
    LosesOwners,
    LosesHighBits,
    KeepsTheSpace,
    ComparesNoSpace,
    ComparesNoRecord,
    ComparesCountersAlone,
    ComparesOnceForAll,
    WritesTheFirstRecord,
    RenewsAnyCounter,
    RenewsBelowTheFloor,
    RenewsUnderAnotherServer,
    ReleasesForAnyToken,
    ReleasesToTheEnd,
}

/// A backend in memory.
#[derive(Clone)]
struct Faulty {
    fault: Fault,
    stored: Arc<Mutex<Contents>>,
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The contents as the default methods see them, if the rule were without one part.
    fn as_if(&self, contents: &Contents, lease: &Lease) -> Contents {
        let mut contents = contents.clone();
        let record = contents.records.get_mut(&lease.worker());
        if let (true, Some(record)) = (self.is(Fault::RenewsAnyCounter), record) {
            record.counter = lease.counter();
        }
        if let Some(space) = &mut contents.space {
            if self.is(Fault::RenewsBelowTheFloor) {
                space.floor = 0;
            }
            if self.is(Fault::RenewsUnderAnotherServer) {
                space.incarnation.clone_from(&contents.incarnation);
            }
        }
        contents
    }
}

/// The default methods, on contents that were read before.
struct Read(Contents, Option<Change>);

impl Backend for Read {
    fn place(&self) -> String {
        "here".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        Ok(self.0.clone())
    }

    fn swap(&mut self, _: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.1 = Some(change.clone());
        Ok(true)
    }
}

impl Backend for Faulty {
    fn place(&self) -> String {
        if self.is(Fault::NamelessPlace) { String::new() } else { "memory".into() }
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let mut contents = self.stored.lock().unwrap().clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        contents.unix_ns = match self.fault {
            Fault::ClockStands => 1_800_000_000_000_000_000,
            Fault::ClockInMilliseconds => now.as_millis().try_into().unwrap(),
            _ => now.as_nanos().try_into().unwrap(),
        };
        Ok(contents)
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let mut stored = self.stored.lock().unwrap();
        let records_are = |same: &dyn Fn(&Record, &Record) -> bool| {
            change.records.iter().all(|(worker, _)| match (stored.records.get(worker), seen.records.get(worker)) {
                (Some(one), Some(other)) => same(one, other),
                (one, other) => one == other,
            })
        };
        let is_as_seen = match self.fault {
            Fault::ComparesNoSpace => records_are(&|one, other| one == other),
            Fault::ComparesNoRecord => stored.space == seen.space,
            Fault::ComparesCountersAlone => {
                stored.space == seen.space && records_are(&|one, other| one.counter == other.counter)
            }
            _ => stored.is_as_seen(seen, change),
        };
        if !is_as_seen {
            return Ok(false);
        }
        if self.is(Fault::ComparesOnceForAll) {
            drop(stored);
            std::thread::sleep(std::time::Duration::from_millis(5));
            stored = self.stored.lock().unwrap();
        }
        let mut change = change.clone();
        for (_, record) in &mut change.records {
            if self.is(Fault::LosesOwners) {
                record.owner = record.owner.chars().filter(char::is_ascii).collect();
            }
            if self.is(Fault::LosesHighBits) {
                record.until = record.until.min((1 << 53) - 1);
            }
        }
        if self.is(Fault::KeepsTheSpace) && stored.space.is_some() {
            change.space = None;
        }
        if self.is(Fault::WritesTheFirstRecord) {
            change.records.truncate(1);
        }
        stored.apply(&change);
        Ok(true)
    }

    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        let contents = self.read()?;
        let mut read = Read(self.as_if(&contents, lease), None);
        let renewed = read.renew(lease, ttl, terms)?;
        if let Some(change) = &read.1 {
            self.stored.lock().unwrap().apply(change);
        }
        Ok(renewed)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let contents = self.read()?;
        let held = contents.records.get(&lease.worker()).and_then(|record| record.token);
        let token = if self.is(Fault::ReleasesForAnyToken) { held.unwrap_or(lease.token()) } else { lease.token() };
        let lease = Lease::new(lease.worker(), lease.from(), lease.until(), lease.counter(), token);
        let last_tick = if self.is(Fault::ReleasesToTheEnd) { Some(u64::MAX) } else { last_tick };
        let mut read = Read(contents, None);
        let is_released = read.release(&lease, last_tick)?;
        if let Some(change) = &read.1 {
            self.stored.lock().unwrap().apply(change);
        }
        Ok(is_released)
    }
}

fn found(fault: Fault) -> Option<String> {
    let check = || {
        conformance::check(|| {
            let store = Faulty { fault, stored: Arc::new(Mutex::new(Contents::new(0, "one", "memory"))) };
            move || store.clone()
        });
    };
    let panicked = panic::catch_unwind(AssertUnwindSafe(check)).err()?;
    let text = panicked.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panicked.downcast_ref::<&str>().map(|&text| text.into())).unwrap_or_default())
}

#[test]
fn a_backend_without_a_fault_passes() {
    assert_eq!(found(Fault::None), None);
}

/// Would catch: a suite that passes backends by which IDs are issued twice.
#[test]
fn each_fault_of_a_backend_is_found_and_named() {
    for (fault, words) in [
        (Fault::ClockStands, "unix_ns advanced by 0ns in"),
        (Fault::ClockInMilliseconds, "a time before 2024-01-02: give nanoseconds since 1970"),
        (Fault::NamelessPlace, "place()"),
        (Fault::LosesOwners, "the record of worker 7"),
        (Fault::LosesHighBits, "the record of worker 0"),
        (Fault::KeepsTheSpace, "a space is replaced"),
        (Fault::ComparesNoSpace, "if the space was absent when it was seen"),
        (Fault::ComparesNoRecord, "if a record had another end"),
        (Fault::ComparesCountersAlone, "if a record had another end"),
        (Fault::ComparesOnceForAll, "of 8 concurrent swaps of the same contents"),
        (Fault::WritesTheFirstRecord, "all records are written"),
        (Fault::RenewsAnyCounter, "the renewal of"),
        (Fault::RenewsBelowTheFloor, "the renewal of"),
        (Fault::RenewsUnderAnotherServer, "the renewal of"),
        (Fault::ReleasesForAnyToken, "the release of"),
        (Fault::ReleasesToTheEnd, "after None"),
    ] {
        let text = found(fault).unwrap_or_else(|| panic!("{fault:?} passes"));
        assert!(text.contains(words), "{fault:?}: {text}");
    }
}
