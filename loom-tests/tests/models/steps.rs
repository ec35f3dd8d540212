//! The clock steps back, or seems to a thread that sees another's word.

use casflake::GenerateError;
use casflake_loom_tests::{
    Ids, Issued, Outcome, Time, exhaustive, exhaustive_or_bounded, generator, generator_with, together,
};

use crate::{assert_at_most_exhausted, take};

fn step_back(ids: &Ids) -> Vec<Outcome> {
    ids.clock().set(0);
    Vec::new()
}

/// Would catch: a step back that starts the tick anew, or one that opens an earlier tick.
#[test]
fn i4_a_clock_that_steps_back_makes_no_duplicate() {
    exhaustive(|| {
        let outcomes = together(&generator(), [step_back, |ids| take(ids, 2), |ids| take(ids, 1)]);
        for error in outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, GenerateError::Exhausted { .. } | GenerateError::ClockBehind { .. }), "{error}");
        }
        let issued = Issued::by(outcomes);
        assert!(issued.count() >= 2, "the tick that is open is used up: {issued:?}");
        assert!(issued.ticks().all(|tick| tick <= 1), "no later tick has begun: {issued:?}");
    });
}

/// Would catch: a wait for an overflow that a step back turns into a hang, a refusal or a duplicate.
#[test]
fn i4_an_overflow_and_a_step_back_together_cost_time_alone() {
    exhaustive_or_bounded(3, || {
        let ids = generator_with(|builder| builder.clock(Time::moving_from(1)));
        let filled = take(&ids, 2);
        let step_back_and_generate: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(0);
            vec![ids.generate()]
        };
        let mut outcomes = together(&ids, [step_back_and_generate, |ids| vec![ids.generate()]]);
        assert!(outcomes.iter().flatten().all(Result::is_ok), "{outcomes:?}");
        outcomes.push(filled);
        assert_eq!(Issued::by(outcomes).count(), 4);
    });
}

/// Would catch: a strict generator that hands out IDs of a tick that the clock has left backwards.
#[test]
fn i4_strict_refuses_from_the_step_back_on() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.strict(true));
        let first = take(&ids, 1);
        let step_and_take: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(0);
            take(ids, 1)
        };
        let mut outcomes = together(&ids, [step_and_take, |ids| take(ids, 1)]);
        assert!(
            matches!(outcomes[0].as_slice(), [Err(GenerateError::ClockBehind { .. })]),
            "it stepped back before this call: {outcomes:?}"
        );
        outcomes.push(first);
        let _: Issued = Issued::by(outcomes);
    });
}

/// Would catch: an exchange or a load of the word that is too weak. Then a thread can see another's word and not yet the
/// reading of the clock that it rests on, and take a clock that only moves forward for one that stepped back.
#[test]
fn i4_strict_never_takes_an_old_reading_for_a_step_back() {
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

/// Would catch: a clock that is read before the word, or a word that is taken from the exchange that was lost to another:
/// each is a step back to whoever has an older reading.
#[test]
fn i4_strict_never_takes_what_others_do_meanwhile_for_a_step_back() {
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
