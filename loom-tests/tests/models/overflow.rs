//! The slots of a tick run out: calls wait for the next tick while others race into it.

use std::time::Duration;

use casflake::GenerateError;
use casflake_loom_tests::{Ids, Issued, Outcome, Time, bounded, exhaustive, generator_with, together};

fn generate(ids: &Ids, calls: usize) -> Vec<Outcome> {
    (0..calls).map(|_| ids.generate()).collect()
}

/// Would catch: a wait that goes on with the word from its beginning, or that misses the tick; a slot that a waiting
/// call and a new one both get.
#[test]
fn i1_waiting_calls_and_new_ones_get_distinct_slots_of_the_next_tick() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.clock(Time::moving_from(1)));
        let outcomes = together(&ids, [|ids| generate(ids, 2), |ids| generate(ids, 2)]);
        assert!(outcomes.iter().flatten().all(Result::is_ok), "the clock goes on: {outcomes:?}");
        let _: Issued = Issued::by(outcomes);
    });
}

/// Would catch: a wait that ends when its tick has begun, although other calls have taken all of it.
#[test]
fn i4_a_call_that_finds_its_tick_full_waits_for_the_next() {
    bounded(2, || {
        let ids = generator_with(|builder| builder.clock(Time::moving_from(1)));
        let full = generate(&ids, 2);
        let one: fn(&Ids) -> Vec<Outcome> = |ids| generate(ids, 1);
        let mut outcomes = together(&ids, [one, one, one]);
        assert!(outcomes.iter().flatten().all(Result::is_ok), "the clock goes on: {outcomes:?}");
        outcomes.push(full);
        assert_eq!(Issued::by(outcomes).count(), 5);
    });
}

/// Would catch: a wait that reads the lagging clock, or uses an old reading, and so never sees the tick begin.
#[test]
fn i4_a_call_waits_for_a_clock_that_another_thread_moves() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.clock(Time::at(1).lagging()));
        let full = generate(&ids, 2);
        let tick: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(2);
            Vec::new()
        };
        let mut outcomes = together(&ids, [tick, |ids| generate(ids, 2)]);
        assert!(outcomes.iter().flatten().all(Result::is_ok), "the next tick has room for both: {outcomes:?}");
        outcomes.push(full);
        assert_eq!(Issued::by(outcomes).count(), 4);
    });
}

/// Would catch: a wait that never ends because the clock stands still; a refused call that has moved the word (I6).
#[test]
fn i4_a_clock_that_stands_still_ends_the_wait_with_an_error() {
    const MAX_WAIT: Duration = Duration::from_nanos(300); // three readings
    exhaustive(|| {
        let ids = generator_with(|builder| builder.max_wait(MAX_WAIT));
        let outcomes = together(&ids, [|ids| generate(ids, 2), |ids| generate(ids, 1)]);
        let refused: Vec<_> = outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert_eq!(refused, [&GenerateError::ClockStalled { max_wait: MAX_WAIT }], "two slots for three calls");
        let _: Issued = Issued::by(outcomes);
        ids.clock().set(2);
        let next = ids.generate().expect("the clock goes on");
        assert_eq!((next.tick(), next.sequence()), (2, 0));
    });
}
