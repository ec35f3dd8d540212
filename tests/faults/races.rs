//! Two calls at the same time, made exact: the clock runs the second call in the middle of the first, between its look
//! at the clock and its compare-and-swap.

use std::sync::{Arc, Mutex};

use casflake::{Clock, GenerateError, Generator, GeneratorBuilder, Snowflake, Standard, Stats};

use super::clocks::Interrupted;
use super::{HOUR_MS, NOW_MS, SIZE, TICK, WORKER, drain, slot};

type StaticIds = &'static Generator<Standard, Interrupted>;

fn static_ids() -> StaticIds {
    let builder = GeneratorBuilder::new(WORKER, Interrupted::new(NOW_MS));
    Box::leak(Box::new(builder.build().expect("settings that fit")))
}

/// Returns a generator with a hot path that is a tick behind. Its first call takes the slow path for that reason; the
/// later calls of a strict generator do so, too.
fn lagging(strict: bool) -> StaticIds {
    let builder = GeneratorBuilder::new(WORKER, Interrupted::new(NOW_MS).lagging()).not_before(TICK).strict(strict);
    Box::leak(Box::new(builder.build().expect("settings that fit")))
}

/// Lets another call draw an ID during each of the next `looks` looks, after the clock has moved on by `ms`.
fn meddle(ids: StaticIds, looks: u64, ms: u64) -> Arc<Mutex<Vec<Snowflake>>> {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let others = Arc::clone(&taken);
    ids.clock().interrupt(looks, move || {
        ids.clock().time.advance(ms);
        others.lock().expect("no panic").push(ids.try_generate().expect("an ID"));
    });
    taken
}

fn slots(ids: &Mutex<Vec<Snowflake>>) -> Vec<(u64, u64)> {
    ids.lock().expect("no panic").iter().copied().map(slot).collect()
}

/// Checks how many compare-and-swaps failed because of other calls. On some processors, but not on x86, more may fail
/// spuriously.
fn assert_failed_cas(stats: &Stats, expected: u64) {
    let is_exact = cfg!(target_arch = "x86_64");
    let failed = stats.cas_retries;
    assert!(if is_exact { failed == expected } else { failed >= expected }, "{failed} failed, not {expected}");
}

#[test]
fn i1_a_slot_that_another_call_took_in_between_is_not_handed_out_again() {
    let ids = lagging(false);
    // A call retries however often its compare-and-swap fails.
    let others = meddle(ids, 50, 0);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK, 50)));
    assert_eq!(slots(&others), (0..50).map(|sequence| (TICK, sequence)).collect::<Vec<_>>());
    let stats = ids.stats();
    assert_eq!((stats.ids, stats.ticks), (51, 1));
    assert_failed_cas(&stats, 50);
}

#[test]
fn i1_a_batch_takes_none_of_the_slots_that_another_call_took_in_between() {
    let ids = lagging(false);
    let others = meddle(ids, 2, 0);
    let batch = ids.generate_batch(5).expect("a batch");
    assert_eq!(slots(&others), [(TICK, 0), (TICK, 1)]);
    assert_eq!(batch.iter().copied().map(slot).collect::<Vec<_>>(), (2..7).map(|s| (TICK, s)).collect::<Vec<_>>());
    assert_eq!(ids.stats().ids, 7);
}

/// The other calls move the tick on each time. So the clock has to be read anew after each load of the word: a reading
/// from before the move would look like a step back.
#[test]
fn i4_a_word_that_another_call_moved_on_is_not_a_step_back() {
    for strict in [false, true] {
        let ids = lagging(strict);
        let others = meddle(ids, 3, 1);
        // The others are a tick behind, on the hot path.
        assert_eq!(ids.try_generate().map(slot), Ok((TICK + 3, 0)));
        assert_eq!(slots(&others), [(TICK, 0), (TICK + 1, 0), (TICK + 2, 0)]);
        let stats = ids.stats();
        assert_eq!((stats.ids, stats.ticks, stats.clock_behind), (4, 4, 0));
        assert_failed_cas(&stats, 3);
    }
}

