//! Threads that race for the slots of a tick while the clock moves on.

use casflake_loom_tests::{
    Ids, Issued, Outcome, bounded, exhaustive, exhaustive_or_bounded, generator, generator_with, together,
};

use crate::{assert_at_most_exhausted, take};

fn check(outcomes: Vec<Vec<Outcome>>) -> Issued {
    assert_at_most_exhausted(&outcomes);
    let refused = outcomes.iter().flatten().any(Result::is_err);
    let issued = Issued::by(outcomes);
    let full = issued.ticks().any(|tick| issued.ticks().filter(|other| *other == tick).count() == 2);
    assert!(full || !refused, "a call was refused while each tick had a slot left: {issued:?}");
    issued
}

fn take_one(ids: &Ids) -> Vec<Outcome> {
    take(ids, 1)
}

fn take_two(ids: &Ids) -> Vec<Outcome> {
    take(ids, 2)
}

fn tick(ids: &Ids) -> Vec<Outcome> {
    ids.clock().set(2);
    Vec::new()
}

fn tick_take(ids: &Ids) -> Vec<Outcome> {
    [tick(ids), take_one(ids)].concat()
}

fn tick_take_take(ids: &Ids) -> Vec<Outcome> {
    [tick(ids), take_two(ids)].concat()
}

fn take_tick_take(ids: &Ids) -> Vec<Outcome> {
    [take_one(ids), tick_take(ids)].concat()
}

/// Would catch: a call that returns its slot although its CAS failed; a store in place of the exchange; a tick that two
/// threads open, each from sequence 0.
#[test]
fn i1_two_threads_get_two_distinct_ids_each() {
    for first in [tick_take_take, take_tick_take, take_two] {
        exhaustive(move || {
            check(together(&generator(), [first, take_two]));
        });
    }
}

/// Would catch: the same if the clock moves on in the middle of either call.
#[test]
fn i1_two_threads_get_distinct_ids_while_a_third_moves_the_clock() {
    exhaustive_or_bounded(3, || {
        check(together(&generator(), [tick, take_two, take_two]));
    });
}

/// Would catch: the same for a call that loses to one thread and then to another.
#[test]
fn i1_three_threads_get_one_distinct_id_each() {
    exhaustive(|| {
        check(together(&generator(), [tick_take, take_one, take_one]));
    });
}

/// Would catch: the same, with an overflow for each call with a failed CAS.
#[test]
fn i1_three_threads_get_two_distinct_ids_each() {
    bounded(3, || {
        check(together(&generator(), [take_tick_take, take_two, take_two]));
    });
}

/// Would catch: a lead that lets one thread take slots of a tick which another thread then opens anew.
#[test]
fn i1_two_threads_that_may_lead_the_clock_get_distinct_ids() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.max_lead(1));
        let issued = check(together(&ids, [take_tick_take, take_two]));
        assert_eq!(issued.count(), 4, "with the lead there is room for all");
    });
}
