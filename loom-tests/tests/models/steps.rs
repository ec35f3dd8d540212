//! The clock moves back, or seems to for a thread that sees another thread's word.

use casflake::GenerateError;
use casflake_loom_tests::{
    Ids, Issued, Outcome, Time, exhaustive, exhaustive_or_bounded, generator, generator_with, together,
};

use crate::{assert_at_most_exhausted, take};

fn move_back(ids: &Ids) -> Vec<Outcome> {
    ids.clock().set(0);
    Vec::new()
}

/// Would catch: a clock that moves back and so starts the tick anew, or opens an earlier tick.
#[test]
fn i4_a_clock_that_moves_back_causes_no_duplicate() {
    exhaustive(|| {
        let outcomes = together(&generator(), [move_back, |ids| take(ids, 2), |ids| take(ids, 1)]);
        for error in outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, GenerateError::Exhausted { .. } | GenerateError::ClockBehind { .. }), "{error}");
        }
        let issued = Issued::by(outcomes);
        assert!(issued.count() >= 2, "the tick that is open is used up: {issued:?}");
        assert!(issued.ticks().all(|tick| tick <= 1), "no later tick has begun: {issued:?}");
    });
}

/// Would catch: a wait for an overflow that hangs, is refused or returns a duplicate if the clock moves back.
#[test]
fn i4_an_overflow_with_a_clock_that_moves_back_costs_only_time() {
    exhaustive_or_bounded(3, || {
        let ids = generator_with(|builder| builder.clock(Time::moving_from(1)));
        let filled = take(&ids, 2);
        let move_back_and_generate: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(0);
            vec![ids.generate()]
        };
        let mut outcomes = together(&ids, [move_back_and_generate, |ids| vec![ids.generate()]]);
        assert!(outcomes.iter().flatten().all(Result::is_ok), "{outcomes:?}");
        outcomes.push(filled);
        assert_eq!(Issued::by(outcomes).count(), 4);
    });
}

/// Would catch: a strict generator that issues IDs of a tick that the clock has left backwards.
#[test]
fn i4_strict_refuses_calls_after_the_clock_moved_back() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.strict(true));
        let first = take(&ids, 1);
        let move_back_and_take: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(0);
            take(ids, 1)
        };
        let mut outcomes = together(&ids, [move_back_and_take, |ids| take(ids, 1)]);
        assert!(
            matches!(outcomes[0].as_slice(), [Err(GenerateError::ClockBehind { .. })]),
            "the clock moved back before this call: {outcomes:?}"
        );
        outcomes.push(first);
        let _: Issued = Issued::by(outcomes);
    });
}

/// Would catch: an exchange or a load of the word that is too weak. Then a thread can see another thread's word but not
/// yet the reading of the clock that it rests on, and conclude that a clock that only moves forward has moved back.
#[test]
fn i4_strict_never_refuses_a_call_because_of_an_old_reading() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.strict(true));
        let tick_and_take: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(2);
            take(ids, 1)
        };
        let outcomes = together(&ids, [tick_and_take, |ids| take(ids, 2)]);
        assert_at_most_exhausted(&outcomes);
        let _: Issued = Issued::by(outcomes);
    });
}

/// Would catch: a clock that is read before the word; a word that is taken from the failed exchange. To a thread with
/// an older reading, each of them looks like a clock that moved back.
#[test]
fn i4_strict_never_refuses_a_call_because_of_concurrent_calls() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.strict(true));
        let tick_and_take: fn(&Ids) -> Vec<Outcome> = |ids| {
            let call = |tick| {
                ids.clock().set(tick);
                ids.try_generate()
            };
            (2..=4).map(call).collect()
        };
        let outcomes = together(&ids, [tick_and_take, |ids| take(ids, 1)]);
        assert_at_most_exhausted(&outcomes);
        let _: Issued = Issued::by(outcomes);
    });
}
