//! Tests of `reserve`. For small layouts they try every word, clock reading, count, window and `max_lead`, with and
//! without `strict`. For wide layouts they try only values near the ends of the ranges, such as the last slot and the
//! last tick. The tests state the invariants with pairs (tick, sequence) and without bit shifts.

use core::ops::Range;

use super::{CLOSED, Cause, Limits, Refusal, Reservation, last_tick, reserve};

/// One call of `reserve`, with the word's fields as separate numbers.
#[derive(Clone, Copy, Debug)]
struct Case {
    word: u64,
    closed: bool,
    /// The word's tick. The closed bit is not part of it.
    tick: i128,
    sequence: u64,
    now_tick: i64,
    count: u64,
    limits: Limits,
    /// How many slots a tick has.
    size: u64,
}

impl Case {
    fn not_before(&self) -> i128 {
        i128::from(self.limits.initial / self.size)
    }

    fn fresh(&self) -> bool {
        self.tick == self.not_before() && self.sequence == 0
    }

    /// Returns the tick of the last slot handed out.
    fn last(&self) -> Option<i128> {
        if self.fresh() {
            None
        } else if self.sequence > 0 {
            Some(self.tick)
        } else {
            Some(self.tick - 1)
        }
    }

    fn horizon(&self) -> i128 {
        i128::from(self.now_tick) + i128::from(self.limits.max_lead)
    }

    /// Returns the tick whose slots the call asks for. This is the word's tick or the clock's tick, whichever is later.
    fn asked_tick(&self) -> i128 {
        self.tick.max(i128::from(self.now_tick))
    }

    fn pair(&self, slot: u64) -> (i128, u64) {
        (i128::from(slot / self.size), slot % self.size)
    }
}

/// Calls `check` with the limits of small layouts: with every window and every `max_lead`, with and without `strict`.
/// The second argument of `check` is the number of slots that a tick has.
pub(super) fn every_limits(mut check: impl FnMut(Limits, u64)) {
    for (timestamp, sequence_bits) in [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)] {
        let (end, size) = (2_u64.pow(timestamp), 2_u64.pow(sequence_bits));
        for not_before in 0..end {
            for fence in not_before + 1..=end {
                for max_lead in 0..=3.min(end - 1) {
                    for strict in [false, true] {
                        let initial = not_before * size;
                        check(Limits { sequence_bits, end, initial, fence, max_lead, strict }, size);
                    }
                }
            }
        }
    }
}

/// Returns every word that a generator with these limits can hold, without the closed bit. The words go from the
/// initial word to the largest word, in which the carry bit and all lower bits are 1.
pub(super) fn every_word(limits: &Limits, size: u64) -> Range<u64> {
    limits.initial..2 * limits.end * size
}

/// Returns pairs of a clock's tick and a count. The pairs include every tick and every count that can change the
/// outcome for a small layout with `size` slots in a tick.
pub(super) fn every_question(size: u64) -> impl Iterator<Item = (i64, u64)> {
    let beyond = 7; // past the end of a timestamp of 2 bits and the longest lead
    // Shifted left by 3 and by 2 bits, the numbers 2^61 and 2^62 would overflow the word and look like tick 0.
    let far = [i64::MIN, i64::MIN + 1, 1 << 61, (1 << 62) + 1, i64::MAX - 1, i64::MAX];
    let readings = (-5..=beyond).chain(far);
    readings.flat_map(move |now_tick| (1..=size + 2).chain([u64::MAX]).map(move |count| (now_tick, count)))
}

fn every_case(mut check: impl FnMut(&Case, Result<Reservation, Refusal>)) {
    every_limits(|limits, size| {
        for (now_tick, count) in every_question(size) {
            for plain in every_word(&limits, size) {
                for closed in [false, true] {
                    let word = if closed { plain | CLOSED } else { plain };
                    let (tick, sequence) = (i128::from(plain / size), plain % size);
                    let case = Case { word, closed, tick, sequence, now_tick, count, limits, size };
                    check(&case, reserve(word, now_tick, count, &limits));
                }
            }
        }
    });
}

