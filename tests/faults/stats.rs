//! The statistics under faults: exact when no call is in progress, and untouched by calls that are refused.

use casflake::{GenerateError, Generator, Layout, ManualClock, Scheme, WorkerId};

use super::clocks::Script;
use super::{HOUR_MS, NOW_MS, SIZE, TICK, drain, ms, on, tiny, with};

fn histogram(stats: &casflake::Stats) -> Vec<(u64, u64, u64)> {
    stats.ids_per_tick.iter().map(|(ids, ticks)| (*ids.start(), *ids.end(), ticks)).collect()
}

#[test]
fn a_generator_that_issued_nothing_counts_nothing() {
    let stats = on(ManualClock::new(NOW_MS)).stats();
    assert_eq!((stats.ids, stats.ticks, stats.last_tick), (0, 0, None));
    assert_eq!((stats.tick_max_sequence, stats.max_sequence, stats.cas_retries), (0, 0, 0));
    assert_eq!((stats.overflow_waits, stats.overflow_wait_time, stats.clock_behind), (0, ms(0), 0));
    assert_eq!(histogram(&stats), []);
}

#[test]
fn ids_ticks_and_maxima_are_exact_after_every_call() {
    let ids = on(ManualClock::new(NOW_MS));
    // The number of IDs in each tick: one, a few, many, a full tick, none, and a few again.
    let per_tick: [usize; 6] = [1, 3, 100, SIZE, 0, 2];
    let (mut issued, mut used, mut highest) = (0, 0, 0);
    for (later, count) in (0_u64..).zip(per_tick) {
        ids.clock().set(NOW_MS + later);
        used += u64::from(count > 0);
        for sequence in 0..count as u64 {
            ids.generate().expect("an ID");
            issued += 1;
            highest = sequence.max(highest);
            let stats = ids.stats();
            assert_eq!((stats.ids, stats.ticks, stats.last_tick), (issued, used, Some(TICK + later)));
            assert_eq!((stats.tick_max_sequence, stats.max_sequence), (sequence, highest));
        }
    }
    let per_bucket = [(1, 1, 1), (2, 3, 2), (64, 127, 1), (4096, 8191, 1)];
    let told: Vec<_> = histogram(&ids.stats()).into_iter().filter(|(.., ticks)| *ticks > 0).collect();
    assert_eq!(told, per_bucket);
}

/// The two ticks differ in the highest bit only, and the sequence is the same in both.
#[test]
fn a_tick_that_is_left_for_one_far_ahead_is_recorded() {
    struct Wide;
    impl Scheme for Wide {
        const LAYOUT: Layout = Layout::new(31, 0, 1, 31);
    }
    let ids = Generator::with_clock(WorkerId::<Wide>::fixed_in::<0, 1>(), ManualClock::new(0));
    ids.generate().expect("an ID");
    ids.clock().set(1 << 30);
    ids.generate().expect("an ID");
    assert_eq!((ids.stats().ids, ids.stats().ticks), (2, 2));
}

#[test]
fn a_tick_that_a_batch_fills_is_recorded_once() {
    let ids = with(Script::new(NOW_MS..NOW_MS + 9), |builder| builder.max_lead(3));
    ids.generate_batch(3 * SIZE + 1).expect("a batch");
    let stats = ids.stats();
    assert_eq!((stats.ids, stats.ticks, stats.tick_max_sequence), (3 * SIZE as u64 + 1, 4, 0));
    let told: Vec<_> = histogram(&stats).into_iter().filter(|(.., ticks)| *ticks > 0).collect();
    assert_eq!(told, [(1, 1, 1), (4096, 8191, 3)]);
}

/// The word after a full tick is in the next tick, of which no ID was issued.
#[test]
fn a_tick_counts_only_once_a_slot_of_it_is_reserved() {
    let ids = on(ManualClock::new(NOW_MS));
    drain(&ids, SIZE);
    for _ in 0..3 {
        assert!(ids.try_generate().is_err());
    }
    let stats = ids.stats();
    assert_eq!((stats.ticks, stats.last_tick, stats.tick_max_sequence), (1, Some(TICK), SIZE as u64 - 1));
}

#[test]
fn the_first_tick_of_a_window_does_not_count_if_no_id_of_it_was_issued() {
    let ids = tiny(5_003, |builder| builder.not_before(1));
    assert_eq!((ids.stats().ticks, ids.stats().last_tick), (0, None));
    ids.generate().expect("an ID");
    assert_eq!((ids.stats().ticks, ids.stats().last_tick), (1, Some(3)));
}

