//! A clock that steps back.

use casflake::{Clock, GenerateError, Generator, ManualClock, Standard, Twitter, WorkerId};

use super::clocks::Script;
use super::{EPOCH, HOUR_MS, NOW_MS, SIZE, TICK, drain, ms, on, slot, with};

/// Returns a generator that has used up the tick of `NOW_MS`.
fn full() -> Generator<Standard, Script> {
    let ids = on(Script::new([NOW_MS]));
    drain(&ids, SIZE);
    ids
}

/// Returns a generator with one ID issued at `NOW_MS`, and its clock at `unix_ms`.
fn begun(unix_ms: u64) -> Generator<Standard, ManualClock> {
    let ids = on(ManualClock::new(NOW_MS));
    assert_eq!(ids.try_generate().map(slot), Ok((TICK, 0)));
    ids.clock().set(unix_ms);
    ids
}

#[test]
fn i4_the_open_tick_is_used_up_before_a_step_back_is_refused() {
    for back in [1, 2, HOUR_MS] {
        let ids = begun(NOW_MS - back);
        let (rest, error) = drain(&ids, SIZE);
        let expected: Vec<_> = (1..SIZE as u64).map(|sequence| (TICK, sequence)).collect();
        assert_eq!(rest.into_iter().map(slot).collect::<Vec<_>>(), expected);
        assert_eq!(error, GenerateError::ClockBehind { by: ms(back) });
        assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(ms(back))));
    }
}

#[test]
fn i4_a_step_back_within_the_open_tick_is_not_counted() {
    let ids = begun(NOW_MS - 1);
    assert_eq!(ids.generate().map(slot), Ok((TICK, 1)));
    assert_eq!(ids.stats().clock_behind, 0);
}

#[test]
fn i4_a_call_waits_until_a_short_step_back_is_over() {
    let ids = full();
    ids.clock().then([NOW_MS - 1, NOW_MS - 1, NOW_MS - 1, NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    assert_eq!(ids.stats().clock_behind, 1);
}

#[test]
fn i4_a_short_step_back_that_does_not_end_is_refused_as_behind_not_stalled() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_wait(ms(3)));
    drain(&ids, SIZE);
    ids.clock().step_back(1);
    assert_eq!(ids.generate(), Err(GenerateError::ClockBehind { by: ms(1) }));
    assert_eq!(ids.stats().clock_behind, 1);
}

/// Three looks: the coarse one, the precise one and the one that confirms it. No wait.
#[test]
fn i4_a_step_back_by_an_hour_is_refused_immediately() {
    let ids = full();
    ids.clock().then([NOW_MS - HOUR_MS]);
    assert_eq!(ids.generate(), Err(GenerateError::ClockBehind { by: ms(HOUR_MS) }));
    assert_eq!(ids.clock().looks(), 3);
    assert_eq!(ids.stats().overflow_waits, 0);
}

#[test]
fn i4_an_overflow_wait_lasts_until_a_short_step_back_is_over() {
    let ids = full();
    ids.clock().then([NOW_MS, NOW_MS, NOW_MS - 1, NOW_MS - 1, NOW_MS - 1, NOW_MS - 1, NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    let stats = ids.stats();
    assert_eq!((stats.clock_behind, stats.overflow_waits, stats.ids), (1, 1, SIZE as u64 + 1));
}

#[test]
fn i4_a_step_back_during_an_overflow_wait_is_refused_not_hung() {
    let ids = full();
    ids.clock().then([NOW_MS, NOW_MS, NOW_MS, NOW_MS - HOUR_MS]);
    assert_eq!(ids.generate(), Err(GenerateError::ClockBehind { by: ms(HOUR_MS) }));
    assert_eq!(ids.clock().looks(), 5);
    let stats = ids.stats();
    assert_eq!((stats.clock_behind, stats.overflow_waits), (1, 1));
}

#[test]
fn i4_one_precise_reading_does_not_prove_a_step_back() {
    let ids = full();
    ids.clock().then([NOW_MS, NOW_MS - HOUR_MS, NOW_MS]);
    assert_eq!(ids.try_generate(), Err(GenerateError::Exhausted { retry_after: ms(1) }));
    ids.clock().then([NOW_MS, NOW_MS - HOUR_MS, NOW_MS, NOW_MS - HOUR_MS, NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    ids.clock().then([NOW_MS + 1]);
    drain(&ids, SIZE);
    ids.clock().then([NOW_MS - HOUR_MS, NOW_MS - HOUR_MS, NOW_MS + 2]);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 2, 0)));
    assert_eq!(ids.stats().clock_behind, 0);
}

#[test]
fn i4_a_strict_generator_refuses_a_step_back_while_the_open_tick_has_ids_left() {
    for back in [1, HOUR_MS] {
        let ids = with(Script::new([NOW_MS]), |builder| builder.strict(true));
        let first = ids.generate().expect("an ID");
        ids.clock().then([NOW_MS - back]);
        let behind = GenerateError::ClockBehind { by: ms(back) };
        assert_eq!((ids.try_generate(), ids.generate()), (Err(behind), Err(behind)));
        assert_eq!(ids.clock().looks(), 6, "it does not wait, however short the step");
        let batch = ids.generate_batch(3).unwrap_err();
        assert_eq!((batch.error(), batch.issued().len()), (behind, 0));
        ids.clock().then([NOW_MS]);
        assert_eq!(ids.generate().map(slot), Ok((first.tick(), 1)));
        assert_eq!(ids.stats().clock_behind, 3);
    }
}

#[test]
fn i4_one_precise_reading_does_not_prove_a_step_back_to_a_strict_generator() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.strict(true));
    ids.generate().expect("an ID");
    ids.clock().then([NOW_MS - 1, NOW_MS - 1, NOW_MS]);
    assert_eq!(ids.generate().map(slot), Ok((TICK, 1)));
    assert_eq!(ids.stats().clock_behind, 0);
}

