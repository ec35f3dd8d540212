//! Each setting of a builder reaches the part of the generator that it is for.

use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{error, fmt, thread};

use casflake::{GenerateError, IdGenerator, ManualClock, Scheme, Snowflake, Standard, Wait, WorkerId};
use testkit::eventually;

use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::generator::{LeaseStats, LeasedGenerator, LeasedGeneratorBuilder};
use crate::lease::Lease;
use crate::memory::Memory;
use crate::request::{AcquireRequest, Grant, Renewal};
use crate::store::{LeaseAdmin, LeaseStore};

const MAX_WAIT: Duration = Duration::from_secs(77);

fn builder(memory: &Memory) -> LeasedGeneratorBuilder<BackendStore<Memory>> {
    BackendStore::on(memory.clone()).init_immediately(&Standard::LAYOUT, 1).unwrap();
    LeasedGenerator::builder(BackendStore::on(memory.clone()))
}

#[test]
fn l17_each_setting_reaches_the_plan() {
    let memory = Memory::new();
    let builder = builder(&memory).ttl(Duration::from_secs(9)).owner("us").wait(Wait::Sleep).max_wait(MAX_WAIT);
    let builder = builder.strict(true).max_lead(5).wait_for_worker(Duration::from_secs(3)).create_if_missing();
    let plan = format!("{:?}", builder.plan);
    let expected = "Plan { ttl: 9s, owner: \"us\", wait: Sleep, max_wait: 77s, strict: true, max_lead: 5 }";
    assert_eq!(plan, expected);
    assert_eq!((builder.patience, builder.creates), (Duration::from_secs(3), true));
    let shown = format!("{builder:?}");
    assert!(shown.contains(expected) && shown.contains("patience: 3s"), "{shown}");
}

#[test]
fn l17_each_setting_reaches_the_calls_and_the_store() {
    let memory = Memory::new();
    let ids = builder(&memory).ttl(Duration::from_secs(9)).owner("us").max_wait(MAX_WAIT).build().unwrap();
    assert_eq!((ids.max_wait, ids.is_by_store), (MAX_WAIT, true));
    let lease = ids.stats().lease;
    assert_eq!(lease.until() - lease.from(), 9000);
    let workers = BackendStore::on(memory.clone()).survey().unwrap().workers;
    assert_eq!(workers[0].owner.as_deref(), Some("us"));
    assert!(format!("{ids:?}").starts_with("LeasedGenerator { generator: Generator {"), "{ids:?}");
    ids.shutdown().unwrap();
    memory.advance(Duration::from_secs(1));
    let ids = builder(&memory).clock(Arc::new(ManualClock::new(1_800_000_001_000))).build().unwrap();
    assert!(!ids.is_by_store, "a clock of the host");
}

/// Would catch: a call through the trait that waits although it must not, or does not although it may.
#[test]
fn i8_a_try_through_the_trait_does_not_wait_and_a_call_does() {
    let memory = Memory::new();
    let clock = Arc::new(ManualClock::new(1_800_000_000_000));
    let ids = builder(&memory).max_wait(Duration::from_millis(20)).clock(clock).build().unwrap();
    while ids.try_generate().is_ok() {}
    let ids: &dyn IdGenerator = &ids;
    assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
    assert!(matches!(ids.generate(), Err(GenerateError::ClockStalled { .. })));
}

#[test]
fn a_lead_longer_than_the_longest_is_refused() {
    let memory = Memory::new();
    for lead in [999, 1000] {
        builder(&memory).max_lead(lead).build().unwrap().shutdown().unwrap();
        memory.advance(Duration::from_secs(1));
    }
    for value in [1001, u64::MAX] {
        let refused = builder(&memory).max_lead(value).build();
        assert!(matches!(refused, Err(StoreError::Lead { value: named, max: 1000 }) if named == value));
    }
}

/// Would catch: a thread that is not started, a shutdown that does nothing, a switch that stays open.
#[test]
fn l5_a_generator_issues_ids_until_it_is_shut_down_drained_or_dropped() {
    type Leased = LeasedGenerator;
    let ends: [fn(&Leased); 3] =
        [|ids| ids.shutdown().unwrap(), |ids| ids.drain(Duration::from_secs(60)).unwrap(), |_| ()];
    let memory = Memory::new();
    for end in ends {
        let ids = builder(&memory).build().unwrap();
        let mut buffer = [Snowflake::MIN; 10];
        ids.fill(&mut buffer).unwrap();
        IdGenerator::fill(&ids, &mut buffer[5..]).unwrap();
        assert!(buffer.is_sorted_by(|one, next| one < next));
        assert_eq!((ids.generate_batch(7).unwrap().len(), ids.stats().generator.ids), (7, 22));
        assert_eq!((ids.stats().remaining.is_zero(), ids.stats().waiting), (false, 0));
        end(&ids);
        let outcome = ids.try_generate();
        drop(ids);
        let worker = &BackendStore::on(memory.clone()).survey().unwrap().workers[0];
        assert_eq!(worker.owner, None, "it is released");
        assert!(matches!(outcome, Ok(_) | Err(GenerateError::ShutDown)));
        memory.advance(Duration::from_secs(1));
    }
}

