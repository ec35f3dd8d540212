//! Handles on blocks of slots: how many they reserve, when they drop them, and that they keep the generator's promises.

use casflake::{Clock, FieldOrder, GenerateError, Generator, GeneratorBuilder, Layout, LocalGenerator, ManualClock};
use casflake::{Scheme, Snowflake, WorkerId};

use super::clocks::{Interrupted, Script, Split};
use super::{HOUR_MS, NOW_MS, SIZE, TICK, WORKER, drain, ms, on, precise, slot, with};

/// Returns the next `count` IDs of a handle. Checks that they increase.
fn take<S: Scheme, C: Clock>(handle: &mut LocalGenerator<'_, S, C>, count: usize) -> Vec<Snowflake<S>> {
    let ids: Vec<_> = (0..count).map(|_| handle.try_generate().expect("an ID")).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    ids
}

#[test]
fn i1_handles_and_the_generator_itself_share_out_each_slot_once() {
    let ids = on(ManualClock::new(NOW_MS));
    let (mut one, mut other) = (ids.local(8), ids.local(5));
    let mut all = Vec::new();
    for round in 0..40 {
        all.extend(take(&mut one, round % 3));
        all.push(ids.try_generate().expect("an ID"));
        all.extend(take(&mut other, round % 7));
        if round % 9 == 8 {
            ids.clock().advance(1);
        }
    }
    let issued = all.len() as u64;
    all.sort_unstable();
    assert!(all.is_sorted_by(|one, next| one < next), "issued twice");
    assert!(all.iter().all(|id| (id.datacenter(), id.worker()) == (9, 17)));
    drop((one, other));
    assert_eq!(ids.stats().ids - ids.stats().unused, issued);
}

#[test]
fn a_handle_reserves_as_many_as_it_has_issued_in_the_tick_up_to_its_block() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handle = ids.local(6);
    let reserved: Vec<u64> = (0..24)
        .map(|_| {
            take(&mut handle, 1);
            ids.stats().ids
        })
        .collect();
    // 1, 1, 2, 4, 6, 6, 6.
    let ends = [1, 2, 4, 8, 14, 20, 26];
    let expected = (1..=24).map(|issued| *ends.iter().find(|&&end| issued <= end).expect("an end"));
    assert_eq!(reserved, expected.collect::<Vec<u64>>());
}

#[test]
fn a_handle_begins_a_tick_with_as_many_as_it_issued_in_the_last() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handle = ids.local(100);
    let mut reserved_for = |count, later| {
        ids.clock().advance(later);
        let before = ids.stats().ids;
        take(&mut handle, count);
        ids.stats().ids - before
    };
    assert_eq!(reserved_for(64, 0), 64, "1, 1, 2, 4, 8, 16, 32");
    assert_eq!(reserved_for(3, 1), 64);
    assert_eq!(reserved_for(1, 1), 3);
    assert_eq!(reserved_for(2, 7), 1 + 1, "ticks without an ID change nothing");
    assert_eq!(reserved_for(5, 1), 2 + 2 + 4);
    assert_eq!(reserved_for(1, 1), 5);
    drop(handle);
    assert_eq!(ids.stats().unused, 61 + 2 + 3 + 4);
}

/// 64 handles with blocks of 256 could reserve a tick's 4,096 slots four times over.
#[test]
fn idle_handles_leave_the_slots_of_a_tick_to_others() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handles: Vec<_> = (0..64).map(|_| ids.local(256)).collect();
    for _ in 0..100 {
        handles.iter_mut().for_each(|handle| drop(take(handle, 1)));
        ids.clock().advance(1);
    }
    let stats = ids.stats();
    assert_eq!((stats.ids, stats.ticks, stats.max_sequence, stats.overflow_waits), (6_400, 100, 63, 0));
    // Two ticks after a burst they reserve as few as before.
    for (issued, reserved) in [(50, 64), (1, 50), (1, 1)] {
        let before = ids.stats().ids;
        handles.iter_mut().for_each(|handle| drop(take(handle, issued)));
        ids.clock().advance(1);
        assert_eq!(ids.stats().ids - before, 64 * reserved);
    }
    drop(handles);
    assert_eq!(ids.stats().unused, 64 * (14 + 49));
}

