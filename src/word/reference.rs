//! Tests that compare `reserve` with a simple reference implementation. The reference keeps the set of all slots handed
//! out, each as a pair (tick, sequence), and uses no bit operations.

use std::collections::BTreeSet;
use std::vec::Vec;

use super::tests::{every_limits, every_question, every_word};
use super::{CLOSED, Cause, Limits, Refusal, Reservation, reserve};

type Slot = (i128, u64);

/// The reference implementation: a generator that keeps the set of all slots that it has handed out.
#[derive(Clone, Debug)]
struct Reference {
    issued: BTreeSet<Slot>,
    closed: bool,
    /// How many slots a tick has.
    size: u64,
    not_before: i128,
    fence: i128,
    end: i128,
    max_lead: i128,
    strict: bool,
}

impl Reference {
    fn new(limits: &Limits) -> Self {
        let size = 2_u64.pow(limits.sequence_bits);
        Self {
            issued: BTreeSet::new(),
            closed: false,
            size,
            not_before: i128::from(limits.initial / size),
            fence: i128::from(limits.fence),
            end: i128::from(limits.end),
            max_lead: i128::from(limits.max_lead),
            strict: limits.strict,
        }
    }

    fn slot_after(&self, (tick, sequence): Slot) -> Slot {
        if sequence + 1 < self.size { (tick, sequence + 1) } else { (tick + 1, 0) }
    }

    /// Returns the next 1 to `count` slots of one tick, or the reason for refusing. Does not add the slots to the set.
    fn reserve(&self, now_tick: i64, count: u64) -> Result<Vec<Slot>, Refusal> {
        let now_tick = i128::from(now_tick);
        let last = self.issued.last().copied();
        if self.closed {
            return Err(Refusal::Closed);
        }
        if last.is_none() && now_tick < 0 {
            return Err(Refusal::BeforeEpoch);
        }
        // `first` is the earliest slot that is after every slot handed out, and neither before the window nor before
        // the clock's tick.
        let after_all = last.map_or((self.not_before, 0), |last| self.slot_after(last));
        let first = after_all.max((now_tick, 0));
        let (tick, _) = first;
        if tick >= self.end {
            return Err(Refusal::OutOfTicks);
        }
        if tick >= self.fence {
            return Err(Refusal::Fenced { fence: unsigned(self.fence) });
        }
        let begun = |tick: i128| tick <= now_tick + self.max_lead;
        let open = self.issued.iter().any(|&(issued, _)| issued == tick);
        if !begun(tick) && (self.strict || !open) {
            let cause = match last {
                None => Cause::Window,
                Some((last, _)) if begun(last) => Cause::Overflow,
                Some((last, _)) => Cause::Behind { last: unsigned(last) },
            };
            return Err(Refusal::NotBegun { tick: unsigned(tick), cause });
        }
        let mut slots = Vec::new();
        let mut slot = first;
        while slot.0 == tick && (slots.len() as u64) < count {
            slots.push(slot);
            slot = self.slot_after(slot);
        }
        Ok(slots)
    }
}

fn unsigned(tick: i128) -> u64 {
    tick.try_into().expect("a tick of the layout")
}

fn pairs(slots: Reservation, size: u64) -> Vec<Slot> {
    (slots.start..slots.next()).map(|slot| (i128::from(slot / size), slot % size)).collect()
}

#[test]
fn reserve_agrees_with_the_set_of_slots() {
    let mut granted = 0_u64;
    every_limits(|limits, size| {
        for word in every_word(&limits, size) {
            // A generator with this word may have handed out all slots from the initial one to the one before the word,
            // or only the one before the word. `first` is the first slot handed out.
            for first in [limits.initial, word.saturating_sub(1).max(limits.initial)] {
                let mut reference = Reference::new(&limits);
                reference.issued = (first..word).map(|slot| (i128::from(slot / size), slot % size)).collect();
                for closed in [false, true] {
                    reference.closed = closed;
                    let word = if closed { word | CLOSED } else { word };
                    for (now_tick, count) in every_question(size) {
                        let outcome = reserve(word, now_tick, count, &limits);
                        granted += u64::from(outcome.is_ok());
                        let slots = outcome.map(|slots| pairs(slots, size));
                        assert_eq!(
                            slots,
                            reference.reserve(now_tick, count),
                            "{word:#b} {now_tick} {count} {limits:?}"
                        );
                    }
                }
            }
        }
    });
    assert!(granted > 100_000, "{granted} grants compared");
}

/// In this test the reference's set of slots is empty at first, and each call adds its slots to the set. The test above
/// computes the set from the word instead.
#[test]
fn every_run_of_calls_agrees_with_the_set_of_slots() {
    fn follow(word: u64, reference: &Reference, calls: u32, limits: &Limits) {
        if calls == 0 {
            return;
        }
        for now_tick in -1..=5 {
            for count in 1..=reference.size + 1 {
                let outcome = reserve(word, now_tick, count, limits);
                let expected = reference.reserve(now_tick, count);
                let slots = outcome.map(|slots| pairs(slots, reference.size));
                assert_eq!(slots, expected, "{word:#b} {now_tick} {count} {limits:?} {reference:?}");
                if let (Ok(reservation), Ok(slots)) = (outcome, slots) {
                    let mut after = reference.clone();
                    after.issued.extend(slots);
                    follow(reservation.next(), &after, calls - 1, limits);
                }
            }
        }
    }
    for (sequence_bits, calls) in [(1, 4), (2, 3), (3, 3)] {
        for (not_before, fence) in [(0, 4), (1, 3)] {
            for (max_lead, strict) in [(0, false), (0, true), (1, false), (1, true)] {
                let initial = not_before * 2_u64.pow(sequence_bits);
                let limits = Limits { sequence_bits, end: 4, initial, fence, max_lead, strict };
                follow(initial, &Reference::new(&limits), calls, &limits);
            }
        }
    }
}
