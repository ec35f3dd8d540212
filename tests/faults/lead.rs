//! `max_lead`: how far ahead of the clock IDs may run.

use casflake::{GenerateError, ManualClock};

use super::{NOW_MS, SIZE, TICK, drain, ms, slot, tiny, with};

#[test]
fn i3_a_frozen_clock_gives_exactly_lead_plus_one_ticks_of_ids() {
    for lead in [0, 1, 2, 5] {
        let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_lead(lead));
        let ticks = usize::try_from(lead + 1).expect("few");
        let (all, error) = drain(&ids, ticks * SIZE);
        assert_eq!(all.len(), ticks * SIZE);
        assert_eq!(all.last().copied().map(slot), Some((TICK + lead, SIZE as u64 - 1)));
        assert_eq!(error, GenerateError::Exhausted { retry_after: ms(1) });
        assert_eq!(ids.stats().ticks, lead + 1);
        ids.clock().advance(1);
        assert_eq!(ids.try_generate().map(slot), Ok((TICK + lead + 1, 0)));
    }
}

#[test]
fn i3_a_lead_is_used_only_if_the_tick_is_full() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_lead(2));
    assert_eq!(ids.try_generate().map(slot), Ok((TICK, 0)));
    assert_eq!(ids.try_generate().map(slot), Ok((TICK, 1)));
    ids.clock().advance(1);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 1, 0)));
}

#[test]
fn i4_a_clock_back_by_no_more_than_the_lead_is_not_behind() {
    for strict in [false, true] {
        let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_lead(2).strict(strict));
        ids.generate().expect("an ID");
        for back in [1, 2] {
            ids.clock().set(NOW_MS - back);
            assert_eq!(ids.try_generate().map(slot), Ok((TICK, back)), "back by {back}");
        }
        assert_eq!(ids.stats().clock_behind, 0);
    }
}

#[test]
fn i4_a_clock_back_by_more_than_the_lead_is_behind_by_the_rest() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_lead(2).strict(true));
    ids.generate().expect("an ID");
    ids.clock().set(NOW_MS - 3);
    assert_eq!(ids.generate(), Err(GenerateError::ClockBehind { by: ms(1) }));
    assert_eq!(ids.stats().clock_behind, 1);
}

#[test]
fn i4_a_used_up_lead_and_a_step_back_is_behind_by_the_step() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_lead(2));
    drain(&ids, 3 * SIZE);
    assert_eq!(ids.stats().clock_behind, 0);
    ids.clock().step_back(1);
    assert_eq!(ids.try_generate(), Err(GenerateError::ClockBehind { by: ms(1) }));
    ids.clock().step_back(4);
    assert_eq!(ids.try_generate(), Err(GenerateError::ClockBehind { by: ms(5) }));
}

#[test]
fn i8_a_window_with_a_lead_opens_early_and_ends_at_its_fence() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.not_before(TICK + 2).fence(TICK + 4).max_lead(1));
    let refused = GenerateError::TooEarly { not_before: TICK + 2, retry_after: ms(1) };
    assert_eq!(ids.try_generate(), Err(refused));
    ids.clock().advance(1);
    let (early, error) = drain(&ids, SIZE);
    assert_eq!(early.first().copied().map(slot), Some((TICK + 2, 0)));
    assert_eq!((early.len(), error), (SIZE, GenerateError::Exhausted { retry_after: ms(1) }));
    ids.clock().advance(1);
    let (_, error) = drain(&ids, SIZE);
    assert_eq!(error, GenerateError::Fenced { fence: TICK + 4 });
}

#[test]
fn i3_the_lead_counts_from_a_reading_before_the_epoch_as_from_any_other() {
    let ids = tiny(5_000, |builder| builder.max_lead(3));
    ids.generate_batch(4).expect("all of tick 0");
    ids.clock().set(4_998);
    let (rest, error) = drain(&ids, 4);
    assert_eq!(rest.into_iter().map(slot).collect::<Vec<_>>(), [(1, 0), (1, 1), (1, 2), (1, 3)]);
    assert_eq!(error, GenerateError::Exhausted { retry_after: ms(1) }, "tick 2 is four ahead");
}
