//! The switch from one lease's generator to the next one's, and its end.

use std::sync::Arc;

use casflake::{GenerateError, Generator, GeneratorBuilder, WorkerId};
use casflake_lease::_simulation::Switch;
use casflake_loom_tests::{Bit, Issued, Outcome, Time, bounded, exhaustive, together};

type Leases = Switch<Bit, Time>;

/// Returns a generator for the window from `not_before` on, with a clock that stands in its first tick.
fn generator(not_before: u64) -> Generator<Bit, Time> {
    let builder = GeneratorBuilder::new(WorkerId::<Bit>::fixed_in::<0, 1>(), Time::at(not_before));
    builder.not_before(not_before).build().expect("settings that fit")
}

fn leases() -> Arc<Leases> {
    Arc::new(Switch::new(generator(1)))
}

/// Draws an ID as a leased generator's call does.
fn take(leases: &Leases) -> Outcome {
    loop {
        let count = leases.count();
        let outcome = leases.current().try_generate();
        let is_replaced = outcome == Err(GenerateError::Closed) && leases.count() != count;
        if !is_replaced {
            return outcome;
        }
    }
}

/// Replaces the generator as the keeper's thread does: closes it, and publishes one that begins after its last tick.
fn replace(leases: &Leases) -> Vec<Outcome> {
    let last = leases.current().close();
    let _ = leases.publish(generator(last.unwrap_or(0) + 1));
    Vec::new()
}

/// Replaces a generator that has issued nothing. Returns whether the next one was published.
fn publish(leases: &Leases) -> bool {
    leases.current().close();
    leases.publish(generator(2)).is_ok()
}

fn assert_closed_at_most(outcomes: &[Vec<Outcome>]) {
    for error in outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, GenerateError::Closed | GenerateError::Exhausted { .. }), "{error}");
    }
}

/// Would catch: a generator that is published before it is complete, or before the previous one is closed; a count that
/// is seen before the generator, so that calls go back to the first one.
#[test]
fn i1_i2_ids_are_distinct_and_increase_over_a_switch() {
    exhaustive(|| {
        let leases = leases();
        let outcomes = together(
            &leases,
            [replace, |leases| {
                let outcomes = vec![take(leases), take(leases)];
                assert!(
                    leases.count() == 0 || !leases.current().is_closed(),
                    "the first one is closed, not the second"
                );
                outcomes
            }],
        );
        assert_closed_at_most(&outcomes);
        assert!(Issued::by(outcomes).count() <= 2 && leases.count() == 1);
    });
}

/// Would catch: a thread that goes on with the first generator after another thread got an ID of the second.
#[test]
fn i2_ids_are_distinct_for_two_threads_over_a_switch() {
    bounded(2, || {
        let leases = leases();
        let take: fn(&Leases) -> Vec<Outcome> = |leases| vec![take(leases)];
        let outcomes = together(&leases, [replace, take, take]);
        assert_closed_at_most(&outcomes);
        assert!(Issued::by(outcomes).count() <= 2);
    });
}

/// Would catch: an end that closes the generator before the last one; a generator that is published after the end.
#[test]
fn i8_no_call_gets_an_id_after_the_end_even_during_a_replacement() {
    bounded(2, || {
        let leases = leases();
        let end: fn(&Leases) -> Vec<Outcome> = |leases| {
            let last = leases.end();
            let count = leases.count();
            assert_eq!(take(leases), Err(GenerateError::Closed), "this call begins after the end");
            assert_eq!((leases.end(), leases.count()), (last, count), "ending twice is harmless");
            Vec::new()
        };
        let outcomes = together(&leases, [replace, end, |leases| vec![take(leases)]]);
        assert_closed_at_most(&outcomes);
        let last = leases.end();
        let issued = Issued::by(outcomes);
        // The end returns the last tick of the last generator. `close` has returned those before.
        assert!(leases.count() == 1 || issued.ticks().max() == last, "{issued:?} {last:?}");
        assert!(leases.current().is_closed());
    });
}

/// Would catch: a publication that is lost, or is reported as done, if the end comes in between.
#[test]
fn i8_a_publication_succeeds_or_the_end_was_first() {
    exhaustive(|| {
        let leases = leases();
        let publish: fn(&Leases) -> bool = publish;
        let outcomes = together(
            &leases,
            [publish, |leases| {
                leases.end();
                false
            }],
        );
        assert_eq!(leases.count() == 1, outcomes[0]);
        assert!(leases.has_ended() && leases.current().is_closed());
        assert!(leases.publish(generator(3)).is_err(), "no generator is published after the end");
    });
}

/// Would catch: a publication that counts as failed because a drain came in between, so that calls that began before
/// the drain wait in vain; a drain that a publication undoes.
#[test]
fn i8_a_drain_allows_a_publication_but_hides_the_generator_from_new_calls() {
    exhaustive(|| {
        let leases = leases();
        let publish: fn(&Leases) -> bool = publish;
        let outcomes = together(
            &leases,
            [publish, |leases| {
                leases.drain();
                leases.open().is_none()
            }],
        );
        assert_eq!(outcomes, [true, true]);
        assert!(leases.open().is_none() && leases.count() == 1);
        assert!(!leases.has_ended() && !leases.current().is_closed(), "calls that began before the drain get its IDs");
        leases.end();
        assert!(leases.has_ended() && leases.current().is_closed());
    });
}
