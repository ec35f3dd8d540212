//! A hot path that lags behind the precise clock by up to a few ticks, as `CLOCK_REALTIME_COARSE` does.

use casflake::GenerateError;

use super::clocks::Split;
use super::{EPOCH, NOW_MS, SIZE, TICK, drain, ms, on, precise, slot, with};

/// With a jiffy of 4 ms the coarse reading moves on at every fourth millisecond.
#[test]
fn a_lag_costs_no_id_and_is_never_behind() {
    for strict in [false, true] {
        let ids = with(Split::new(NOW_MS, precise(NOW_MS)), |builder| builder.strict(strict));
        for later in 0..40 {
            ids.clock().set(NOW_MS + later / 4 * 4, precise(NOW_MS + later));
            let (tick, error) = drain(&ids, SIZE);
            assert_eq!(error, GenerateError::Exhausted { retry_after: ms(1) });
            assert_eq!(tick.len(), SIZE, "all of tick {later}");
            assert!(tick.iter().all(|id| id.unix_ms() == NOW_MS + later), "never ahead of the precise clock");
        }
        assert_eq!((ids.stats().clock_behind, ids.stats().ticks), (0, 40));
    }
}

#[test]
fn a_lagging_reading_before_the_open_tick_uses_that_tick() {
    for strict in [false, true] {
        let ids = with(Split::new(NOW_MS, precise(NOW_MS)), |builder| builder.strict(strict));
        ids.generate().expect("an ID");
        ids.clock().set(NOW_MS - 3, precise(NOW_MS));
        assert_eq!(ids.try_generate().map(slot), Ok((TICK, 1)));
        assert_eq!(ids.generate().map(slot), Ok((TICK, 2)));
        assert_eq!(ids.stats().clock_behind, 0);
    }
}

#[test]
fn a_lagging_first_reading_before_the_epoch_or_the_window_asks_the_precise_clock() {
    let ids = on(Split::new(EPOCH - 2, precise(EPOCH + 1)));
    assert_eq!(ids.try_generate().map(slot), Ok((1, 0)));
    let ids = with(Split::new(NOW_MS - 2, precise(NOW_MS)), |builder| builder.not_before(TICK));
    assert_eq!(ids.generate().map(slot), Ok((TICK, 0)));
}

#[test]
fn i4_a_precise_clock_that_steps_back_is_behind_with_a_coarse_one_too() {
    let ids = on(Split::new(NOW_MS, precise(NOW_MS)));
    drain(&ids, SIZE);
    ids.clock().set(NOW_MS - 5, precise(NOW_MS - 2) + 500_000);
    let behind = GenerateError::ClockBehind { by: std::time::Duration::from_micros(1_500) };
    assert_eq!(ids.try_generate(), Err(behind));
    assert_eq!(ids.stats().clock_behind, 1);
}