#[test]
fn no_id_is_older_than_the_clocks_tick() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handle = ids.local(256);
    for later in 0..50 {
        assert!(take(&mut handle, 100).iter().all(|id| id.tick() == TICK + later));
        ids.clock().advance(1);
    }
}

#[test]
fn a_block_of_0_counts_as_1_and_one_beyond_the_tick_is_the_tick() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut single = ids.local(0);
    take(&mut single, 10);
    assert_eq!(ids.stats().ids, 10);
    let mut all = ids.local(u64::MAX);
    assert_eq!(take(&mut all, SIZE - 10).last().copied().map(slot), Some((TICK, SIZE as u64 - 1)));
    for handle in [&mut single, &mut all] {
        assert_eq!(handle.try_generate(), Err(GenerateError::Exhausted { retry_after: ms(1) }));
    }
    drop((single, all));
    assert_eq!(ids.stats().unused, 0);
}

#[test]
fn i3_a_handle_waits_for_the_tick_to_begin() {
    let ids = on(Script::new([NOW_MS]));
    drain(&ids, SIZE);
    let mut handle = ids.local(64);
    ids.clock().then([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1]);
    assert_eq!(handle.generate().map(slot), Ok((TICK + 1, 0)));
    assert_eq!(ids.stats().overflow_waits, 1);
}

/// The hot path lags by up to 4 ticks. Slots that a handle reserved by the precise clock stay valid.
#[test]
fn a_lag_wastes_no_slot() {
    for strict in [false, true] {
        let ids = with(Split::new(NOW_MS, precise(NOW_MS)), |builder| builder.strict(strict));
        let mut handle = ids.local(64);
        for later in 0..40 {
            ids.clock().set(NOW_MS + later / 4 * 4, precise(NOW_MS + later));
            let mut tick = Vec::new();
            while let Ok(id) = handle.try_generate() {
                tick.push(id);
            }
            assert_eq!(tick.len(), SIZE, "all of tick {later}, strict: {strict}");
            assert!(tick.iter().all(|id| id.tick() == TICK + later), "never ahead of the precise clock");
        }
        assert_eq!((ids.stats().unused, ids.stats().clock_behind), (0, 0));
    }
}

#[test]
fn i4_a_step_back_leaves_the_open_block_to_be_used_up() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handle = ids.local(64);
    take(&mut handle, 65);
    ids.clock().step_back(HOUR_MS);
    assert_eq!(take(&mut handle, 63).last().copied().map(slot), Some((TICK, 127)));
    // The rest of the tick, then an error.
    let (rest, error) = drain(&ids, SIZE);
    assert_eq!((rest.len(), error), (SIZE - 128, GenerateError::ClockBehind { by: ms(HOUR_MS) }));
    assert_eq!(handle.try_generate(), Err(error));
    assert_eq!(handle.generate(), Err(error));
}

#[test]
fn i4_a_strict_generators_handle_refuses_immediately_and_continues_when_the_clock_has_caught_up() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.strict(true).max_lead(2));
    let mut handle = ids.local(64);
    take(&mut handle, 65);
    ids.clock().step_back(2);
    assert_eq!(handle.try_generate().map(slot), Ok((TICK, 65)), "within the lead");
    ids.clock().step_back(1);
    let behind = GenerateError::ClockBehind { by: ms(1) };
    assert_eq!((handle.try_generate(), handle.generate()), (Err(behind), Err(behind)));
    assert_eq!(ids.stats().clock_behind, 2);
    ids.clock().advance(1);
    assert_eq!(handle.generate().map(slot), Ok((TICK, 66)), "nothing was lost by the refusals");
}

/// The clock is behind the last ID of the generator, but not behind the handle's own slots.
#[test]
fn i4_a_strict_generators_handle_refuses_if_the_generator_does() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.strict(true));
    let mut handle = ids.local(64);
    take(&mut handle, 3);
    ids.clock().advance(5);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 5, 0)));
    ids.clock().step_back(5);
    let behind = Err(GenerateError::ClockBehind { by: ms(5) });
    assert_eq!((ids.try_generate(), handle.try_generate(), handle.generate()), (behind, behind, behind));
    assert_eq!(ids.stats().clock_behind, 3);
    ids.clock().advance(5);
    assert_eq!(handle.try_generate().map(slot), Ok((TICK + 5, 1)));
}

