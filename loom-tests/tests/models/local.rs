//! Handles that reserve blocks of slots, on a layout of four slots per tick. A handle's third ID opens a block of two.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use casflake::{GenerateError, Generator, Layout, LocalGenerator, Scheme, Snowflake, WorkerId};
use casflake_loom_tests::{AtomicU64, Outcome, Time, exhaustive, together};

struct Four;

impl Scheme for Four {
    const LAYOUT: Layout = Layout::new(16, 0, 1, 2).with_epoch_unix_ms(1000);
}

type Fours = Generator<Four, Time>;

fn generator() -> Arc<Fours> {
    Arc::new(Generator::with_clock(WorkerId::<Four>::fixed_in::<0, 1>(), Time::at(1)))
}

fn take(handle: &mut LocalGenerator<'_, Four, Time>, calls: usize) -> Vec<Outcome<Four>> {
    (0..calls).map(|_| handle.try_generate()).collect()
}

fn take_three(ids: &Fours) -> Vec<Outcome<Four>> {
    take(&mut ids.local(2), 3)
}

/// Returns the IDs of all threads, sorted. Checks that each thread's IDs increase, that no two are the same, and that
/// none lies after the last tick of the word.
fn check(ids: &Fours, outcomes: Vec<Vec<Outcome<Four>>>) -> Vec<Snowflake<Four>> {
    let mut all = Vec::new();
    for outcomes in outcomes {
        let of_thread: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert!(of_thread.is_sorted_by(|one, next| one < next), "a thread's IDs increase: {of_thread:?}");
        all.extend(of_thread);
    }
    let issued = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), issued, "an ID was issued twice: {all:?}");
    assert!(all.last().map(|id| id.tick()) <= ids.last_tick());
    all
}

/// Would catch: a slot of a block that another handle also gets.
#[test]
fn i1_two_handles_share_no_slot_while_the_clock_moves_on() {
    fn take_tick_take(ids: &Fours) -> Vec<Outcome<Four>> {
        let mut handle = ids.local(2);
        let before = take(&mut handle, 2);
        ids.clock().set(2);
        [before, take(&mut handle, 1)].concat()
    }
    exhaustive(|| {
        let ids = generator();
        let outcomes = together(&ids, [take_tick_take, take_three]);
        check(&ids, outcomes);
    });
}

/// Would catch: a slot of a block that a single call also gets; a rest of a block that is used after its tick, or is
/// not counted as dropped.
#[test]
fn i1_a_handle_shares_no_slot_with_the_generator_itself() {
    fn take_tick_take(ids: &Fours) -> Vec<Outcome<Four>> {
        let mut handle = ids.local(2);
        let before = take(&mut handle, 3);
        ids.clock().set(2);
        let after = take(&mut handle, 1);
        assert!(after.iter().flatten().all(|id| id.tick() == 2), "before the clock's tick: {after:?}");
        [before, after].concat()
    }
    exhaustive(|| {
        let ids = generator();
        let outcomes = together(&ids, [take_tick_take, |ids| vec![ids.try_generate(), ids.try_generate()]]);
        let issued = check(&ids, outcomes).len() as u64;
        assert_eq!(ids.stats().ids, issued + ids.stats().unused);
    });
}

/// Would catch: an ID after the last tick that `close` has returned.
#[test]
fn i8_no_handle_issues_an_id_after_the_last_tick_that_close_returned() {
    struct Closed {
        ids: Arc<Fours>,
        last: AtomicU64,
    }
    exhaustive(|| {
        let closed = Arc::new(Closed { ids: generator(), last: AtomicU64::new(0) });
        let close: fn(&Closed) -> Vec<Outcome<Four>> = |closed| {
            closed.ids.clock().set(2);
            // ORDERING: Relaxed. It is loaded when no thread runs any more.
            closed.last.store(closed.ids.close().unwrap_or(0), Ordering::Relaxed);
            Vec::new()
        };
        let outcomes = together(&closed, [close, |closed| take_three(&closed.ids)]);
        let issued = check(&closed.ids, outcomes);
        // ORDERING: Relaxed, as above.
        let last = closed.last.load(Ordering::Relaxed);
        assert!(issued.iter().all(|id| id.tick() <= last), "{issued:?} after {last}");
    });
}

/// Would catch: a handle that goes on with its slots, although its thread knows that the generator was closed, because
/// the call of `close` has returned or because the thread has seen it closed.
#[test]
fn i8_a_thread_that_knows_of_the_close_gets_no_slot_from_a_handle() {
    struct KnownClose {
        ids: Arc<Fours>,
        closed: AtomicU64,
    }
    for by_the_caller in [true, false] {
        exhaustive(move || {
            let known = KnownClose { ids: generator(), closed: AtomicU64::new(u64::from(!by_the_caller)) };
            let close: fn(&KnownClose) = |known| {
                known.ids.close();
                // ORDERING: Release, paired with the load below.
                known.closed.store(2, Ordering::Release);
            };
            let take: fn(&KnownClose) = |known| {
                let mut handle = known.ids.local(2);
                let before = take(&mut handle, 3);
                // ORDERING: Acquire, paired with the store above.
                let knows = match known.closed.load(Ordering::Acquire) {
                    0 => false,
                    1 => known.ids.is_closed(),
                    _ => true,
                };
                let after = handle.try_generate();
                assert!(!knows || after == Err(GenerateError::Closed), "{before:?}, {after:?}");
            };
            together(&Arc::new(known), [close, take]);
        });
    }
}
