//! The statistics that a call records when it moves the word out of a tick. Only in these models the counters are
//! loom's as well.

use std::sync::Arc;
use std::time::Duration;

use casflake::{GenerateError, Generator, GeneratorBuilder, Layout, Scheme, WorkerId};
use casflake_loom_tests::{Ids, Issued, Outcome, Time, exhaustive, generator, generator_with, together};

use crate::take;

fn assert_recorded(ids: &Ids, outcomes: Vec<Vec<Outcome>>) {
    let issued = Issued::by(outcomes);
    let stats = ids.stats();
    let mut ticks: Vec<_> = issued.ticks().collect();
    let last = ticks.iter().copied().max();
    let in_last = ticks.iter().filter(|&&tick| Some(tick) == last).count() as u64;
    let most = ticks.iter().map(|tick| ticks.iter().filter(|other| *other == tick).count() as u64).max();
    ticks.sort_unstable();
    ticks.dedup();
    assert_eq!((stats.ids, stats.ticks, stats.last_tick), (issued.count(), ticks.len() as u64, last));
    assert_eq!(stats.tick_max_sequence, in_last.saturating_sub(1));
    assert_eq!(stats.max_sequence, most.unwrap_or(1) - 1);
    assert_eq!(stats.ids_per_tick.iter().map(|(_, ticks)| ticks).sum::<u64>(), stats.ticks);
}

/// Would catch: a tick that is recorded by a call that failed in its CAS out of it, by two calls, or by none.
#[test]
fn the_statistics_count_the_ids_that_were_issued() {
    fn tick_and_take(ids: &Ids) -> Vec<Outcome> {
        ids.clock().set(2);
        take(ids, 2)
    }
    exhaustive(|| {
        let ids = generator();
        let outcomes = together(&ids, [tick_and_take, |ids| take(ids, 2)]);
        assert_recorded(&ids, outcomes);
    });
}

/// Would catch: counters so weak that a snapshot sees a tick both recorded and, by an older word, still open. It would
/// count the tick twice.
#[test]
fn a_snapshot_never_counts_more_than_was_issued() {
    fn snapshot(ids: &Ids) -> Vec<Outcome> {
        let stats = ids.stats();
        // One ID was issued before, and one more is issued here, which fills the tick.
        assert!(stats.ids <= 2 && stats.ticks <= 1, "{stats:?}");
        Vec::new()
    }
    exhaustive(|| {
        let ids = generator();
        let mut outcomes = vec![take(&ids, 1)];
        outcomes.extend(together(&ids, [snapshot, |ids| take(ids, 1)]));
        assert_recorded(&ids, outcomes);
    });
}

/// Would catch: figures that fall while a tick is being recorded.
#[test]
fn a_snapshot_never_counts_less_than_one_before() {
    fn snapshot_twice(ids: &Ids) -> Vec<Outcome> {
        let (first, second) = (ids.stats(), ids.stats());
        assert!(first.ids <= second.ids && first.ticks <= second.ticks, "{first:?} {second:?}");
        assert!(first.last_tick <= second.last_tick, "{first:?} {second:?}");
        Vec::new()
    }
    fn tick_and_take(ids: &Ids) -> Vec<Outcome> {
        let open = take(ids, 1);
        ids.clock().set(2);
        [open, take(ids, 1)].concat()
    }
    exhaustive(|| {
        let ids = generator();
        let mut outcomes = vec![take(&ids, 1)];
        outcomes.extend(together(&ids, [snapshot_twice, tick_and_take]));
        assert_recorded(&ids, outcomes);
    });
}

/// Would catch: a maximum that a lower one overwrites.
#[test]
fn the_highest_sequence_of_two_ticks_is_kept() {
    struct Four;
    impl Scheme for Four {
        const LAYOUT: Layout = Layout::new(16, 0, 1, 2);
    }
    type Fours = Generator<Four, Time>;
    fn tick_and_take_three(ids: &Fours) -> u64 {
        ids.clock().set(2);
        ids.generate_batch(3).expect("three slots").max_sequence()
    }
    fn tick_and_take_one(ids: &Fours) -> u64 {
        ids.clock().set(3);
        ids.generate().expect("a slot").sequence()
    }
    exhaustive(|| {
        let builder = GeneratorBuilder::new(WorkerId::<Four>::fixed_in::<0, 1>(), Time::at(1));
        let ids = Arc::new(builder.build().expect("settings that fit"));
        let first = ids.generate_batch(2).expect("two slots").max_sequence();
        let others = together(&ids, [tick_and_take_three, tick_and_take_one]);
        assert_eq!(Some(ids.stats().max_sequence), others.into_iter().chain([first]).max());
    });
}

/// Would catch: one of two concurrent increments that is lost.
#[test]
fn each_wait_and_each_move_back_of_the_clock_is_counted() {
    const ONE_READING: Duration = Duration::from_nanos(100);
    fn wait(ids: &Ids) -> Vec<Outcome> {
        vec![ids.generate()]
    }
    exhaustive(|| {
        let ids = generator_with(|builder| builder.max_wait(ONE_READING));
        take(&ids, 2);
        for outcome in together(&ids, [wait, wait]).concat() {
            assert_eq!(outcome, Err(GenerateError::ClockStalled { max_wait: ONE_READING }));
        }
        ids.clock().set(0);
        for outcome in together(&ids, [|ids| take(ids, 1), |ids| take(ids, 1)]).concat() {
            assert!(matches!(outcome, Err(GenerateError::ClockBehind { .. })), "{outcome:?}");
        }
        let stats = ids.stats();
        assert_eq!((stats.overflow_waits, stats.clock_behind), (2, 2));
    });
}

/// Would catch: the same for two calls with a CAS that fails because of a third.
#[test]
fn each_failed_cas_is_counted() {
    fn take_one(ids: &Ids) -> Vec<Outcome> {
        take(ids, 1)
    }
    exhaustive(|| {
        // Each call reads the lagging clock once on the fast path, and then the precise clock once for each CAS, and
        // once more if it finds both slots taken.
        let ids = generator_with(|builder| builder.clock(Time::at(1).lagging()).not_before(1).strict(true));
        let outcomes = together(&ids, [take_one, take_one, take_one]);
        assert_eq!(outcomes.concat().iter().filter(|outcome| outcome.is_err()).count(), 1, "two slots for three calls");
        assert_eq!(ids.stats().cas_retries, ids.clock().looks() - 3 - Issued::by(outcomes).count() - 1);
    });
}
