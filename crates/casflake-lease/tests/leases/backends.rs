//! The conformance suite on the backends of this crate, and on backends with one defect each, which it must find.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use casflake_lease::{Backend, Change, Contents, FileStore, Lease, Record, Renewed, StoreError, Terms, conformance};
use testkit::Scratch;

/// Returns a new name of a space.
fn new_space() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    // ORDERING: Relaxed. Each number is drawn once, and nothing else depends on it.
    format!("space-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_directory_passes_the_suite() {
    conformance::check(|| {
        let scratch = Scratch::new();
        move || FileStore::new(scratch.path()).into_backend()
    });
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn redis_passes_the_suite() {
    let Some(server) = testkit::RedisServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), new_space());
        move || casflake_lease::RedisStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn postgresql_passes_the_suite() {
    use testkit::Server as _;

    let Some(server) = testkit::PostgresServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), new_space());
        move || casflake_lease::PostgresStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[cfg(feature = "etcd")]
#[test]
fn etcd_passes_the_suite() {
    use testkit::Server as _;

    let Some(server) = testkit::EtcdServer::start() else { return };
    conformance::check(|| {
        let (url, space) = (server.url(), new_space());
        move || casflake_lease::EtcdStore::from_url(&url).unwrap().space(&space).unwrap().into_backend()
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
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

/// A backend in memory, with a defect.
#[derive(Clone)]
struct DefectiveBackend {
    defect: Defect,
    stored: Arc<Mutex<Contents>>,
}

impl DefectiveBackend {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    /// Returns the contents such that the default methods, on them, lack one part of the rule for renewals.
    fn as_if(&self, contents: &Contents, lease: &Lease) -> Contents {
        let mut contents = contents.clone();
        let record = contents.records.get_mut(&lease.worker());
        if let (true, Some(record)) = (self.is(Defect::RenewsAnyCounter), record) {
            record.counter = lease.counter();
        }
        if let Some(space) = &mut contents.space {
            if self.is(Defect::RenewsBelowTheFloor) {
                space.floor = 0;
            }
            if self.is(Defect::RenewsUnderAnotherServer) {
                space.incarnation.clone_from(&contents.incarnation);
            }
        }
        contents
    }
}

/// The default methods of `Backend`, on contents that were read before.
struct DefaultMethods(Contents, Option<Change>);

impl Backend for DefaultMethods {
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

impl Backend for DefectiveBackend {
    fn place(&self) -> String {
        if self.is(Defect::NamelessPlace) { String::new() } else { "memory".into() }
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        let mut contents = self.stored.lock().unwrap().clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        contents.unix_ns = match self.defect {
            Defect::ClockStands => 1_800_000_000_000_000_000,
            Defect::ClockInMilliseconds => now.as_millis().try_into().unwrap(),
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
        let is_as_seen = match self.defect {
            Defect::ComparesNoSpace => records_are(&|one, other| one == other),
            Defect::ComparesNoRecord => stored.space == seen.space,
            Defect::ComparesCountersAlone => {
                stored.space == seen.space && records_are(&|one, other| one.counter == other.counter)
            }
            _ => stored.is_as_seen(seen, change),
        };
        if !is_as_seen {
            return Ok(false);
        }
        if self.is(Defect::ComparesOnceForAll) {
            drop(stored);
            std::thread::sleep(std::time::Duration::from_millis(5));
            stored = self.stored.lock().unwrap();
        }
        let mut change = change.clone();
        for (_, record) in &mut change.records {
            if self.is(Defect::LosesOwners) {
                record.owner = record.owner.chars().filter(char::is_ascii).collect();
            }
            if self.is(Defect::LosesHighBits) {
                record.until = record.until.min((1 << 53) - 1);
            }
        }
        if self.is(Defect::KeepsTheSpace) && stored.space.is_some() {
            change.space = None;
        }
        if self.is(Defect::WritesTheFirstRecord) {
            change.records.truncate(1);
        }
        stored.apply(&change);
        Ok(true)
    }

    fn renew(&mut self, lease: &Lease, ttl: u64, terms: &Terms) -> Result<Option<Renewed>, StoreError> {
        let contents = self.read()?;
        let mut read = DefaultMethods(self.as_if(&contents, lease), None);
        let renewed = read.renew(lease, ttl, terms)?;
        if let Some(change) = &read.1 {
            self.stored.lock().unwrap().apply(change);
        }
        Ok(renewed)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<bool, StoreError> {
        let contents = self.read()?;
        let held = contents.records.get(&lease.worker()).and_then(|record| record.token);
        let token = if self.is(Defect::ReleasesForAnyToken) { held.unwrap_or(lease.token()) } else { lease.token() };
        let lease = Lease::new(lease.worker(), lease.from(), lease.until(), lease.counter(), token);
        let last_tick = if self.is(Defect::ReleasesToTheEnd) { Some(u64::MAX) } else { last_tick };
        let mut read = DefaultMethods(contents, None);
        let is_released = read.release(&lease, last_tick)?;
        if let Some(change) = &read.1 {
            self.stored.lock().unwrap().apply(change);
        }
        Ok(is_released)
    }
}

/// Returns the message of the suite's panic, or `None` if the backend passes.
fn found(defect: Defect) -> Option<String> {
    let check = || {
        conformance::check(|| {
            let store = DefectiveBackend { defect, stored: Arc::new(Mutex::new(Contents::new(0, "one", "memory"))) };
            move || store.clone()
        });
    };
    let panicked = panic::catch_unwind(AssertUnwindSafe(check)).err()?;
    let text = panicked.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panicked.downcast_ref::<&str>().map(|&text| text.into())).unwrap_or_default())
}

#[test]
fn a_backend_without_a_defect_passes_the_suite() {
    assert_eq!(found(Defect::None), None);
}

/// Would catch: a suite that passes a backend with which IDs are issued twice.
#[test]
fn the_suite_finds_and_names_each_defect_of_a_backend() {
    // Each defect, its description, and words of the message that names it.
    for (defect, description, words) in [
        (Defect::ClockStands, "its clock stands still", "unix_ns advanced by 0ns in"),
        (
            Defect::ClockInMilliseconds,
            "its clock counts milliseconds, not nanoseconds",
            "a time before 2024-01-02: give nanoseconds since 1970",
        ),
        (Defect::NamelessPlace, "its place has no name", "place()"),
        (Defect::LosesOwners, "owners lose the characters that are not ASCII", "the record of worker 7"),
        (Defect::LosesHighBits, "ticks lose the bits above 2^53", "the record of worker 0"),
        (Defect::KeepsTheSpace, "a space that exists is not replaced", "a space is replaced"),
        (Defect::ComparesNoSpace, "swaps do not compare the space", "if the space was absent when it was seen"),
        (Defect::ComparesNoRecord, "swaps do not compare the records", "if a record had another end"),
        (Defect::ComparesCountersAlone, "swaps compare only the counters of records", "if a record had another end"),
        (Defect::ComparesOnceForAll, "swaps are not atomic", "of 8 concurrent swaps of the same contents"),
        (Defect::WritesTheFirstRecord, "swaps write only the first record", "all records are written"),
        (Defect::RenewsAnyCounter, "renewals ignore the counter", "the renewal of"),
        (Defect::RenewsBelowTheFloor, "renewals ignore the floor", "the renewal of"),
        (Defect::RenewsUnderAnotherServer, "renewals ignore the server", "the renewal of"),
        (Defect::ReleasesForAnyToken, "releases ignore the token", "the release of"),
        (Defect::ReleasesToTheEnd, "releases keep the whole window", "after None"),
    ] {
        let text = found(defect).unwrap_or_else(|| panic!("{defect:?} passes: {description}"));
        assert!(text.contains(words), "{defect:?} ({description}): {text}");
    }
}