/// On the hot path the clock is read before the word. A call in between can move the word beyond that reading.
#[test]
fn i4_a_reading_older_than_the_word_is_not_a_step_back() {
    for strict in [false, true] {
        let builder = GeneratorBuilder::new(WORKER, Interrupted::new(NOW_MS)).strict(strict);
        let ids: StaticIds = Box::leak(Box::new(builder.build().expect("settings that fit")));
        ids.generate().expect("an ID");
        let others = meddle(ids, 1, 1);
        assert_eq!(ids.try_generate().map(slot), Ok((TICK + 1, 1)));
        assert_eq!(slots(&others), [(TICK + 1, 0)]);
        assert_eq!((ids.stats().clock_behind, ids.stats().cas_retries), (0, 0));
    }
}

/// As above, but the other call has used up the whole tick.
#[test]
fn i6_a_reading_older_than_the_word_refuses_no_slot_that_is_free() {
    let ids = static_ids();
    ids.clock().interrupt(1, || {
        ids.generate_batch(SIZE).expect("the whole tick");
        ids.clock().time.advance(1);
    });
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 1, 0)));
}

/// Both calls find that the tick is over. Only the call that moves the word out of it records it.
#[test]
fn a_tick_that_two_calls_leave_together_is_recorded_once() {
    let ids = static_ids();
    ids.generate_batch(6).expect("a batch");
    ids.clock().time.advance(1);
    let others = meddle(ids, 1, 0);
    assert_eq!(ids.try_generate().map(slot), Ok((TICK + 1, 1)));
    assert_eq!(slots(&others), [(TICK + 1, 0)]);
    let stats = ids.stats();
    assert_eq!((stats.ids, stats.ticks, stats.max_sequence, stats.tick_max_sequence), (8, 2, 5, 1));
}

/// Another call takes the tick's last slot between the look and the exchange. The call has to see that the tick is
/// full.
#[test]
fn i3_a_call_that_loses_the_last_slot_waits_for_the_next_tick() {
    let ids = lagging(true);
    ids.generate_batch(SIZE - 1).expect("a batch");
    let others = meddle(ids, 1, 0);
    assert!(matches!(ids.try_generate(), Err(GenerateError::Exhausted { .. })));
    assert_eq!(slots(&others), [(TICK, SIZE as u64 - 1)]);
    assert_eq!(ids.stats().ids, SIZE as u64);
    assert_failed_cas(&ids.stats(), 1);
}

/// Other calls use up whole ticks while a call waits for them. It waits anew for each, with the whole of `max_wait`.
#[test]
fn i4_a_call_that_loses_whole_ticks_waits_for_each_anew() {
    let ids = static_ids();
    drain(ids, SIZE);
    ids.clock().interrupt(5, || {
        let begun = ids.clock().time.unix_ms() - NOW_MS + 1;
        ids.clock().time.advance(1);
        if begun < 5 {
            ids.generate_batch(SIZE).expect("the whole tick");
        }
    });
    assert_eq!(ids.generate().map(slot), Ok((TICK + 5, 0)));
    let stats = ids.stats();
    // The look on the hot path is not part of a wait; the call waited for the ticks 2, 3, 4 and 5.
    assert_eq!((stats.overflow_waits, stats.ids, stats.ticks), (4, 5 * SIZE as u64 + 1, 6));
}

/// The clock steps back while a call waits, and is set right again before the call looks a second time.
#[test]
fn i4_a_step_that_is_undone_before_it_is_confirmed_is_not_a_step_back() {
    let ids = static_ids();
    drain(ids, SIZE);
    ids.clock().time.set(NOW_MS - HOUR_MS);
    ids.clock().interrupt(2, || ids.clock().time.set(NOW_MS + 1));
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)));
    assert_eq!(ids.stats().clock_behind, 0);
}

/// The fence moves on while a call at the old fence looks at the clock.
#[test]
fn i8_a_fence_extended_meanwhile_lets_the_precise_look_through() {
    let ids: StaticIds = {
        let builder = GeneratorBuilder::new(WORKER, Interrupted::new(NOW_MS)).fence(TICK);
        Box::leak(Box::new(builder.build().expect("settings that fit")))
    };
    ids.clock().interrupt(1, || ids.extend_fence(TICK + 1).expect("a fence"));
    assert_eq!(ids.generate().map(slot), Ok((TICK, 0)));
    ids.clock().time.advance(1);
    assert_eq!(ids.try_generate(), Err(GenerateError::Fenced { fence: TICK + 1 }));
}
