//! `close`: no ID is issued after it, and every ID issued before is at or below the tick that it returns.

use casflake::{GenerateError, Generator, ManualClock};

use super::clocks::Interrupted;
use super::{NOW_MS, SIZE, TICK, WORKER, drain, on, slot, tiny};

#[test]
fn i8_closing_before_the_first_id_returns_none_however_often() {
    for ids in [tiny(5_003, |builder| builder), tiny(5_003, |builder| builder.not_before(2))] {
        assert!(!ids.is_closed());
        assert_eq!((ids.close(), ids.close(), ids.is_closed()), (None, None, true));
        assert_eq!(ids.generate(), Err(GenerateError::Closed));
        assert_eq!((ids.stats().ids, ids.stats().last_tick), (0, None));
    }
}

#[test]
fn i8_closing_returns_the_last_tick_however_often() {
    let ids = on(ManualClock::new(NOW_MS));
    ids.generate().expect("an ID");
    assert_eq!((ids.close(), ids.close(), ids.last_tick()), (Some(TICK), Some(TICK), Some(TICK)));
}

/// The word after a full tick is in the next tick, of which no ID was issued.
#[test]
fn i8_closing_after_a_full_tick_returns_that_tick_and_not_the_next() {
    let ids = on(ManualClock::new(NOW_MS));
    drain(&ids, SIZE);
    assert_eq!(ids.close(), Some(TICK));
    let last = tiny(5_007, |builder| builder);
    drain(&last, 4);
    assert_eq!(last.close(), Some(7), "the carry out of the layout's last tick");
}

#[test]
fn i8_a_closed_generator_refuses_every_call_and_does_not_change() {
    let ids = on(ManualClock::new(NOW_MS));
    ids.generate().expect("an ID");
    let before = ids.stats();
    ids.close();
    for unix_ms in [0, NOW_MS - 1, NOW_MS, NOW_MS + 1, u64::MAX] {
        ids.clock().set(unix_ms);
        assert_eq!((ids.generate(), ids.try_generate()), (Err(GenerateError::Closed), Err(GenerateError::Closed)));
        let batch = ids.generate_batch(5).unwrap_err();
        assert_eq!((batch.error(), batch.issued().len()), (GenerateError::Closed, 0));
        let fill = ids.fill(&mut [casflake::Snowflake::MIN; 5]).unwrap_err();
        assert_eq!((fill.error(), fill.filled()), (GenerateError::Closed, 0));
    }
    assert!(!GenerateError::Closed.is_retryable());
    assert_eq!(ids.extend_fence(1 << 41), Ok(()));
    assert_eq!((ids.stats(), ids.close()), (before, Some(TICK)));
}

fn interrupted() -> &'static Generator<casflake::Standard, Interrupted> {
    Box::leak(Box::new(Generator::with_clock(WORKER, Interrupted::new(NOW_MS))))
}

#[test]
fn i8_a_caller_that_waits_for_an_overflow_ends_when_another_closes() {
    let ids = interrupted();
    drain(ids, SIZE);
    ids.clock().interrupt(4, || assert_eq!(ids.close(), Some(TICK)));
    assert_eq!(ids.generate(), Err(GenerateError::Closed));
}

/// The slot was free and the clock agreed, but the generator closed before it was taken.
#[test]
fn i8_a_caller_that_is_about_to_take_a_slot_gets_none_once_closed() {
    let ids = interrupted();
    assert_eq!(ids.generate().map(slot), Ok((TICK, 0)));
    ids.clock().interrupt(1, || assert_eq!(ids.close(), Some(TICK)));
    assert_eq!(ids.try_generate(), Err(GenerateError::Closed));
    assert_eq!(ids.stats().ids, 1);
}

#[test]
fn i8_a_batch_under_way_keeps_its_ids_when_another_closes() {
    let ids = interrupted();
    ids.generate_batch(SIZE - 3).expect("a batch");
    ids.clock().interrupt(2, || {
        if ids.stats().ids == SIZE as u64 {
            assert_eq!(ids.close(), Some(TICK));
        }
    });
    let error = ids.generate_batch(10).unwrap_err();
    assert_eq!((error.error(), error.issued().len()), (GenerateError::Closed, 3));
}
