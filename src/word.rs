//! The generator's word as a plain number, and the function that computes a reservation from it. This file uses no
//! atomics and reads no clock.
//!
//! ```text
//!   63     62 ..  T+S     T+S-1 .. S     S-1 .. 0        S = sequence bits, T = timestamp bits, T + S <= 62
//! +--------+-----------+-------------+-------------+
//! | closed |   carry   |    tick     |  sequence   |
//! +--------+-----------+-------------+-------------+
//! ```
//!
//! A slot is a pair (tick, sequence). The word without its *closed* bit is the first slot that was **not** handed out
//! yet.
//!
//! * To hand out n slots of a tick, add n to the word.
//! * If a tick is full, the addition carries into the tick bits, so the word moves to the next tick. If the layout's
//!   last tick is full, the addition carries into the carry bit. So the tick never wraps around to 0, and calls notice
//!   that no tick is left.
//! * The last slot handed out is `word - 1`, unless the word is still the initial one.
//!
//! | word | meaning |
//! |---|---|
//! | `initial` | no slot was handed out; the window begins with the word's tick |
//! | sequence > 0 | the word's tick is *open*: the last slot was taken from this tick, and this tick has more slots |
//! | sequence = 0, not `initial` | the tick before the word's tick is full, and no slot of the word's tick was handed out |
//! | tick = 2^T | the layout's last tick is full |
//! | closed | no slot will be handed out; the other bits stay as they were |

/// Bit 63. It is 1 if the generator was closed.
pub(crate) const CLOSED: u64 = 1 << 63;

/// The largest number of bits that the tick and the sequence can have together: 64, minus the closed bit and the carry
/// bit.
pub(crate) const SLOT_BITS: u32 = 62;

/// The limits of a reservation. These values of the layout and of the generator determine which slots a call can
/// reserve. All ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The width of the sequence, in bits. It is S in the diagram of this module.
    pub(crate) sequence_bits: u32,
    /// The first tick that does not fit the timestamp field: 2^T for a field of T bits.
    pub(crate) end: u64,
    /// The word that a generator starts with. It is the first slot of the window: the window's first tick, shifted left
    /// by `sequence_bits`.
    pub(crate) initial: u64,
    /// The first tick whose slots must not be handed out. It is at most `end`.
    pub(crate) fence: u64,
    /// How many ticks a slot may be ahead of the clock. `max_lead` is below `end`.
    pub(crate) max_lead: u64,
    /// If `true`, no call gets slots of an open tick that is ahead of the clock by more than `max_lead` ticks. If
    /// `false`, calls use up such a tick.
    pub(crate) strict: bool,
}

/// `count` consecutive slots of one tick, from the slot `start` on. `count` is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) start: u64,
    pub(crate) count: u64,
}

/// The reason why a call reserved no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The generator was closed.
    Closed,
    /// No slot was handed out yet, and the clock is before the epoch.
    BeforeEpoch,
    /// No tick is left. The word's tick, the clock's tick or both are too large for the timestamp field.
    OutOfTicks,
    /// The window has ended. The word's tick, the clock's tick or both are at the tick `fence` or later.
    Fenced { fence: u64 },
    /// The first slot not handed out yet is in the tick `tick`, which has not begun according to the clock.
    NotBegun { tick: u64, cause: Cause },
}

/// The reason why the tick of `Refusal::NotBegun` has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The tick before the tick of `NotBegun` is full. The clock is exactly `max_lead` ticks before the full tick. This
    /// can happen although the clock has not moved back, because calls may use slots that are `max_lead` ticks ahead of
    /// the clock.
    Overflow,
    /// No slot was handed out yet, and the window has not opened. The tick of `NotBegun` is the window's first tick.
    Window,
    /// The clock has moved back. The last slot handed out is in the tick `last`. The clock is before this tick by more
    /// than `max_lead` ticks.
    Behind { last: u64 },
}

impl Refusal {
    /// Returns whether this is `NotBegun` because the tick before the tick of `NotBegun` is full.
    pub(crate) const fn is_exhausted(self) -> bool {
        matches!(self, Self::NotBegun { cause: Cause::Overflow, .. })
    }

    /// Returns whether this is `NotBegun` because the clock has moved back.
    pub(crate) const fn is_behind(self) -> bool {
        matches!(self, Self::NotBegun { cause: Cause::Behind { .. }, .. })
    }
}

impl Reservation {
    /// Returns the generator's word after this reservation. It is the slot after the last reserved slot.
    pub(crate) const fn next(self) -> u64 {
        self.start + self.count
    }

    pub(crate) const fn tick(self, sequence_bits: u32) -> u64 {
        self.start >> sequence_bits
    }

    pub(crate) const fn sequence(self, sequence_bits: u32) -> u64 {
        self.start & sequence_mask(sequence_bits)
    }

    /// Returns how many slots were handed out in each of the ticks that this reservation finishes. No more slots of a
    /// finished tick are handed out. The statistics record these numbers. `word` is the generator's word before the
    /// reservation.
    ///
    /// * The first number is for the tick of `word`. It is 0 if the reservation is in the same tick, or if no slot of
    ///   that tick was handed out.
    /// * The second number is for the tick of the reservation. It is the number of all slots of a tick if the
    ///   reservation fills the tick up, else 0.
    pub(crate) const fn finished(self, word: u64, sequence_bits: u32) -> [u64; 2] {
        let mask = sequence_mask(sequence_bits);
        let open = if self.tick(sequence_bits) == word >> sequence_bits { 0 } else { word & mask };
        let own = if self.next() & mask == 0 { mask + 1 } else { 0 };
        [open, own]
    }
}

