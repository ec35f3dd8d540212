//! The tests that each [`Backend`] must pass. If you write a backend, run these tests on it. The tests require the
//! feature `conformance`.
//!
//! [`check`] calls the backend on stores that your test creates. If the backend does something wrong, `check` panics
//! with a description of the fault. `check` does not test the protocol of leases, because [`BackendStore`] contains
//! this protocol. A backend only has to read, compare and write.
//!
//! ```
//! # use std::sync::{Arc, Mutex};
//! # use casflake_lease::{Backend, Change, Contents, StoreError, conformance};
//! # #[derive(Clone)]
//! # struct Memory(Arc<Mutex<Contents>>);
//! # impl Backend for Memory {
//! #     fn place(&self) -> String { "memory".into() }
//! #     fn read(&mut self) -> Result<Contents, StoreError> {
//! #         let mut contents = self.0.lock().unwrap().clone();
//! #         let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
//! #         contents.unix_ns = now.as_nanos().try_into().unwrap();
//! #         Ok(contents)
//! #     }
//! #     fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
//! #         let mut held = self.0.lock().unwrap();
//! #         let is_as_seen = held.is_as_seen(seen, change);
//! #         if is_as_seen { held.apply(change); }
//! #         Ok(is_as_seen)
//! #     }
//! # }
//! // `Memory` is a backend; its clones share one store.
//! conformance::check(|| {
//!     let store = Memory(Arc::new(Mutex::new(Contents::new(0, "this process", "memory"))));
//!     move || store.clone()
//! });
//! ```

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a test, for the tests of others")]

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Scheme, Standard};

use crate::backend::{Backend, Contents};
use crate::backend_store::BackendStore;
use crate::convert::tick_of;
use crate::lease::Lease;
use crate::protocol::{self, Change, Record, Space};
use crate::request::{AcquireRequest, Renewal};
use crate::store::{LeaseAdmin, LeaseStore};
use crate::terms::Terms;
use crate::token::Token;

/// The number of threads that swap at the same time.
const THREADS: usize = 8;

const A_DAY_MS: u64 = 86_400_000;

/// The TTL of the suite's leases.
const TTL: Duration = Duration::from_secs(60);

/// Runs all tests of the suite on a backend. `new_store` creates an empty store and returns a function that opens it.
/// Each call of that function returns a new backend on the same store, just as each process would have a backend of its
/// own.
///
/// # Panics
/// Panics if the backend does not do what a [`Backend`] must do. The message says what the backend did, and what it
/// should have done.
#[track_caller]
pub fn check<B: Backend, F: Fn() -> B>(new_store: impl Fn() -> F) {
    an_empty_store_holds_nothing_and_tells_the_time(&mut new_store()());
    a_change_is_read_as_it_was_written(&new_store());
    a_swap_writes_nothing_if_the_space_or_a_record_that_it_replaces_has_changed(&mut new_store()());
    one_of_several_concurrent_swaps_is_made(&new_store());
    a_renewal_follows_the_rule_of_the_protocol(&mut new_store()());
    a_release_follows_the_rule_of_the_protocol(&mut new_store()());
    leases_are_granted_renewed_released_and_reclaimed(&new_store());
}

fn an_empty_store_holds_nothing_and_tells_the_time(backend: &mut impl Backend) {
    let started = Instant::now();
    let (first, first_read) = (read(backend), Instant::now());
    assert_eq!((&first.space, first.records.len()), (&None, 0), "a new store holds nothing");
    let earliest_ns = (Standard::LAYOUT.epoch_unix_ms() + A_DAY_MS) * 1_000_000;
    let unix_ns = first.unix_ns;
    assert!(unix_ns > earliest_ns, "unix_ns is {unix_ns}, a time before 2024-01-02: give nanoseconds since 1970");
    assert!(!backend.place().is_empty(), "place() is shown to people: it must not be empty");
    thread::sleep(Duration::from_millis(50));
    let between = first_read.elapsed();
    let (later, in_all) = (read(backend), started.elapsed());
    // The store's clock may be slewed, may lag, and may advance in steps of a second. It must not stand still, or count
    // in a unit other than nanoseconds. The backend reads the clock at some moment of each `read`. So the time between
    // the two readings of the clock is at least `between` and at most `in_all`.
    let told = Duration::from_nanos(later.unix_ns.saturating_sub(first.unix_ns));
    assert!(
        told > between / 4 && told < in_all * 4 + Duration::from_secs(2),
        "unix_ns advanced by {told:?} in {between:?} to {in_all:?}"
    );
    assert_eq!(later.place, first.place, "the place does not change");
}

