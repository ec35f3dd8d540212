//! Each setting of a builder reaches the part of the generator that it is for.

use std::sync::Arc;
use std::time::Duration;

use casflake::{ManualClock, Scheme, Standard, Wait};

use crate::backend_store::BackendStore;
use crate::error::StoreError;
use crate::generator::{LeasedGenerator, LeasedGeneratorBuilder};
use crate::memory::Memory;
use crate::store::LeaseAdmin;

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
