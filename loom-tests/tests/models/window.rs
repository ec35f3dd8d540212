//! The window of ticks: a fence that moves while calls reach it, and a beginning that lies ahead.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use casflake::GenerateError;
use casflake_loom_tests::{AtomicU64, Ids, Issued, Outcome, exhaustive, generator_with, together};

use crate::take;

/// Would catch: a fence that admits its own tick; a refusal at the fence that has moved the word.
#[test]
fn i8_no_id_lies_at_the_fence_or_after_it_while_it_moves() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.fence(2));
        let tick_and_extend: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(2);
            ids.extend_fence(3).expect("a fence of the layout");
            ids.clock().set(3);
            Vec::new()
        };
        let outcomes = together(&ids, [tick_and_extend, |ids| take(ids, 3)]);
        for error in outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()) {
            let is_expected = matches!(error, GenerateError::Fenced { fence: 2 | 3 } | GenerateError::Exhausted { .. });
            assert!(is_expected, "{error}");
        }
        let issued = Issued::by(outcomes);
        assert!(issued.ticks().all(|tick| tick < 3), "{issued:?}");
        assert_eq!(ids.try_generate(), Err(GenerateError::Fenced { fence: 3 }));
    });
}

/// Would catch: a fence so weak that it refuses a call although the caller knows that the fence was extended.
#[test]
fn i8_a_caller_that_knows_of_the_new_fence_gets_ids_up_to_it() {
    struct KnownFence {
        ids: Arc<Ids>,
        extended: AtomicU64,
    }
    exhaustive(|| {
        let ids = generator_with(|builder| builder.fence(2));
        ids.clock().set(2);
        let known = Arc::new(KnownFence { ids, extended: AtomicU64::new(0) });
        let extend: fn(&KnownFence) = |known| {
            known.ids.extend_fence(3).expect("a fence of the layout");
            // ORDERING: Release, paired with the load below.
            known.extended.store(1, Ordering::Release);
        };
        let take: fn(&KnownFence) = |known| {
            // ORDERING: Acquire, paired with the store above.
            let extended = known.extended.load(Ordering::Acquire) == 1;
            let outcome = known.ids.try_generate();
            assert!(outcome.is_ok() || !extended, "{outcome:?}");
        };
        together(&known, [extend, take]);
    });
}

/// Would catch: a fence that is stored, so that the last of two calls moves it back.
#[test]
fn i8_a_fence_that_two_threads_extend_ends_at_the_higher_tick() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.fence(2));
        let extend: fn(&Ids) = |ids| ids.extend_fence(4).expect("a fence of the layout");
        together(&ids, [extend, |ids| ids.extend_fence(3).expect("a fence of the layout")]);
        assert_eq!(ids.fence(), 4);
    });
}

fn issued_in(outcomes: &[Vec<Outcome>]) -> usize {
    outcomes.iter().flatten().filter(|outcome| outcome.is_ok()).count()
}

/// Would catch: a beginning that is off by one, or an earlier call that has moved the word.
#[test]
fn i8_the_window_opens_with_its_first_slot() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.not_before(2));
        let tick_and_take: fn(&Ids) -> Vec<Outcome> = |ids| {
            ids.clock().set(2);
            take(ids, 1)
        };
        let outcomes = together(&ids, [tick_and_take, |ids| take(ids, 2)]);
        let mut taken = false;
        for outcome in &outcomes[1] {
            match outcome {
                Ok(_) => taken = true,
                Err(GenerateError::TooEarly { not_before: 2, .. }) => assert!(!taken, "{outcomes:?}"),
                Err(GenerateError::Exhausted { .. }) => assert_eq!(issued_in(&outcomes), 2, "{outcomes:?}"),
                Err(error) => panic!("{error}"),
            }
        }
        let issued = Issued::by(outcomes);
        assert!(issued.count() > 0 && issued.ticks().all(|tick| tick == 2), "{issued:?}");
    });
}
