//! A clock that stands still.

use std::time::Duration;

use casflake::{GenerateError, ManualClock, Wait};

use super::clocks::{Script, Stopwatch};
use super::{NOW_MS, SIZE, TICK, drain, ms, on, slot, with};

#[test]
fn a_frozen_clock_gives_one_tick_of_ids_in_order() {
    let ids = on(ManualClock::new(NOW_MS));
    let (tick, _) = drain(&ids, SIZE);
    let slots: Vec<_> = tick.into_iter().map(slot).collect();
    assert_eq!(slots, (0..SIZE as u64).map(|sequence| (TICK, sequence)).collect::<Vec<_>>());
}

#[test]
fn i4_a_frozen_clock_without_a_monotonic_one_releases_a_waiting_caller() {
    for wait in [Wait::Spin, Wait::Yield] {
        let ids = with(Script::new([NOW_MS]), |builder| builder.wait(wait).max_wait(ms(2)));
        drain(&ids, SIZE);
        ids.clock().then([NOW_MS]);
        assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait: ms(2) }));
        assert_eq!(ids.clock().looks(), 2 + 20_000, "2 ms at 100 ns a look, and two looks before the wait");
        assert_eq!(ids.generate_batch(2).map_err(|error| error.error()), Err(ids.generate().unwrap_err()));
        assert_eq!(ids.stats().ids, SIZE as u64);
    }
}

#[test]
fn i4_a_frozen_clock_releases_a_caller_that_waits_with_the_defaults() {
    let ids = on(ManualClock::new(NOW_MS));
    drain(&ids, SIZE);
    assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait: ms(100) }));
}

#[test]
fn a_frozen_clock_leaves_try_generate_with_the_time_to_the_next_tick() {
    let ids = on(ManualClock::new(NOW_MS));
    let (_, error) = drain(&ids, SIZE);
    assert_eq!(error, GenerateError::Exhausted { retry_after: ms(1) });
    assert_eq!((error.is_retryable(), error.retry_after()), (true, Some(ms(1))));
}

#[test]
fn a_clock_that_goes_on_gives_a_new_tick_from_sequence_0() {
    let ids = on(ManualClock::new(NOW_MS));
    drain(&ids, SIZE);
    ids.clock().advance(1);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 1, 0)));
    ids.clock().advance(1);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 2, 0)));
}

/// 5 ms in steps of 1 ms: the call looks at the monotonic clock until they have passed, and not longer.
#[test]
fn i4_a_monotonic_clock_bounds_the_wait_for_a_frozen_one() {
    for wait in [Wait::Spin, Wait::Yield] {
        let clock = Stopwatch::new(NOW_MS, ms(1));
        let ids = with(clock, |builder| builder.wait(wait).max_wait(ms(5)));
        drain(&ids, SIZE);
        assert_eq!(ids.clock().looks(), 0, "only waiting needs it");
        assert_eq!(ids.generate(), Err(GenerateError::ClockStalled { max_wait: ms(5) }));
        assert!((6..=8).contains(&ids.clock().looks()), "{} looks", ids.clock().looks());
        assert!(ids.stats().overflow_wait_time >= ms(5));
    }
}

#[test]
fn i4_a_monotonic_clock_that_also_stands_still_releases_a_waiting_caller() {
    let ids = with(Stopwatch::new(NOW_MS, ms(0)), |builder| builder.max_wait(Duration::from_micros(1_500)));
    drain(&ids, SIZE);
    let stalled = GenerateError::ClockStalled { max_wait: Duration::from_micros(1_500) };
    assert_eq!(ids.generate(), Err(stalled));
}
