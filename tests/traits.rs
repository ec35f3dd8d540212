//! The traits that users take for granted: values with equal contents are equal, and `Debug` shows the contents.

#![cfg(feature = "std")]

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use casflake::{Generator, GeneratorBuilder, MAX_BATCH, ManualClock, Scheme, Snowflake, Standard, Topology, WorkerId};

const UNIX_MS: u64 = 1_735_689_600_000;
const WORKER: WorkerId = WorkerId::fixed::<1, 7>();

/// Returns a generator that has issued `taken` IDs of its millisecond.
fn generator(taken: usize) -> Generator<Standard, ManualClock> {
    let ids = Generator::with_clock(WORKER, ManualClock::new(UNIX_MS));
    ids.fill(&mut vec![Snowflake::MIN; taken]).expect("IDs");
    ids
}

#[test]
fn batches_are_equal_if_their_ids_are() {
    let batch = |taken, count| generator(taken).generate_batch(count).expect("a batch");
    assert_eq!(batch(0, 3), batch(0, 3));
    assert_eq!(batch(0, 3), batch(0, 3).clone());
    assert_ne!(batch(0, 3), batch(0, 4), "one more");
    assert_ne!(batch(0, 3), batch(1, 3), "other IDs");
}

#[test]
fn batch_errors_are_equal_if_both_their_errors_and_their_ids_are() {
    let refused = |taken, fence, count| {
        let ids = GeneratorBuilder::new(WORKER, ManualClock::new(UNIX_MS)).fence(fence).max_lead(1).build();
        let ids = ids.expect("a window");
        ids.fill(&mut vec![Snowflake::MIN; taken]).expect("IDs");
        ids.generate_batch(count).expect_err("a batch that can't be whole")
    };
    let tick = Standard::LAYOUT.tick_at(UNIX_MS).expect("a time of the layout");
    assert_eq!(refused(0, tick + 1, 5000), refused(0, tick + 1, 5000));
    assert_ne!(refused(0, tick + 1, 5000), refused(1, tick + 1, 5000), "the same cause, other IDs");
    assert_ne!(refused(0, tick + 1, 0), refused(0, tick + 1, MAX_BATCH + 1), "no IDs, another cause");
}

#[test]
fn an_id_is_its_number_in_every_form() {
    let id = generator(1).generate().expect("an ID");
    let number = id.as_u64();
    assert_eq!((u64::from(id), u128::try_from(i64::from(id))), (number, Ok(u128::from(number))));
    assert_eq!(
        format!("{id} {id:x} {id:X} {id:o} {id:b}"),
        format!("{number} {number:x} {number:X} {number:o} {number:b}")
    );
    assert_eq!(format!("{id:#x} {id:#o} {id:#b}"), format!("{number:#x} {number:#o} {number:#b}"));
}

fn hashed(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn ids_hash_as_their_numbers_do() {
    let id = generator(1).generate().expect("an ID");
    assert_eq!(hashed(id), hashed(id.as_u64()));
}

#[test]
fn workers_compare_and_hash_as_their_pairs_do() {
    let pairs: Vec<(u64, u64)> = (0..3).flat_map(|datacenter| (0..3).map(move |worker| (datacenter, worker))).collect();
    let worker = |(datacenter, worker)| WorkerId::<Standard>::new(datacenter, worker).expect("a worker");
    for &one in &pairs {
        for &other in &pairs {
            assert_eq!(worker(one).partial_cmp(&worker(other)), one.partial_cmp(&other));
            assert_eq!(hashed(worker(one)) == hashed(worker(other)), one == other, "{one:?} {other:?}");
        }
    }
}

/// Checks that the `Debug` form of a value has these texts.
#[track_caller]
fn assert_says(value: &dyn Debug, texts: &[&str]) {
    let debug = format!("{value:?}");
    for text in texts {
        assert!(debug.contains(text), "{text} is not in: {debug}");
    }
}

#[test]
fn debug_shows_the_contents_of_a_value() {
    let ids = generator(0);
    let batch = ids.generate_batch(2).expect("a batch");
    let last = batch[1].to_string();
    assert_says(&batch[1], &[&last, "sequence: 1", "worker: 7", "datacenter: 1", "unix_ms: 1735689600000"]);
    assert_says(&batch, &[&last]);
    let refused = ids.generate_batch(0).expect_err("a count of 0");
    assert_says(&refused, &["error: Count: the size of the batch, 0, is out of range", "issued: []"]);
    assert_says(ids.clock(), &["unix_ms: 1735689600000"]);
    assert_says(&WORKER, &["WorkerId(1/7)"]);
    assert_says(
        &ids,
        &["worker: WorkerId(1/7)", "closed: false", "clock: ManualClock", "last_tick: Some(31622400000)"],
    );
    assert_says(&ids.stats(), &["ids: 2", "2..=3: 1}"]);
    let builder = GeneratorBuilder::new(WORKER, ManualClock::new(1)).max_lead(3);
    assert_says(&builder, &["worker: WorkerId(1/7)", "unix_ms: 1", "max_lead: 3"]);
    let system = Topology::<Standard, _>::with_clock(1, 2, ids.clock()).expect("two workers");
    assert_says(&system, &["[[Generator {", "worker: WorkerId(0/1)"]);
    assert_says(system.datacenter(0).expect("the one"), &["[Generator {", "worker: WorkerId(0/1)"]);
}
