//! What a call books when it moves the word out of a tick. Here, and only here, the counters are loom's as well.

use casflake_loom_tests::{Ids, Issued, Outcome, exhaustive, generator, together};

use crate::take;

fn assert_booked(ids: &Ids, outcomes: Vec<Vec<Outcome>>) {
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

/// Would catch: a tick that is booked by a call that lost the move out of it, by two, or by none.
#[test]
fn what_was_booked_is_what_was_issued() {
    fn tick_and_take(ids: &Ids) -> Vec<Outcome> {
        ids.clock().set(2);
        take(ids, 2)
    }
    exhaustive(|| {
        let ids = generator();
        let outcomes = together(&ids, [tick_and_take, |ids| take(ids, 2)]);
        assert_booked(&ids, outcomes);
    });
}

/// Would catch: counters so weak that a snapshot sees a tick booked and, by an older word, still open: it would count it
/// twice.
#[test]
fn a_snapshot_never_tells_more_than_was_issued() {
    fn look(ids: &Ids) -> Vec<Outcome> {
        let stats = ids.stats();
        // One ID was issued before, and one more is, which fills the tick.
        assert!(stats.ids <= 2 && stats.ticks <= 1, "{stats:?}");
        Vec::new()
    }
    exhaustive(|| {
        let ids = generator();
        let mut outcomes = vec![take(&ids, 1)];
        outcomes.extend(together(&ids, [look, |ids| take(ids, 1)]));
        assert_booked(&ids, outcomes);
    });
}

/// Would catch: numbers that fall while a tick is being booked.
#[test]
fn a_snapshot_never_tells_less_than_one_before() {
    fn look_twice(ids: &Ids) -> Vec<Outcome> {
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
        outcomes.extend(together(&ids, [look_twice, tick_and_take]));
        assert_booked(&ids, outcomes);
    });
}