fn every_grant(mut check: impl FnMut(&Case, Reservation)) {
    every_case(|case, outcome| {
        if let Ok(slots) = outcome {
            check(case, slots);
        }
    });
}

#[test]
fn i1_no_slot_is_before_the_word_and_the_next_word_is_after_every_slot() {
    every_grant(|case, slots| {
        assert!(slots.start >= case.word, "{case:?} {slots:?}");
        assert!(slots.next() > case.word, "{case:?} {slots:?}");
        assert_eq!(slots.next(), slots.start + slots.count, "{case:?} {slots:?}");
    });
}

#[test]
fn i1_no_slot_of_an_open_tick_is_skipped_and_a_new_tick_starts_at_0() {
    every_grant(|case, slots| {
        let slot = case.pair(slots.start);
        if i128::from(case.now_tick) > case.tick {
            assert_eq!(slot, (i128::from(case.now_tick), 0), "{case:?} {slots:?}");
        } else {
            assert_eq!(slot, (case.tick, case.sequence), "{case:?} {slots:?}");
        }
    });
}

#[test]
fn a_reservation_holds_as_many_slots_as_were_asked_for_or_as_its_one_tick_has_left() {
    every_grant(|case, slots| {
        let (_, sequence) = case.pair(slots.start);
        assert_eq!(slots.count, case.count.min(case.size - sequence), "{case:?} {slots:?}");
        assert!((1..=case.count).contains(&slots.count), "{case:?} {slots:?}");
        let last = slots.start + slots.count - 1;
        assert_eq!(case.pair(last).0, case.pair(slots.start).0, "{case:?} {slots:?}");
    });
}

#[test]
fn a_reservation_returns_its_own_tick_and_sequence() {
    every_grant(|case, slots| {
        let bits = case.limits.sequence_bits;
        let own = (i128::from(slots.tick(bits)), slots.sequence(bits));
        assert_eq!(own, case.pair(slots.start), "{case:?} {slots:?}");
    });
}

#[test]
fn i3_no_slot_is_ahead_of_the_clock_by_more_than_the_lead_except_the_rest_of_an_open_tick() {
    every_grant(|case, slots| {
        let (tick, _) = case.pair(slots.start);
        let rest_of_open_tick = tick == case.tick && case.sequence > 0;
        assert!(tick <= case.horizon() || rest_of_open_tick, "{case:?} {slots:?}");
    });
}

#[test]
fn i4_strict_grants_nothing_ahead_of_the_clock_by_more_than_the_lead() {
    every_grant(|case, slots| {
        if case.limits.strict {
            assert!(case.pair(slots.start).0 <= case.horizon(), "{case:?} {slots:?}");
        }
    });
}

#[test]
fn i5_no_tick_reaches_the_end_and_no_word_the_closed_bit() {
    every_grant(|case, slots| {
        assert!(case.pair(slots.start).0 < i128::from(case.limits.end), "{case:?} {slots:?}");
        assert!(i128::from(case.now_tick) < i128::from(case.limits.end), "{case:?} {slots:?}");
        assert_eq!(slots.next() & CLOSED, 0, "{case:?} {slots:?}");
    });
}

#[test]
fn i5_a_first_reading_before_the_epoch_grants_nothing() {
    every_grant(|case, slots| assert!(case.now_tick >= 0 || !case.fresh(), "{case:?} {slots:?}"));
}

#[test]
fn i8_no_slot_lies_outside_the_window() {
    every_grant(|case, slots| {
        let (tick, _) = case.pair(slots.start);
        assert!(tick >= case.not_before() && tick < i128::from(case.limits.fence), "{case:?} {slots:?}");
    });
}

#[test]
fn i8_a_closed_word_never_moves() {
    every_case(|case, outcome| {
        assert_eq!(case.closed, outcome == Err(Refusal::Closed), "{case:?} {outcome:?}");
    });
}