/// Returns the reservation of `count` slots of one tick, or of all slots that are left in the tick if these are fewer.
/// Returns a refusal if no slot may be handed out. `count` is not 0.
///
/// `now_tick` is the clock's tick. It is negative before the epoch. In this table, `(u, 0)` is the first slot of the
/// tick u, and n is the number of slots reserved. If several rows apply, the last of them counts.
///
/// | word | clock | next word | outcome |
/// |---|---|---|---|
/// | open in tick t | in t, or before t (if `strict`, by `max_lead` at most) | `word + n` | the next n slots of t |
/// | any | in a tick u after the word's tick | `(u, n)` | the first n slots of u |
/// | `(u, 0)` | in u, or before u by `max_lead` ticks at most | `(u, n)` | the first n slots of u |
/// | `(u, 0)`, or open in u if `strict` | before u by more than `max_lead` ticks | `word` | refused: `NotBegun` |
/// | any | any, if its tick or the word's tick is `fence` or later | `word` | refused: `Fenced` |
/// | any | any, if its tick or the word's tick is `end` or later | `word` | refused: `OutOfTicks` |
/// | `initial` | before the epoch | `word` | refused: `BeforeEpoch` |
/// | closed | any | `word` | refused: `Closed` |
///
/// The slots' tick is never after `now_tick + max_lead`, with one exception. If the clock has moved back, calls use up
/// the open tick, because an earlier reading of the clock allowed the slots of that tick.
pub(crate) const fn reserve(word: u64, now_tick: i64, count: u64, limits: &Limits) -> Result<Reservation, Refusal> {
    if let Some(slots) = reserve_fast(word, now_tick, count, limits) {
        return Ok(slots);
    }
    let bits = limits.sequence_bits;
    if word & CLOSED != 0 {
        return Err(Refusal::Closed);
    }
    if word == limits.initial && now_tick < 0 {
        return Err(Refusal::BeforeEpoch);
    }
    let tick = word >> bits;
    if now_tick >= signed(limits.end) || tick >= limits.end {
        return Err(Refusal::OutOfTicks);
    }
    if now_tick >= signed(limits.fence) || tick >= limits.fence {
        return Err(Refusal::Fenced { fence: limits.fence });
    }
    // In the remaining cases the word's tick is after the clock's tick. The word's tick is not open, or `strict`
    // forbids using it up.
    let horizon = now_tick.saturating_add(signed(limits.max_lead));
    if signed(tick) <= horizon {
        return Ok(clipped(word, count, bits));
    }
    let cause = match last_tick(word, limits.initial, bits) {
        None => Cause::Window,
        Some(last) if signed(last) > horizon => Cause::Behind { last },
        Some(_) => Cause::Overflow,
    };
    Err(Refusal::NotBegun { tick, cause })
}

/// Returns the same reservation as [`reserve`], but only in the common cases. In these cases the clock is before the
/// fence, and the word's tick is the clock's tick, an earlier tick, or (unless `strict`) a later tick that is open.
/// Returns `None` in all other cases, including cases in which [`reserve`] returns a reservation.
#[inline]
pub(crate) const fn reserve_fast(word: u64, now_tick: i64, count: u64, limits: &Limits) -> Option<Reservation> {
    let bits = limits.sequence_bits;
    let tick = word >> bits;
    // If the word is closed, `tick` contains the closed bit, so it is never before the fence. A tick before the fence
    // fits the timestamp, so shifting the tick left does not reach the closed bit.
    if now_tick >= signed(limits.fence) || tick >= limits.fence {
        return None;
    }
    // There are two branches instead of `max(tick, now_tick)`. So in the first branch the next word does not depend on
    // the clock's reading, and the processor can compute the next word before the reading is known.
    if signed(tick) == now_tick {
        return Some(clipped(word, count, bits));
    }
    if signed(tick) < now_tick {
        return Some(clipped(now_tick.unsigned_abs() << bits, count, bits));
    }
    let open = word & sequence_mask(bits) != 0;
    if open && !limits.strict { Some(clipped(word, count, bits)) } else { None }
}

/// Returns the `count` slots from `start` on, or all slots that are left in the tick of `start` if these are fewer.
const fn clipped(start: u64, count: u64, sequence_bits: u32) -> Reservation {
    let room = (1 << sequence_bits) - (start & sequence_mask(sequence_bits));
    Reservation { start, count: min(count, room) }
}

/// Returns the tick of the last slot handed out, or `None` if no slot was handed out. `word` may have the closed bit
/// set.
pub(crate) const fn last_tick(word: u64, initial: u64, sequence_bits: u32) -> Option<u64> {
    let word = word & !CLOSED;
    if word == initial { None } else { Some((word - 1) >> sequence_bits) }
}

/// Returns a mask of the sequence: a number whose lowest `sequence_bits` bits are 1 and whose other bits are 0.
pub(crate) const fn sequence_mask(sequence_bits: u32) -> u64 {
    (1 << sequence_bits) - 1
}

// This function exists because `Ord::min` is not a `const fn`.
const fn min(one: u64, other: u64) -> u64 {
    if one < other { one } else { other }
}

/// Returns `ticks` as a signed number, which can be compared with a clock's tick. `ticks` is at most `i64::MAX`. It is
/// a clock's tick, a word's tick, or one of the limits `fence`, `max_lead` and `end`. A word's tick and the limits are
/// at most 2^62.
#[expect(clippy::cast_possible_wrap, reason = "no tick reaches bit 63")]
pub(crate) const fn signed(ticks: u64) -> i64 {
    ticks as i64
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
