//! `close` races calls.

use casflake::GenerateError;
use casflake_loom_tests::{Ids, Issued, Outcome, exhaustive, generator, together};

use crate::take;

/// The result of a part: the outcomes of its calls, or the return value of its `close`.
#[derive(Debug)]
enum Part {
    Took(Vec<Outcome>),
    Closed(Option<u64>),
}

fn taken(parts: Vec<Part>) -> Vec<Vec<Outcome>> {
    let taken = |part| if let Part::Took(outcomes) = part { Some(outcomes) } else { None };
    parts.into_iter().filter_map(taken).collect()
}

fn closed(parts: &[Part]) -> Vec<Option<u64>> {
    parts.iter().filter_map(|part| if let Part::Closed(last) = part { Some(*last) } else { None }).collect()
}

/// Would catch: closing as a load and a store, so that a reservation in between counts but is not reported; an ID after
/// a refusal.
#[test]
fn i8_no_id_lies_after_what_close_returned() {
    exhaustive(|| {
        let ids = generator();
        let tick_and_close: fn(&Ids) -> Part = |ids| {
            ids.clock().set(2);
            let last = ids.close();
            assert_eq!(ids.try_generate(), Err(GenerateError::Closed), "this call begins after closing");
            Part::Closed(last)
        };
        let parts = together(&ids, [tick_and_close, |ids| Part::Took(take(ids, 3))]);
        let last = closed(&parts)[0];
        let outcomes = taken(parts);
        let closed_at = outcomes[0].iter().position(|outcome| *outcome == Err(GenerateError::Closed));
        let after = &outcomes[0][closed_at.unwrap_or(3)..];
        assert!(after.iter().all(|outcome| *outcome == Err(GenerateError::Closed)), "{outcomes:?}");
        assert_eq!(Issued::by(outcomes).ticks().max(), last, "the last tick is exact");
        assert_eq!((ids.last_tick(), ids.close()), (last, last));
    });
}

/// Would catch: two calls of `close` that return different ends.
#[test]
fn i8_a_second_close_returns_the_same_last_tick() {
    exhaustive(|| {
        let close: fn(&Ids) -> Part = |ids| Part::Closed(ids.close());
        let parts = together(&generator(), [close, close, |ids| Part::Took(take(ids, 1))]);
        let closed = closed(&parts);
        assert_eq!(closed[0], closed[1]);
        assert_eq!(Issued::by(taken(parts)).ticks().max(), closed[0]);
    });
}

/// Would catch: a wait that does not load the word again, and so lasts longer than the generator.
#[test]
fn i8_close_ends_a_call_that_waits() {
    exhaustive(|| {
        let ids = generator();
        let full = take(&ids, 2);
        assert!(full.iter().all(Result::is_ok));
        let close: fn(&Ids) -> Part = |ids| Part::Closed(ids.close());
        let parts = together(&ids, [close, |ids| Part::Took(vec![ids.generate()])]);
        assert_eq!(closed(&parts), [Some(1)]);
        assert_eq!(taken(parts), [[Err(GenerateError::Closed)]]);
    });
}
