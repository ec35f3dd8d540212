//! Batches and buffers: complete, or ended midway with the IDs issued before.

use std::error::Error;

use casflake::{
    GenerateError, Generator, Layout, MAX_BATCH, ManualClock, Scheme, Snowflake, Sonyflake, Standard, WorkerId,
};

use super::clocks::Script;
use super::{HOUR_MS, NOW_MS, SIZE, TICK, drain, ms, on, slot, with};

fn slots(ids: &[Snowflake]) -> Vec<(u64, u64)> {
    ids.iter().copied().map(slot).collect()
}

/// Returns the `count` slots from (`TICK`, `first`) on, tick after tick.
fn following(first: usize, count: usize) -> Vec<(u64, u64)> {
    (first..first + count).map(|slot| (TICK + (slot / SIZE) as u64, (slot % SIZE) as u64)).collect()
}

#[test]
fn a_batch_takes_the_next_slots_and_knows_its_highest_sequence() {
    let ids = on(ManualClock::new(NOW_MS));
    let first = ids.generate_batch(10).expect("a batch");
    assert_eq!((slots(&first), first.max_sequence()), (following(0, 10), 9));
    let second = ids.generate_batch(3).expect("a batch");
    assert_eq!((slots(&second), second.max_sequence()), (following(10, 3), 12));
    assert!(first.iter().all(|id| (id.datacenter(), id.worker()) == (9, 17)));
}

#[test]
fn a_batch_goes_on_over_ticks_without_a_gap() {
    let ids = on(Script::new((NOW_MS..).take(4)));
    let batch = ids.generate_batch(2 * SIZE + 5).expect("three ticks");
    assert_eq!(slots(&batch), following(0, 2 * SIZE + 5));
    assert_eq!(batch.max_sequence(), SIZE as u64 - 1);
    assert!(batch.into_vec().capacity() < 2 * SIZE + SIZE / 2, "allocated once, and not for more IDs than needed");
}

/// After a wait, too, a batch takes all slots that it needs of a tick with one look and one exchange.
#[test]
fn a_batch_takes_all_slots_that_it_needs_of_a_tick_together() {
    let ids = on(Script::new([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1]));
    let batch = ids.generate_batch(SIZE + 5).expect("two ticks");
    assert_eq!(slots(&batch), following(0, SIZE + 5));
    let looks = ids.clock().looks() - ids.stats().cas_retries;
    assert!(looks <= 4, "{looks} looks: one for the first tick, two that find it full, one for the second");
}

/// Sonyflake keeps the sequence above the worker, so that its IDs of one tick are 2^16 apart.
#[test]
fn a_batch_steps_by_the_place_of_the_sequence() {
    let clock = ManualClock::new(1_409_529_600_000 + 50);
    let ids = Generator::with_clock(WorkerId::<Sonyflake>::fixed_in::<0, 65_535>(), clock);
    let batch = ids.generate_batch(256).expect("a tick");
    let expected: Vec<u64> = (0..256).map(|sequence| 5 << 24 | sequence << 16 | 65_535).collect();
    assert_eq!(batch.iter().map(|id| id.as_u64()).collect::<Vec<_>>(), expected);
}

#[test]
fn i6_a_batch_refused_midway_carries_its_ids() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_wait(ms(1)));
    ids.generate_batch(100).expect("a batch");
    let error = ids.generate_batch(5_000).unwrap_err();
    assert_eq!(slots(error.issued()), following(100, SIZE - 100));
    assert_eq!(error.error(), GenerateError::ClockStalled { max_wait: ms(1) });
    assert_eq!((error.is_retryable(), error.to_string().contains("3996")), (true, true));
    assert_eq!(error.source().map(ToString::to_string), Some(error.error().to_string()));
    ids.clock().advance(1);
    assert_eq!(ids.generate().map(slot), Ok((TICK + 1, 0)), "the refused rest took no slots");
    assert_eq!(ids.stats().ids, SIZE as u64 + 1);
    assert_eq!(error.into_issued().into_vec().len(), SIZE - 100);
}

#[test]
fn i6_a_clock_that_steps_back_midway_ends_a_batch_with_its_ids() {
    let ids = on(Script::new([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1, NOW_MS - HOUR_MS]));
    let error = ids.generate_batch(3 * SIZE).unwrap_err();
    assert_eq!(slots(error.issued()), following(0, 2 * SIZE));
    assert_eq!(error.error(), GenerateError::ClockBehind { by: ms(HOUR_MS + 1) });
}

