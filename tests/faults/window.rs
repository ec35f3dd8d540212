//! `not_before` and `fence`: only ticks in [a, b) are issued.

use casflake::{GenerateError, ManualClock, SettingError};

use super::clocks::Script;
use super::{EPOCH, NOW_MS, SIZE, TICK, drain, ms, slot, tiny, with};

#[test]
fn i8_the_tick_before_the_fence_is_issued_and_the_fence_is_not() {
    let ids = with(ManualClock::new(NOW_MS + 4), |builder| builder.fence(TICK + 5));
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 4, 0)));
    let fenced = GenerateError::Fenced { fence: TICK + 5 };
    ids.clock().advance(1);
    assert_eq!((ids.try_generate(), ids.generate()), (Err(fenced), Err(fenced)));
    assert!(!fenced.is_retryable());
    assert_eq!(ids.last_tick(), Some(TICK + 4));
}

#[test]
fn i8_an_overflow_into_the_fence_fails_immediately() {
    let ids = with(Script::new([NOW_MS]), |builder| builder.fence(TICK + 1));
    let (tick, error) = drain(&ids, SIZE);
    assert_eq!((tick.len(), error), (SIZE, GenerateError::Fenced { fence: TICK + 1 }));
    ids.clock().then([NOW_MS]);
    assert_eq!(ids.generate(), Err(error));
    assert_eq!(ids.clock().looks(), 2, "the coarse look and the precise one");
    assert_eq!(ids.stats().overflow_waits, 0);
}

#[test]
fn i8_a_window_of_one_tick_gives_that_tick() {
    let ids = tiny(5_003, |builder| builder.not_before(3).fence(4));
    let (tick, error) = drain(&ids, 4);
    assert_eq!(tick.into_iter().map(slot).collect::<Vec<_>>(), [(3, 0), (3, 1), (3, 2), (3, 3)]);
    assert_eq!(error, GenerateError::Fenced { fence: 4 });
}

#[test]
fn i8_an_extended_fence_lets_ids_through_up_to_it() {
    let ids = tiny(5_003, |builder| builder.fence(3));
    assert_eq!(ids.try_generate(), Err(GenerateError::Fenced { fence: 3 }));
    assert_eq!(ids.extend_fence(5), Ok(()));
    assert_eq!(ids.fence(), 5);
    assert_eq!(ids.try_generate().map(slot), Ok((3, 0)));
    ids.clock().set(5_004);
    assert_eq!(ids.try_generate().map(slot), Ok((4, 0)));
    ids.clock().set(5_005);
    assert_eq!(ids.try_generate(), Err(GenerateError::Fenced { fence: 5 }));
}

#[test]
fn i8_a_fence_never_moves_back_nor_beyond_the_end() {
    let ids = tiny(5_004, |builder| builder.fence(5));
    for earlier in [0, 1, 4, 5] {
        assert_eq!(ids.extend_fence(earlier), Ok(()));
        assert_eq!(ids.fence(), 5);
    }
    for beyond in [9, u64::MAX] {
        assert_eq!(ids.extend_fence(beyond), Err(SettingError::Fence { value: beyond, max: 8 }));
        assert_eq!(ids.fence(), 5);
    }
    assert_eq!(ids.try_generate().map(slot), Ok((4, 0)));
    assert_eq!((ids.extend_fence(8), ids.fence()), (Ok(()), 8));
}

#[test]
fn i8_too_early_says_when_the_window_opens() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.not_before(TICK + 200));
    let refused = GenerateError::TooEarly { not_before: TICK + 200, retry_after: ms(200) };
    assert_eq!((ids.try_generate(), ids.generate()), (Err(refused), Err(refused)));
    assert_eq!((refused.is_retryable(), refused.retry_after()), (true, Some(ms(200))));
    assert_eq!((ids.last_tick(), ids.stats().ids), (None, 0));
    ids.clock().set(NOW_MS + 199);
    assert!(matches!(ids.try_generate(), Err(GenerateError::TooEarly { .. })));
    ids.clock().set(NOW_MS + 200);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 200, 0)));
}

#[test]
fn i8_a_call_waits_for_a_window_that_opens_within_max_wait() {
    let ids = with(Script::new((0..=50).map(|later| NOW_MS + later)), |builder| builder.not_before(TICK + 40));
    assert_eq!(ids.generate().map(slot), Ok((TICK + 40, 0)));
    let stats = ids.stats();
    assert_eq!((stats.overflow_waits, stats.clock_behind), (0, 0), "no tick was full and the clock did not step back");
}

#[test]
fn i8_a_clock_past_not_before_gives_the_clocks_tick() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.not_before(TICK - 10));
    assert_eq!(ids.try_generate().map(slot), Ok((TICK, 0)));
}

#[test]
fn i5_a_window_does_not_hide_a_first_reading_before_the_epoch() {
    let ids = with(ManualClock::new(EPOCH - 3), |builder| builder.not_before(5).max_lead(100));
    let refused = GenerateError::BeforeEpoch { unix_ms: EPOCH - 3, epoch_unix_ms: EPOCH };
    assert_eq!(ids.generate(), Err(refused));
}

#[test]
fn settings_that_do_not_fit_are_refused_with_value_and_bound() {
    type Builder = casflake::GeneratorBuilder<super::Tiny, ManualClock>;
    let build = |set: fn(Builder) -> Builder| set(Builder::new(super::TINY, ManualClock::new(5_000))).build().err();
    assert_eq!(build(|builder| builder.not_before(8)), Some(SettingError::NotBefore { value: 8, max: 7 }));
    assert_eq!(build(|builder| builder.fence(9)), Some(SettingError::Fence { value: 9, max: 8 }));
    assert_eq!(build(|builder| builder.max_lead(8)), Some(SettingError::MaxLead { value: 8, max: 7 }));
    let empty = |not_before, fence| Some(SettingError::EmptyWindow { not_before, fence });
    assert_eq!(build(|builder| builder.fence(0)), empty(0, 0));
    assert_eq!(build(|builder| builder.not_before(3).fence(3)), empty(3, 3));
    assert_eq!(build(|builder| builder.not_before(4).fence(3)), empty(4, 3));
    assert_eq!(
        build(|builder| builder.not_before(u64::MAX)),
        Some(SettingError::NotBefore { value: u64::MAX, max: 7 })
    );
    assert_eq!(build(|builder| builder.fence(u64::MAX)), Some(SettingError::Fence { value: u64::MAX, max: 8 }));
    assert_eq!(build(|builder| builder.max_lead(u64::MAX)), Some(SettingError::MaxLead { value: u64::MAX, max: 7 }));
    assert_eq!(build(|builder| builder.not_before(7).fence(8).max_lead(7)), None);
}