/// One precise reading does not prove that the clock stepped back.
#[test]
fn i4_a_step_that_is_undone_before_it_is_confirmed_is_not_a_step_back() {
    let builder = GeneratorBuilder::new(WORKER, Interrupted::new(NOW_MS).lagging()).strict(true);
    let ids: &'static _ = Box::leak(Box::new(builder.build().expect("settings")));
    let mut handle = ids.local(4);
    take(&mut handle, 3);
    ids.clock().time.step_back(2);
    // The first precise look is from before the clock is set right.
    ids.clock().interrupt(1, || ids.clock().time.advance(1));
    assert_eq!(handle.try_generate().map(slot), Ok((TICK - 1, 3)), "of the hot path's tick");
    assert_eq!((ids.stats().clock_behind, ids.stats().ids), (0, 4));
}

#[test]
fn i8_a_closed_generators_handle_fails_immediately_though_it_has_slots() {
    let ids = on(ManualClock::new(NOW_MS));
    let mut handle = ids.local(64);
    take(&mut handle, 65);
    assert_eq!(ids.close(), Some(TICK));
    assert_eq!(handle.try_generate(), Err(GenerateError::Closed));
    assert_eq!(handle.generate(), Err(GenerateError::Closed));
    // Now the handle's slots are ahead of the clock. The call fails all the same.
    ids.clock().step_back(1);
    assert_eq!(handle.generate(), Err(GenerateError::Closed));
    drop(handle);
    assert_eq!(ids.stats().unused, 63);
}

#[test]
fn i8_a_handle_stops_at_the_fence_and_continues_when_the_fence_is_extended() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.fence(TICK + 1));
    let mut handle = ids.local(4);
    take(&mut handle, 3);
    ids.clock().advance(1);
    let fenced = GenerateError::Fenced { fence: TICK + 1 };
    assert_eq!((handle.try_generate(), handle.generate()), (Err(fenced), Err(fenced)));
    ids.extend_fence(TICK + 2).expect("a fence");
    assert_eq!(handle.try_generate().map(slot), Ok((TICK + 1, 0)));
}

/// With 64 bits no number lies beyond the last ID. Once more with the sequence above the worker.
#[test]
fn i5_the_last_id_of_the_layout_is_issued() {
    struct Full;
    impl Scheme for Full {
        const LAYOUT: Layout = Layout::new(2, 30, 30, 2).with_epoch_unix_ms(5_000);
    }
    struct WorkerLast;
    impl Scheme for WorkerLast {
        const LAYOUT: Layout = Full::LAYOUT.with_order(FieldOrder::WorkerLast);
    }
    fn last_tick<S: Scheme>() -> Vec<Snowflake<S>> {
        let worker = WorkerId::<S>::new_in(S::LAYOUT.max_datacenter(), S::LAYOUT.max_worker()).expect("a worker");
        let ids = Generator::with_clock(worker, ManualClock::new(5_003));
        let mut handle = ids.local(4);
        let tick = take(&mut handle, 4);
        assert!(matches!(handle.try_generate(), Err(GenerateError::OutOfTicks { max_tick: 3 })));
        tick
    }
    assert_eq!(last_tick::<Full>().last(), Some(&Snowflake::MAX));
    let tick = last_tick::<WorkerLast>();
    assert_eq!(tick.last(), Some(&Snowflake::MAX));
    assert_eq!(tick.into_iter().map(slot).collect::<Vec<_>>(), [(3, 0), (3, 1), (3, 2), (3, 3)]);
}

#[test]
fn debug_shows_the_generator_and_the_block_of_a_handle() {
    let ids = on(ManualClock::new(NOW_MS));
    let handle = ids.local(64);
    let text = format!("{handle:?}");
    assert!(text.contains("WorkerId(9/17)") && text.contains("block: 64"), "{text}");
    assert!(std::ptr::eq(handle.generator(), &ids));
}