#[test]
fn i6_a_fence_ends_a_batch_with_the_ids_below_it() {
    let ids = with(Script::new(NOW_MS..NOW_MS + 9), |builder| builder.fence(TICK + 2));
    let error = ids.generate_batch(3 * SIZE).unwrap_err();
    assert_eq!(error.error(), GenerateError::Fenced { fence: TICK + 2 });
    assert_eq!(slots(error.issued()), following(0, 2 * SIZE));

    let error = ids.fill(&mut [Snowflake::MIN]).unwrap_err();
    assert_eq!((error.filled(), error.error()), (0, GenerateError::Fenced { fence: TICK + 2 }));
    assert!(!error.is_retryable(), "time alone moves no fence");
}

#[test]
fn i6_a_buffer_filled_in_part_says_how_far_and_leaves_the_rest() {
    let ids = with(ManualClock::new(NOW_MS), |builder| builder.max_wait(ms(1)));
    let mut buffer = vec![Snowflake::MAX; 5_000];
    let error = ids.fill(&mut buffer).unwrap_err();
    assert_eq!((error.filled(), error.error()), (SIZE, GenerateError::ClockStalled { max_wait: ms(1) }));
    assert_eq!(slots(&buffer[..SIZE]), following(0, SIZE));
    assert!(buffer[SIZE..].iter().all(|id| *id == Snowflake::MAX));
    assert_eq!((error.is_retryable(), error.to_string().contains("4096")), (true, true));
    assert_eq!(error.source().map(ToString::to_string), Some(error.error().to_string()));

    let error = ids.fill(&mut buffer).unwrap_err();
    assert_eq!(error.filled(), 0);
    assert_eq!(slots(&buffer[..SIZE]), following(0, SIZE), "a buffer that is refused immediately is unchanged");
}

#[test]
fn a_buffer_is_filled_over_ticks_without_a_gap() {
    let ids = on(Script::new((NOW_MS..).take(4)));
    let mut buffer = vec![Snowflake::<Standard>::MIN; 2 * SIZE + 5];
    assert_eq!(ids.fill(&mut buffer), Ok(()));
    assert_eq!(slots(&buffer), following(0, 2 * SIZE + 5));
}

#[test]
fn an_empty_buffer_is_filled_by_any_generator() {
    let ids = on(ManualClock::new(0));
    ids.close();
    assert_eq!(ids.fill(&mut []), Ok(()));
}

#[test]
fn i5_a_count_of_0_or_too_large_is_refused_and_changes_nothing() {
    let ids = on(ManualClock::new(NOW_MS));
    for count in [0, MAX_BATCH + 1, usize::MAX] {
        let error = ids.generate_batch(count).unwrap_err();
        assert_eq!(error.error(), GenerateError::Count { count, max: MAX_BATCH });
        assert_eq!((error.issued().len(), error.issued().max_sequence(), error.is_retryable()), (0, 0, false));
        assert!(error.error().to_string().contains(&count.to_string()), "{}", error.error());
    }
    assert_eq!((ids.stats().ids, ids.last_tick()), (0, None));
}

#[test]
fn a_batch_is_a_slice_and_can_be_turned_into_its_ids() {
    let ids = on(ManualClock::new(NOW_MS));
    let batch = ids.generate_batch(4).expect("a batch");
    let copied: Vec<_> = (&batch).into_iter().copied().collect();
    assert_eq!((batch.as_ref(), &batch[..]), (&copied[..], &copied[..]));
    assert_eq!(batch.clone(), batch);
    assert_eq!(Vec::from(batch.clone()), copied);
    assert_eq!(batch.into_iter().collect::<Vec<_>>(), copied);
    assert_eq!(drain(&ids, SIZE).0.len(), SIZE - 4);
}

#[test]
fn the_largest_batch_is_granted() {
    /// A tick holds all of it.
    struct Roomy;

    impl Scheme for Roomy {
        const LAYOUT: Layout = Layout::new(30, 0, 1, 24).with_epoch_unix_ms(NOW_MS);
    }

    let ids = Generator::with_clock(WorkerId::<Roomy>::fixed_in::<0, 1>(), ManualClock::new(NOW_MS + 1));
    assert_eq!(ids.generate_batch(MAX_BATCH).expect("the largest batch").len(), MAX_BATCH);
}