#[test]
fn i4_a_strict_generator_waits_for_a_plain_overflow() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.strict(true));
    let (_, error) = drain(&ids, SIZE);
    assert_eq!(error, GenerateError::Exhausted { retry_after: ms(1) });
    ids.clock().then([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1]);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    assert_eq!(ids.stats().clock_behind, 0);
}

#[test]
fn i5_a_first_reading_before_the_epoch_is_refused_with_both_numbers() {
    for unix_ms in [0, 1, EPOCH - 1] {
        let ids = on(ManualClock::new(unix_ms));
        let refused = GenerateError::BeforeEpoch { unix_ms, epoch_unix_ms: EPOCH };
        assert_eq!((ids.generate(), ids.try_generate()), (Err(refused), Err(refused)));
        assert_eq!((refused.is_retryable(), refused.retry_after()), (true, Some(ms(EPOCH - unix_ms))));
        assert_eq!(refused.to_string().matches(&EPOCH.to_string()).count(), 1);
        ids.clock().set(EPOCH);
        assert_eq!(ids.generate().map(slot), Ok((0, 0)));
    }
}

/// Sonyflake's tick is 10 ms. A reading 1 ms before its epoch is before it nevertheless.
#[test]
fn i5_a_reading_less_than_a_tick_before_the_epoch_is_before_it() {
    let epoch = 1_409_529_600_000;
    let clock = ManualClock::new(epoch - 1);
    let ids = Generator::with_clock(WorkerId::<casflake::Sonyflake>::fixed_in::<0, 1>(), clock);
    let refused = GenerateError::BeforeEpoch { unix_ms: epoch - 1, epoch_unix_ms: epoch };
    assert_eq!(ids.generate(), Err(refused));
}

#[cfg(feature = "std")]
#[test]
fn i5_an_epoch_in_the_future_is_refused_on_the_system_clock() {
    struct Later;
    impl casflake::Scheme for Later {
        const LAYOUT: casflake::Layout = casflake::Layout::new(41, 5, 5, 12).with_epoch_unix_ms(u64::MAX / 2);
    }
    let ids = Generator::new(WorkerId::<Later>::fixed_in::<0, 0>());
    let Err(GenerateError::BeforeEpoch { unix_ms, epoch_unix_ms }) = ids.generate() else { panic!("an ID") };
    assert_eq!(epoch_unix_ms, u64::MAX / 2);
    assert!(unix_ms < epoch_unix_ms);
    assert_eq!(ids.stats().ids, 0);
}

#[test]
fn i4_a_step_to_before_the_epoch_uses_up_the_open_tick_and_is_then_behind() {
    let ids = begun(EPOCH - 7);
    let (rest, error) = drain(&ids, SIZE);
    assert_eq!(rest.len(), SIZE - 1);
    assert_eq!(error, GenerateError::ClockBehind { by: ms(TICK + 7) });
    ids.clock().set(0);
    assert_eq!(ids.generate(), Err(GenerateError::ClockBehind { by: ms(NOW_MS) }));
    ids.clock().set(NOW_MS + 1);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
}

#[test]
fn i1_no_walk_of_the_clock_repeats_an_id() {
    let ids = Generator::with_clock(WorkerId::<Twitter>::fixed_in::<1, 1>(), ManualClock::new(NOW_MS));
    let mut last = None;
    for step in 0..20_000_u64 {
        ids.clock().set(NOW_MS + step * step % 97);
        match ids.try_generate() {
            Ok(id) => {
                assert!(Some(id) > last, "{id:?} after {last:?}");
                last = Some(id);
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    assert!(last.is_some_and(|id| id.unix_ms() == NOW_MS + 96 && ids.clock().unix_ms() <= NOW_MS + 96));
}