fn a_change_is_read_as_it_was_written<B: Backend>(open: &impl Fn() -> B) {
    let (mut writer, mut reader) = (open(), open());
    let incarnation = read(&mut writer).incarnation;
    let odd = "it's \"odd\" \\ \u{fc}\u{1f980} \t\n $1 {}";
    let space = Space { layout: odd.into(), workers: 65_536, ..space(&incarnation) };
    let records: Vec<_> = (0..2_000)
        .map(|worker| {
            let token = (worker % 2 == 0).then(token);
            let owner = if worker == 7 { odd.into() } else { format!("owner {worker}") };
            // Ticks can have 62 bits.
            (worker, Record { from: worker, until: (1 << 62) - worker, counter: worker << 40, token, owner })
        })
        .collect();
    let change = Change { space: Some(space.clone()), records: records.clone() };
    put(&mut writer, &change);
    for backend in [&mut writer, &mut reader] {
        let contents = read(backend);
        assert_eq!(contents.space.as_ref(), Some(&space), "the space is read as it was written");
        assert_eq!(contents.records.len(), records.len(), "all records are written, and no others");
        for (worker, record) in &records {
            assert_eq!(contents.records.get(worker), Some(record), "the record of worker {worker}");
        }
    }
    let newer = Space { version: space.version + 1, floor: 9, ..space.clone() };
    put(&mut writer, &Change { space: Some(newer.clone()), records: Vec::new() });
    let contents = read(&mut reader);
    assert_eq!(contents.space, Some(newer.clone()), "a space is replaced");
    assert_eq!(contents.records.len(), records.len(), "a change without records leaves the records as they are");
    let other = (9, Record { from: 2, until: 5, ..records.get(9).unwrap().1.clone() });
    put(&mut reader, &Change { space: None, records: vec![other.clone()] });
    let contents = read(&mut writer);
    assert_eq!(contents.space, Some(newer), "a change without a space leaves the space as it is");
    assert_eq!(contents.records.get(&9), Some(&other.1), "a record is replaced");
    assert_eq!(contents.records.get(&8), Some(&records.get(8).unwrap().1), "another record is left as it is");
}

fn a_swap_writes_nothing_if_the_space_or_a_record_that_it_replaces_has_changed(backend: &mut impl Backend) {
    let incarnation = read(backend).incarnation;
    let absent = read(backend);
    put(backend, &Change { space: Some(space(&incarnation)), records: vec![(0, record(10)), (1, record(20))] });
    let seen = read(backend);
    let change =
        Change { space: Some(space(&incarnation)), records: vec![(0, record(30)), (1, record(40)), (2, record(50))] };
    let mut refused = |what: &str, change_it: &dyn Fn(&mut Contents)| {
        let mut other = seen.clone();
        change_it(&mut other);
        assert!(!swap(backend, &other, &change), "a swap must not write if {what}");
        let now = read(backend);
        assert_eq!((&now.space, &now.records), (&seen.space, &seen.records), "nothing is written if {what}");
    };
    refused("the space was absent when it was seen", &|other| other.space = None);
    refused("the space had another version", &|other| other.space.as_mut().unwrap().version += 1);
    refused("the space had another floor", &|other| other.space.as_mut().unwrap().floor += 1);
    refused("the space had another number of workers", &|other| other.space.as_mut().unwrap().workers += 1);
    refused("the space had another layout", &|other| other.space.as_mut().unwrap().layout.push('x'));
    refused("a record had another end", &|other| other.records.get_mut(&1).unwrap().until += 1);
    refused("a record had another counter", &|other| other.records.get_mut(&1).unwrap().counter += 1);
    refused("a record had another first tick", &|other| other.records.get_mut(&1).unwrap().from += 1);
    refused("a record had another token", &|other| other.records.get_mut(&1).unwrap().token = Some(token()));
    refused("a record that exists was absent", &|other| drop(other.records.remove(&1)));
    refused("a record that is absent existed", &|other| drop(other.records.insert(2, record(1))));
    refused("the store was empty", &|other| {
        (other.space, other.records) = (absent.space.clone(), absent.records.clone());
    });
    let untouched = Change { space: None, records: vec![(0, record(60))] };
    let mut other = seen.clone();
    other.records.get_mut(&1).unwrap().until += 1;
    assert!(swap(backend, &other, &untouched), "a record that the change does not replace does not matter");
    assert!(!swap(backend, &seen, &change), "contents that were read before another change are out of date");
}