/// One batch waits for two ticks, and a single call for one.
#[test]
fn an_overflow_wait_is_counted_for_each_tick_waited_for() {
    let ids =
        on(Script::new([NOW_MS, NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1, NOW_MS + 1, NOW_MS + 1, NOW_MS + 1, NOW_MS + 2]));
    ids.generate_batch(2 * SIZE + 1).expect("a batch");
    assert_eq!(ids.stats().overflow_waits, 2);
    ids.generate_batch(SIZE - 1).expect("the rest of the tick");
    ids.clock().then([NOW_MS + 2, NOW_MS + 2, NOW_MS + 2, NOW_MS + 3]);
    ids.generate().expect("an ID");
    let stats = ids.stats();
    assert_eq!((stats.overflow_waits, stats.clock_behind), (3, 0));
    assert_eq!(stats.overflow_wait_time, ms(0), "this clock can't tell");
}

#[test]
fn a_call_that_finds_the_next_tick_begun_by_the_precise_clock_did_not_wait() {
    let ids = on(Script::new([NOW_MS]));
    drain(&ids, SIZE);
    ids.clock().then([NOW_MS, NOW_MS + 1]);
    ids.generate().expect("an ID");
    assert_eq!(ids.stats().overflow_waits, 0);
}

#[test]
fn each_call_that_finds_the_clock_behind_counts_once() {
    let ids = on(ManualClock::new(NOW_MS));
    drain(&ids, SIZE);
    ids.clock().step_back(HOUR_MS);
    for calls in [1, 3, 5] {
        assert!(matches!(ids.try_generate(), Err(GenerateError::ClockBehind { .. })));
        assert_eq!(ids.stats().clock_behind, calls);
        assert!(matches!(ids.generate(), Err(GenerateError::ClockBehind { .. })));
        assert_eq!(ids.stats().clock_behind, calls + 1);
    }
}

#[test]
fn each_call_that_fails_because_the_tick_is_used_up_counts_once() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_wait(ms(0)));
    drain(&ids, SIZE);
    let drained = ids.stats().exhausted;
    for calls in [0, 4, 8] {
        assert_eq!(ids.stats().exhausted, drained + calls);
        assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
        assert!(matches!(ids.generate(), Err(GenerateError::Exhausted { .. })));
        assert!(matches!(ids.local(8).try_generate(), Err(GenerateError::Exhausted { .. })));
        assert!(matches!(ids.local(8).generate(), Err(GenerateError::Exhausted { .. })));
    }
    assert_eq!((ids.stats().overflow_waits, ids.stats().clock_behind), (0, 0));
}

/// Every kind of refusal, one after the other, on one generator: only the counters of refusals and waits change.
#[test]
fn i6_refused_calls_change_nothing() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.fence(TICK + 2).max_wait(ms(1)));
    drain(&ids, SIZE);
    let before = ids.stats();
    let refused_at = |unix_ms, clock_behind, overflow_waits, exhausted| {
        ids.clock().set(unix_ms);
        ids.try_generate().unwrap_err();
        ids.generate().unwrap_err();
        assert!(ids.generate_batch(9).unwrap_err().issued().is_empty());
        assert_eq!(ids.fill(&mut [casflake::Snowflake::MIN; 9]).unwrap_err().filled(), 0);
        let (stats, mut expected) = (ids.stats(), before.clone());
        (expected.clock_behind, expected.overflow_waits) = (clock_behind, overflow_waits);
        expected.exhausted += exhausted;
        expected.overflow_wait_time = stats.overflow_wait_time;
        assert_eq!(stats, expected);
    };
    refused_at(NOW_MS, 0, 3, 1);
    refused_at(NOW_MS - HOUR_MS, 4, 3, 1);
    refused_at(0, 8, 3, 1);
    refused_at(NOW_MS + 2, 8, 3, 1);
    refused_at(u64::MAX, 8, 3, 1);
    ids.generate_batch(0).unwrap_err();
    assert_eq!(ids.extend_fence(u64::MAX).ok(), None);
    assert_eq!((ids.stats().ids, ids.fence()), (SIZE as u64, TICK + 2));
    ids.clock().set(NOW_MS + 1);
    assert_eq!(ids.generate().map(super::slot), Ok((TICK + 1, 0)));
}
