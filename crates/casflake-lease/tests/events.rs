//! The events of `tracing` are those of the table in the documentation of `LeaseEvent`, and the notes about a URL.
//!
//! This is a test binary of its own, because all threads of a process share the recorder.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, io, process, thread};

use casflake::{Scheme, Standard};
use casflake_lease::{
    AcquireRequest, FileStore, Grant, Lease, LeaseAdmin, LeaseStore, LeasedGenerator, Renewal, StoreError,
};
use testkit::{eventually, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An event: its level, its message, and the names of its other fields in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    level: String,
    message: String,
    fields: String,
}

/// Records the events of the library's target.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "casflake::lease"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        let fields = fields.0.into_keys().collect::<Vec<_>>().join(", ");
        let level = level(*event.metadata().level()).into();
        self.0.lock().unwrap().push(Seen { level, message, fields });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// A store that a test can make unavailable.
struct DetachableStore {
    store: FileStore,
    is_detached: Arc<Mutex<bool>>,
}

impl DetachableStore {
    fn check(&self) -> Result<(), StoreError> {
        let cause = io::Error::other("the store is detached");
        let error = || StoreError::Unavailable { what: "asking".into(), cause: cause.into() };
        if *self.is_detached.lock().unwrap() { Err(error()) } else { Ok(()) }
    }
}

impl LeaseStore for DetachableStore {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.check()?;
        self.store.acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        self.check()?;
        self.store.renew(renewal)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.check()?;
        self.store.release(lease, last_tick)
    }
}

/// Returns the rows of the table in the source: level, message, fields.
fn documented() -> Vec<Seen> {
    let source = include_str!("../src/generator/events/event.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("/// | `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let plain = |cell: &str| cell.replace('`', "");
        let mut fields: Vec<String> = plain(cells[3]).split(", ").map(String::from).collect();
        fields.sort_unstable();
        Seen { level: plain(cells[1]), message: plain(cells[2]), fields: fields.join(", ") }
    })
    .collect()
}

fn directory() -> PathBuf {
    let directory = env::temp_dir().join(format!("casflake-events-{}", process::id()));
    fs::create_dir_all(&directory).unwrap();
    let mut store = FileStore::new(&directory);
    // On a busy machine a call may take longer than its time limit.
    eventually("a new store", || store.init_immediately(&Standard::LAYOUT, 1).ok());
    directory
}

#[test]
fn the_events_of_tracing_are_those_of_the_table() {
    within("a shutdown, or the wait for it", || {
        let recorder = Recorder::default();
        tracing::subscriber::set_global_default(recorder.clone()).unwrap();
        let has = |message: &str| recorder.0.lock().unwrap().iter().any(|seen| seen.message == message);
        let until = |message: &str| eventually(message, || has(message).then_some(()));
        let directory = directory();
        let is_detached = Arc::default();
        let build = |ttl| {
            let store = DetachableStore { store: FileStore::new(&directory), is_detached: Arc::clone(&is_detached) };
            let builder = LeasedGenerator::<Standard>::builder(store).ttl(ttl);
            builder.wait_for_worker(Duration::from_secs(60)).build().unwrap()
        };
        // It ends when it is shut down, and not before.
        let first = build(Duration::from_secs(60));
        let second = thread::scope(|scope| {
            let building = scope.spawn(|| build(Duration::from_millis(600)));
            until("waiting for a worker");
            first.shutdown().unwrap();
            building.join().unwrap()
        });
        until("lease renewed");
        *is_detached.lock().unwrap() = true;
        until("lease ended");
        // The outage lasts until it is reported again.
        until("store still failing");
        *is_detached.lock().unwrap() = false;
        until("store recovered");
        FileStore::new(&directory).reclaim(&Standard::LAYOUT, 0).unwrap();
        until("lease lost");
        // The event of a failed release needs a lease that is held.
        eventually("another lease", || (second.stats().acquired == 2).then_some(()));
        *is_detached.lock().unwrap() = true;
        second.shutdown().unwrap_err();
        fs::remove_dir_all(&directory).unwrap();

        let mut seen = recorder.0.lock().unwrap().clone();
        seen.sort_unstable();
        seen.dedup();
        let mut documented = documented();
        documented.sort_unstable();
        assert_eq!(seen, documented);
        #[cfg(feature = "postgres")]
        {
            recorder.0.lock().unwrap().clear();
            let store = casflake_lease::from_url("postgres://localhost/ids?pgbouncer=true").unwrap();
            let noted = store.notes().into_iter();
            let noted = noted.map(|message| Seen { level: "WARN".into(), message, fields: String::new() });
            let noted: Vec<_> = noted.collect();
            assert!(noted.len() == 1 && *recorder.0.lock().unwrap() == noted, "{noted:?}");
        }
    });
}