fn one_of_several_concurrent_swaps_is_made<B: Backend>(open: &impl Fn() -> B) {
    let incarnation = read(&mut open()).incarnation;
    put(&mut open(), &Change { space: Some(space(&incarnation)), records: vec![(0, record(10))] });
    for round in 0..10 {
        // All backends read before the first thread starts. If a read failed in a thread, the other threads would wait
        // for that thread at the barrier for ever.
        let backends: Vec<_> = (0..THREADS)
            .map(|_| {
                let mut backend = open();
                let seen = read(&mut backend);
                (backend, seen)
            })
            .collect();
        let start = &Barrier::new(THREADS);
        let written: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = backends
                .into_iter()
                .map(|(mut backend, seen)| {
                    let mut record = seen.records.get(&0).expect("the record that was written").clone();
                    (record.counter, record.token) = (record.counter + 1, Some(token()));
                    scope.spawn(move || {
                        start.wait();
                        swap(&mut backend, &seen, &Change { space: None, records: vec![(0, record)] })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let count = written.iter().filter(|is_written| **is_written).count();
        assert_eq!(count, 1, "{count} of {THREADS} concurrent swaps of the same contents were made in round {round}");
        assert_eq!(read(&mut open()).records.get(&0).unwrap().counter, 6 + round, "that swap lasts");
    }
}

/// Returns the cases that the rules of renewals and releases distinguish. Each case consists of a space, the record of
/// worker 0, and a lease of worker 0. The lease has the values that the holder knows. The record can have other values.
fn cases(incarnation: &str, now_tick: u64) -> Vec<(Space, Record, Lease)> {
    let layout = Terms::of(&Standard::LAYOUT).layout;
    let space = Space { layout, floor: now_tick - 500_000, ..space(incarnation) };
    let token = token();
    let record = Record {
        from: now_tick - 400_000,
        until: now_tick + 10_000,
        counter: 5,
        token: Some(token),
        owner: "me".into(),
    };
    let lease = record.lease(0, token);
    let held = |record: Record| (space.clone(), record, lease);
    let within = |space: Space| (space, record.clone(), lease);
    let mut cases = vec![
        held(record.clone()),
        held(Record { token: None, ..record.clone() }),
        held(Record { token: Some(Token::random().unwrap()), ..record.clone() }),
        held(Record { counter: 4, ..record.clone() }),
        held(Record { counter: 6, ..record.clone() }),
        held(Record { from: record.from + 1, ..record.clone() }),
        held(Record { until: record.until - 1, ..record.clone() }),
        held(Record { until: record.until + 1, ..record.clone() }),
        held(Record { until: now_tick + 100_000, ..record.clone() }),
        held(Record { until: now_tick + 1_000_000, ..record.clone() }),
        within(Space { floor: record.from, ..space.clone() }),
        within(Space { floor: record.from + 1, ..space.clone() }),
        within(Space { version: 0, ..space.clone() }),
        within(Space { layout: "another".into(), ..space.clone() }),
        within(Space { incarnation: format!("{incarnation}, of another server"), ..space.clone() }),
    ];
    let over = Record { from: now_tick - 400_000, until: now_tick - 100_000, ..record.clone() };
    cases.push((space.clone(), over.clone(), over.lease(0, token)));
    cases
}

fn a_renewal_follows_the_rule_of_the_protocol(backend: &mut impl Backend) {
    let terms = Terms::of(&Standard::LAYOUT);
    let ttl = terms.ticks(TTL);
    let seen = read(backend);
    for (space, record, lease) in cases(&seen.incarnation, tick_of(&terms, seen.unix_ns).unwrap()) {
        put(backend, &Change { space: Some(space), records: vec![(0, record)] });
        let before = read(backend);
        let renewed = backend.renew(&lease, ttl, &terms).unwrap_or_else(|error| panic!("{lease:?}: {error}"));
        let after = read(backend);
        // If the backend has renewed the lease, evaluates the rule at the time that the backend has returned.
        let unix_ns = renewed.as_ref().map_or(before.unix_ns, |renewed| renewed.unix_ns);
        let mut then = before.clone();
        then.unix_ns = unix_ns;
        let expected = protocol::renew(&then.view(&terms).unwrap(), &lease, ttl, &terms);
        let held = expected.as_ref().map(|record| record.lease(0, lease.token));
        assert_eq!(renewed.map(|renewed| renewed.lease), held, "the renewal of {lease:?} in {before:?}");
        assert!(unix_ns >= before.unix_ns && unix_ns <= after.unix_ns, "a renewal returns the store's time");
        let stored = expected.as_ref().or(before.records.get(&0));
        assert_eq!(after.records.get(&0), stored, "after the renewal of {lease:?} in {before:?}");
        assert_eq!(after.space, before.space, "a renewal leaves the space as it is");
    }
}

fn a_release_follows_the_rule_of_the_protocol(backend: &mut impl Backend) {
    let terms = Terms::of(&Standard::LAYOUT);
    let seen = read(backend);
    let now_tick = tick_of(&terms, seen.unix_ns).unwrap();
    for (space, record, lease) in cases(&seen.incarnation, now_tick) {
        for last_tick in [None, Some(0), Some(lease.from()), Some(now_tick), Some(lease.until() - 1), Some(u64::MAX)] {
            put(backend, &Change { space: Some(space.clone()), records: vec![(0, record.clone())] });
            let is_released = backend.release(&lease, last_tick).unwrap_or_else(|error| panic!("{lease:?}: {error}"));
            let expected = protocol::release(&record, &lease, last_tick);
            assert_eq!(is_released, expected.is_some(), "the release of {lease:?} after {last_tick:?}, of {record:?}");
            let stored = expected.unwrap_or_else(|| record.clone());
            assert_eq!(read(backend).records.get(&0), Some(&stored), "after {last_tick:?}");
        }
    }
}

fn leases_are_granted_renewed_released_and_reclaimed<B: Backend>(open: &impl Fn() -> B) {
    let layout = Standard::LAYOUT;
    let (mut one, mut other) = (BackendStore::on(open()), BackendStore::on(open()));
    let request = || AcquireRequest::new(&layout, token(), TTL, "the suite");
    one.init_immediately(&layout, 2).expect("a space");
    let first = granted(&mut one, &request());
    let second = granted(&mut other, &request());
    assert_ne!(first.worker(), second.worker(), "two leases have different workers");
    other.acquire(&request()).expect_err("no worker is free");
    let renewed = one.renew(&Renewal::new(&layout, first, TTL)).expect("it is held").lease;
    assert!(renewed.until() >= first.until() && renewed.counter() > first.counter(), "{first:?} {renewed:?}");
    one.release(&renewed, None).expect("it is held");
    let third = granted(&mut other, &request());
    assert_eq!(third.worker(), first.worker());
    assert!(one.renew(&Renewal::new(&layout, renewed, TTL)).is_err(), "a released lease is not renewed");
    one.reclaim(&layout, second.worker()).expect("it was granted");
    assert!(
        other.renew(&Renewal::new(&layout, second, TTL)).is_err(),
        "the holder of a reclaimed worker has lost its lease"
    );
    assert_eq!(one.survey().expect("the space").workers.len(), 2);
}

/// Acquires a lease. Retries for 5 s while the error is retryable. This is necessary if the clock of the store advances
/// in steps of a second: such a store grants a released worker only after the next step of its clock.
#[track_caller]
fn granted(store: &mut impl LeaseStore, request: &AcquireRequest) -> Lease {
    let started = Instant::now();
    loop {
        match store.acquire(request) {
            Ok(grant) => return grant.lease,
            Err(error) if error.is_retryable() && started.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("a free worker is not granted: {error}"),
        }
    }
}

#[track_caller]
fn read(backend: &mut (impl Backend + ?Sized)) -> Contents {
    backend.read().unwrap_or_else(|error| panic!("read() failed: {error}"))
}

#[track_caller]
fn swap(backend: &mut impl Backend, seen: &Contents, change: &Change) -> bool {
    backend.swap(seen, change).unwrap_or_else(|error| panic!("swap() failed: {error}"))
}

/// Writes `change`, whatever the store holds.
#[track_caller]
fn put(backend: &mut impl Backend, change: &Change) {
    let seen = read(backend);
    assert!(swap(backend, &seen, change), "a swap of what was just read must write");
}

fn token() -> Token {
    Token::random().expect("random numbers")
}

fn space(incarnation: &str) -> Space {
    Space { version: 3, layout: "a layout".into(), workers: 8, granted: 2, floor: 0, incarnation: incarnation.into() }
}

fn record(until: u64) -> Record {
    Record { from: 1, until, counter: 5, token: None, owner: String::new() }
}
