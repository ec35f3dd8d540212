//! The end of a layout's time.

use casflake::{GenerateError, Generator, ManualClock, WorkerId};

use super::{EPOCH, SIZE, TINY, drain, slot, tiny};

const OUT: GenerateError = GenerateError::OutOfTicks { max_tick: 7 };

#[test]
fn i5_the_last_tick_is_used_to_its_last_slot_and_then_calls_fail() {
    let ids = Generator::with_clock(TINY, ManualClock::new(5_007));
    let (last, error) = drain(&ids, 4);
    assert_eq!(last.into_iter().map(slot).collect::<Vec<_>>(), [(7, 0), (7, 1), (7, 2), (7, 3)]);
    assert_eq!(error, OUT);
    assert!(!error.is_retryable());
    for unix_ms in [5_000, 5_007, 5_008, u64::MAX] {
        ids.clock().set(unix_ms);
        assert_eq!((ids.generate(), ids.try_generate()), (Err(OUT), Err(OUT)));
    }
    assert_eq!((ids.stats().ids, ids.last_tick()), (4, Some(7)));
}

#[test]
fn i5_a_clock_beyond_the_end_changes_nothing_and_can_come_back() {
    let ids = Generator::with_clock(TINY, ManualClock::new(5_003));
    ids.generate().expect("an ID");
    let before = ids.stats();
    // The last but one would be tick 0 if it were shifted by the sequence's 2 bits without a check.
    for unix_ms in [5_008, 5_009, 6_000, 5_000 + (1 << 62), u64::MAX] {
        ids.clock().set(unix_ms);
        assert_eq!((ids.generate(), ids.try_generate()), (Err(OUT), Err(OUT)));
    }
    assert_eq!(ids.stats(), before);
    ids.clock().set(5_003);
    assert_eq!(ids.generate().map(slot), Ok((3, 1)));
}

#[test]
fn i5_a_first_reading_beyond_the_end_changes_nothing() {
    let ids = Generator::with_clock(TINY, ManualClock::new(u64::MAX));
    assert_eq!(ids.generate(), Err(OUT));
    assert_eq!(ids.last_tick(), None);
    ids.clock().set(5_000);
    assert_eq!(ids.generate().map(slot), Ok((0, 0)));
}

#[test]
fn i6_a_batch_that_reaches_the_end_keeps_its_ids() {
    let ids = tiny(5_007, |builder| builder);
    let error = ids.generate_batch(9).unwrap_err();
    let slots: Vec<_> = error.issued().iter().map(|id| slot(*id)).collect();
    assert_eq!((slots, error.error()), (vec![(7, 0), (7, 1), (7, 2), (7, 3)], OUT));
}

#[test]
fn i5_a_lead_does_not_reach_over_the_end() {
    let ids = tiny(5_006, |builder| builder.max_lead(7));
    let (last, error) = drain(&ids, 8);
    assert_eq!((last.len(), error), (8, OUT));
    assert_eq!(last.into_iter().map(slot).next_back(), Some((7, 3)));
}

#[test]
fn i5_the_last_tick_of_41_bits_is_used_and_then_calls_fail() {
    let max_tick = (1 << 41) - 1;
    let ids = Generator::with_clock(WorkerId::fixed::<31, 31>(), ManualClock::new(EPOCH + max_tick));
    let (last, error) = drain(&ids, SIZE);
    assert_eq!(last.last().map(|id| id.as_u64()), Some((1 << 63) - 1));
    assert_eq!((last.len(), error), (SIZE, GenerateError::OutOfTicks { max_tick }));
}