/// If several reasons apply, `reserve` returns the first one of this order: closed, before the epoch, out of ticks,
/// fenced, not begun.
#[test]
fn each_refusal_is_returned_if_it_holds_and_no_more_final_one_does() {
    every_case(|case, outcome| {
        let (end, fence) = (i128::from(case.limits.end), case.limits.fence);
        let waits = case.asked_tick() > case.horizon() && (case.sequence == 0 || case.limits.strict);
        match outcome {
            _ if case.closed => assert_eq!(outcome, Err(Refusal::Closed), "{case:?}"),
            _ if case.fresh() && case.now_tick < 0 => assert_eq!(outcome, Err(Refusal::BeforeEpoch), "{case:?}"),
            _ if case.asked_tick() >= end => assert_eq!(outcome, Err(Refusal::OutOfTicks), "{case:?}"),
            _ if case.asked_tick() >= i128::from(fence) => {
                assert_eq!(outcome, Err(Refusal::Fenced { fence }), "{case:?}");
            }
            Err(Refusal::NotBegun { tick, .. }) => {
                assert!(waits, "{case:?} {outcome:?}");
                assert_eq!(i128::from(tick), case.tick, "{case:?} {outcome:?}");
            }
            Err(_) => panic!("{case:?} {outcome:?}"),
            Ok(_) => assert!(!waits, "{case:?} {outcome:?}"),
        }
    });
}

#[test]
fn i4_neither_an_overflow_nor_a_window_that_has_not_opened_counts_as_behind() {
    every_case(|case, outcome| {
        let Err(Refusal::NotBegun { tick, cause }) = outcome else { return };
        match (cause, case.last()) {
            (Cause::Window, None) => assert_eq!(i128::from(tick), case.not_before(), "{case:?}"),
            (Cause::Behind { last }, Some(taken)) => {
                assert_eq!(i128::from(last), taken, "{case:?}");
                assert!(taken > case.horizon(), "{case:?}");
            }
            (Cause::Overflow, Some(taken)) => {
                assert!(taken <= case.horizon(), "{case:?}");
                assert_eq!((i128::from(tick), case.sequence), (taken + 1, 0), "{case:?}");
            }
            _ => panic!("{case:?} {outcome:?}"),
        }
    });
}

#[test]
fn the_last_tick_is_that_of_the_slot_before_the_word_even_if_closed() {
    every_case(|case, _| {
        let last = last_tick(case.word, case.limits.initial, case.limits.sequence_bits);
        assert_eq!(last.map(i128::from), case.last(), "{case:?}");
    });
}

#[test]
fn finished_counts_the_open_tick_left_behind_and_the_tick_filled_up() {
    every_grant(|case, slots| {
        let (tick, sequence) = case.pair(slots.start);
        let left = if tick > case.tick { case.sequence } else { 0 };
        let filled = if sequence + slots.count == case.size { case.size } else { 0 };
        assert_eq!(slots.finished(case.word, case.limits.sequence_bits), [left, filled], "{case:?} {slots:?}");
    });
}

/// Tries every run of four calls. In each call the clock's tick is -1 to 4, and the count is 1 to `size + 1`.
#[test]
fn recording_finished_ticks_counts_every_slot_of_every_run_once() {
    fn follow(word: u64, issued: u64, recorded: u64, calls: u32, limits: &Limits) {
        let size = 2_u64.pow(limits.sequence_bits);
        assert_eq!(recorded + word % size, issued, "{word:#b} {limits:?}");
        if calls == 0 {
            return;
        }
        for now_tick in -1..=4 {
            for count in 1..=size + 1 {
                if let Ok(slots) = reserve(word, now_tick, count, limits) {
                    let finished: u64 = slots.finished(word, limits.sequence_bits).into_iter().sum();
                    follow(slots.next(), issued + slots.count, recorded + finished, calls - 1, limits);
                }
            }
        }
    }
    for sequence_bits in 0..=2 {
        for strict in [false, true] {
            let limits = Limits { sequence_bits, end: 4, initial: 0, fence: 4, max_lead: 1, strict };
            follow(limits.initial, 0, 0, 4, &limits);
        }
    }
}