/// Would catch: calls that wait until the keeper has come back from the store, because the shutdown itself tells nobody.
#[test]
fn i8_a_shutdown_tells_the_calls_that_wait_and_so_does_the_end_of_the_keeper() {
    let memory = Memory::new();
    let ids = builder(&memory).build().unwrap();
    // The clock of the store stands still and the TTL is 30 s, so no renewal tells anything.
    let news = ids.shared.signal.news();
    ids.shutdown().unwrap();
    assert_eq!(ids.shared.signal.news(), news + 2);
}

#[test]
fn a_wait_for_the_first_worker_is_reported() {
    let memory = Memory::new();
    let first = builder(&memory).build().unwrap();
    let (sender, events) = mpsc::channel();
    let waiting = LeasedGenerator::<Standard>::builder(BackendStore::on(memory.clone()));
    let waiting = waiting.wait_for_worker(Duration::from_secs(60)).on_event(move |event| {
        let _ = sender.send(event.to_string());
    });
    thread::scope(|scope| {
        let building = scope.spawn(|| waiting.build().unwrap());
        let reported = events.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(reported.starts_with("waiting for a worker: "), "{reported}");
        first.shutdown().unwrap();
        memory.advance(Duration::from_secs(1));
        building.join().unwrap().generate().unwrap();
    });
}

#[test]
fn statistics_are_equal_only_if_each_of_them_is() {
    let memory = Memory::new();
    let stats = builder(&memory).build().unwrap().stats();
    assert!(stats.clone() == stats && format!("{stats:?}").starts_with("LeaseStats { worker: "));
    let changes: [fn(&mut LeaseStats<Standard>); 10] = [
        |stats| stats.worker = WorkerId::from_index(9).unwrap(),
        |stats| stats.lease.until += 1,
        |stats| stats.remaining += Duration::from_secs(1),
        |stats| stats.acquired += 1,
        |stats| stats.renewals += 1,
        |stats| stats.failures += 1,
        |stats| stats.last_error = Some("no store".into()),
        |stats| stats.expired += 1,
        |stats| stats.waiting += 1,
        |stats| stats.generator.ids += 1,
    ];
    for change in changes {
        let mut other = stats.clone();
        change(&mut other);
        assert!(other != stats, "{other:?}");
    }
}

/// An error of a store that panics when it is dropped.
#[derive(Debug)]
struct Explosive;

impl fmt::Display for Explosive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no luck")
    }
}

impl error::Error for Explosive {}

impl Drop for Explosive {
    fn drop(&mut self) {
        resume_unwind(Box::new("a bug of the store"));
    }
}

/// A store whose first renewal fails with such an error, whose second renewal panics with such a payload, and that panics
/// when it is dropped.
struct Failing {
    store: BackendStore<Memory>,
    renewals: u32,
}

impl Drop for Failing {
    fn drop(&mut self) {
        resume_unwind(Box::new("a bug of the store"));
    }
}

impl LeaseStore for Failing {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.store.acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        self.renewals += 1;
        match self.renewals {
            1 => Err(StoreError::unavailable("asking", Explosive)),
            2 => resume_unwind(Box::new(Explosive)),
            _ => self.store.renew(renewal),
        }
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.store.release(lease, last_tick)
    }
}

/// Would catch: an error, a payload or a store that ends the keeper's thread when it is dropped.
#[test]
fn whatever_panics_when_it_is_dropped_does_not_end_the_keeper() {
    let memory = Memory::new();
    let _ = builder(&memory);
    let store = Failing { store: BackendStore::on(memory.clone()), renewals: 0 };
    let ids = LeasedGenerator::<Standard>::builder(store).ttl(Duration::from_millis(300)).build().unwrap();
    eventually("a renewal", || (ids.stats().renewals > 0).then_some(()));
    ids.shutdown().unwrap();
    assert_eq!(BackendStore::on(memory).survey().unwrap().workers[0].owner, None, "released");
}
