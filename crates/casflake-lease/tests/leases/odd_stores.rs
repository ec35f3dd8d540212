//! `LeasedGenerator`, on a store that does what no store should.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::{Clock, GenerateError, Layout, ManualClock, Scheme, Standard, SystemClock};
use casflake_lease::{FileStore, LeaseAdmin, LeaseStats, LeasedGenerator, LeasedGeneratorBuilder, MAX_TTL, StoreError};
use testkit::{Scratch, eventually};

use crate::shaky::{Health, Mood, Shaky};

const TTL: Duration = Duration::from_millis(600);

fn builder(scratch: &Scratch) -> (LeasedGeneratorBuilder<Shaky<FileStore>>, Arc<Health>) {
    FileStore::new(scratch.path()).init_immediately(&Standard::LAYOUT, 2).unwrap();
    let (store, health) = Shaky::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(TTL), health)
}

fn ends(ids: &LeasedGenerator) -> GenerateError {
    eventually("an end of the IDs", || {
        ids.try_generate().err().filter(|error| !matches!(error, GenerateError::Exhausted { .. }))
    })
}

fn is_told(ids: &LeasedGenerator, why: &str) {
    eventually(why, || ids.stats().last_error.filter(|error| error.starts_with(why)));
}

/// Would catch: a thread that is gone, and nobody is told.
#[test]
fn a_store_that_panics_has_failed_and_is_asked_again() {
    let scratch = Scratch::new();
    let (builder, health) = builder(&scratch);
    let ids = builder.build().unwrap();
    health.set(Mood::Mad);
    assert!(matches!(ends(&ids), GenerateError::LeaseExpired { .. }));
    is_told(&ids, "asking the store of leases failed: try again when the store is available: it has panicked");
    health.set(Mood::Well);
    eventually("an ID", || ids.generate().ok());
    assert_eq!(ids.stats().acquired, 1, "it was renewed all the same, each time: {:?}", ids.stats());
    ids.shutdown().unwrap();
}

/// Would catch: a fence that is moved by somebody else's lease.
#[test]
fn i8_a_lease_that_is_not_the_one_that_was_renewed_is_not_used() {
    let scratch = Scratch::new();
    let (builder, health) = builder(&scratch);
    let ids = builder.build().unwrap();
    health.set(Mood::Wrong);
    assert!(matches!(ends(&ids), GenerateError::LeaseExpired { .. }));
    is_told(&ids, "the lease that was renewed is not what");
    health.set(Mood::Well);
    eventually("an ID", || ids.generate().ok());
}

/// Would catch: calls that wait on for a store that does not answer; a second end that is over before the first; and
/// one that never is.
#[test]
fn a_store_that_does_not_answer_holds_up_the_end_and_no_call() {
    let scratch = Scratch::new();
    let (builder, health) = builder(&scratch);
    let ids = builder.max_wait(Duration::MAX).build().unwrap();
    let calls = health.calls();
    health.set(Mood::Stuck);
    eventually("a call", || (health.calls() > calls).then_some(()));
    ends(&ids);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| ids.generate());
        let first = scope.spawn(|| ids.shutdown());
        assert_eq!(waiting.join().unwrap(), Err(GenerateError::ShutDown));
        let second = scope.spawn(|| ids.shutdown());
        // Long enough for one that does not wait.
        thread::sleep(Duration::from_millis(100));
        assert!(!first.is_finished() && !second.is_finished());
        let given_up = first.join().unwrap().unwrap_err();
        assert!(matches!(given_up, StoreError::Unavailable { .. }), "{given_up}");
        assert!(second.join().unwrap().is_err(), "nor has the second seen it given back");
    });
    health.set(Mood::Well);
    eventually("the worker is given back", || {
        let workers = FileStore::new(scratch.path()).survey().unwrap().workers;
        workers.iter().all(|worker| worker.owner.is_none()).then_some(())
    });
}

#[test]
fn i5_a_time_to_live_that_no_lease_has_is_refused() {
    for ttl in [Duration::ZERO, Duration::from_micros(999), MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        let (builder, health) = builder(&Scratch::new());
        let refused = builder.ttl(ttl).build().unwrap_err();
        assert!(matches!(refused, StoreError::Ttl { value, max: MAX_TTL } if value == ttl), "{refused}");
        assert_eq!(health.calls(), 0);
    }
}

/// A clock that tells how often it was read.
#[derive(Clone, Debug)]
struct Counted(Arc<ManualClock>, Arc<std::sync::atomic::AtomicU64>);

impl Clock for Counted {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }

    fn precise_unix_ns(&self) -> u128 {
        // ORDERING: Relaxed. One thread counts.
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.precise_unix_ns()
    }
}

/// Would catch: a call that is refused for other reasons than its lease, and asks again: it would wait twice as long.
#[test]
fn what_is_no_matter_of_the_lease_is_asked_once() {
    let scratch = Scratch::new();
    let (builder, _) = builder(&scratch);
    let counted = Counted(Arc::new(ManualClock::new(SystemClock.unix_ms())), Arc::default());
    let reads = || counted.1.load(std::sync::atomic::Ordering::Relaxed);
    let ids = builder.ttl(MAX_TTL).clock(counted.clone()).build().unwrap();
    while ids.try_generate().is_ok() {}
    let before = reads();
    let plain = casflake::Generator::with_clock(ids.worker(), counted.clone());
    while plain.try_generate().is_ok() {}
    let of_plain = reads() - before;
    let before = reads();
    assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
    assert_eq!(reads() - before, of_plain);
}

/// A mere name.
struct Orders;

impl Scheme for Orders {
    const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000);
}

#[test]
fn statistics_of_a_scheme_without_derives_are_values_all_the_same() {
    fn is_value<T: Clone + PartialEq + std::fmt::Debug>(value: &T) {
        assert!(value.clone() == *value && !format!("{value:?}").is_empty());
    }
    let scratch = Scratch::new();
    FileStore::new(scratch.path()).init_immediately(&Orders::LAYOUT, 2).unwrap();
    let ids: LeasedGenerator<Orders> = LeasedGenerator::new(FileStore::new(scratch.path())).unwrap();
    let stats: LeaseStats<Orders> = ids.stats();
    is_value(&stats);
    let token = stats.lease.token();
    assert!(!format!("{stats:?}").contains(&token.to_string()), "who has read a log can't renew");
}