/// The widths of wide layouts, in bits. Each pair is the width of the tick and the width of the sequence. The two
/// widths add up to 62 bits or fewer.
const WIDE: [(u32, u32); 9] = [(41, 12), (42, 12), (39, 22), (61, 1), (62, 0), (31, 31), (2, 60), (1, 61), (1, 60)];

fn whole_range((timestamp, sequence_bits): (u32, u32)) -> (Limits, u64, u64) {
    let (end, size) = (2_u64.pow(timestamp), 2_u64.pow(sequence_bits));
    (Limits { sequence_bits, end, initial: 0, fence: end, max_lead: 0, strict: false }, end, size)
}

fn reading(tick: u64) -> i64 {
    tick.try_into().expect("no tick reaches bit 63")
}

#[test]
fn i5_the_last_slot_of_a_wide_layout_is_handed_out_and_its_carry_is_seen() {
    for widths in WIDE {
        let (limits, end, size) = whole_range(widths);
        let last_slot = (end - 1) * size + (size - 1);
        let last = reserve(last_slot, reading(end - 1), u64::MAX, &limits).expect("a slot is left");
        assert_eq!(last, Reservation { start: last_slot, count: 1 }, "{widths:?}");
        let full = last.next();
        assert_eq!((full, full & CLOSED), (end * size, 0), "{widths:?}");
        for now_tick in [i64::MIN, -1, 0, reading(end - 1), reading(end), i64::MAX] {
            assert_eq!(reserve(full, now_tick, 1, &limits), Err(Refusal::OutOfTicks), "{widths:?} {now_tick}");
        }
        assert_eq!(last_tick(full, 0, widths.1), Some(end - 1), "{widths:?}");
        assert_eq!(last_tick(full | CLOSED, 0, widths.1), Some(end - 1), "{widths:?}");
    }
}

#[test]
fn i5_a_reading_past_the_end_of_a_wide_layout_is_refused_not_wrapped() {
    for widths in WIDE {
        let (limits, end, size) = whole_range(widths);
        for word in [0, 1, size, (end - 1) * size] {
            let shifted_out = 1_i64.checked_shl(64 - widths.1).filter(|now_tick| *now_tick > 0).unwrap_or(i64::MAX);
            let (first, far) = (reading(end), reading(end) + reading(end - 1));
            for now_tick in [first, first + 1, far, shifted_out, i64::MAX - 1, i64::MAX] {
                assert_eq!(
                    reserve(word, now_tick, 1, &limits),
                    Err(Refusal::OutOfTicks),
                    "{widths:?} {word} {now_tick}"
                );
            }
        }
        let whole = reserve(0, reading(end - 1), u64::MAX, &limits);
        assert_eq!(whole, Ok(Reservation { start: (end - 1) * size, count: size }), "{widths:?}");
    }
}

#[test]
fn i3_the_longest_lead_overflows_at_no_reading() {
    // A tick that holds one slot is never open, so layouts without sequence bits are left out.
    for widths in WIDE.into_iter().filter(|&(_, sequence_bits)| sequence_bits > 0) {
        let (limits, end, size) = whole_range(widths);
        let limits = Limits { max_lead: end - 1, ..limits };
        let last_slot = (end - 1) * size + (size - 1);
        assert!(reserve(last_slot, 0, 1, &limits).is_ok(), "{widths:?}");
        let strict = Limits { strict: true, ..limits };
        for now_tick in [i64::MIN, i64::MIN + 1, -1] {
            let behind = Refusal::NotBegun { tick: end - 1, cause: Cause::Behind { last: end - 1 } };
            assert_eq!(reserve(last_slot, now_tick, 1, &strict), Err(behind), "{widths:?} {now_tick}");
        }
    }
}
