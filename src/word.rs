//! The word as a plain number, and the function that computes a reservation. This file has no atomics and no clock.
//!
//! ```text
//!   63     62 ..  T+S     T+S-1 .. S     S-1 .. 0        S = sequence bits, T = timestamp bits, T + S <= 62
//! +--------+-----------+-------------+-------------+
//! | closed |   carry   |    tick     |  sequence   |
//! +--------+-----------+-------------+-------------+
//! ```
//!
//! Without the *closed* bit the word is the first slot, a pair (tick, sequence), that was **not** handed out yet:
//!
//! * To hand out n slots of a tick, add n.
//! * A full tick carries into the next tick. The layout's last tick carries into the carry bit. So the end of the last
//!   tick is noticed, and the tick never wraps.
//! * The last slot handed out is `word - 1`, unless the word is still the initial one.
//!
//! | word | reads as |
//! |---|---|
//! | `initial` | no slot was handed out; the window opens at the word's tick |
//! | sequence > 0 | the word's tick is *open*: the last slot was taken from this tick, and this tick has more slots |
//! | sequence = 0, not `initial` | the tick before the word's tick is full, and no slot of the word's tick was handed out |
//! | tick = 2^T | the layout's last tick is full |
//! | closed | no slot will be handed out; the other bits stay as they were |

/// Bit 63: the generator was closed.
pub(crate) const CLOSED: u64 = 1 << 63;

/// The most bits that tick and sequence can have together: 64, minus the closed bit and one bit of carry.
pub(crate) const SLOT_BITS: u32 = 62;

/// The limits of a reservation. All ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// S, the width of the sequence.
    pub(crate) sequence_bits: u32,
    /// 2^T, the first tick that does not fit the timestamp.
    pub(crate) end: u64,
    /// The word that a generator starts with: `not_before << S`.
    pub(crate) initial: u64,
    /// The first tick whose slots may not be handed out. It is at most `end`.
    pub(crate) fence: u64,
    /// How many ticks ahead of the clock a slot may lie. It is below `end`.
    pub(crate) max_lead: u64,
    /// Whether to refuse if the clock is behind the last slot's tick, even while that tick has slots left.
    pub(crate) strict: bool,
}

/// `count` slots of one tick, beginning with the slot `start`. `count` is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) start: u64,
    pub(crate) count: u64,
}

/// Why no slot was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The generator was closed.
    Closed,
    /// No slot was handed out yet, and the clock is before the epoch.
    BeforeEpoch,
    /// The first free slot or the clock is past the last tick of the timestamp.
    OutOfTicks,
    /// The first free slot or the clock is at the fence or after it.
    Fenced { fence: u64 },
    /// The first free slot lies in a tick that has not begun.
    NotBegun { tick: u64, cause: Cause },
}

/// Why the first free slot's tick has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The ticks before that tick are full, which is a plain overflow.
    Overflow,
    /// No slot was handed out yet, and the window has not opened.
    Window,
    /// The clock moved back. It is before `last` by more than the lead. `last` is the tick of the last slot.
    Behind { last: u64 },
}

impl Refusal {
    /// Returns whether the reason is that the tick's slots are used up.
    pub(crate) const fn is_exhausted(self) -> bool {
        matches!(self, Self::NotBegun { cause: Cause::Overflow, .. })
    }

    /// Returns whether the reason is that the clock has moved back.
    pub(crate) const fn is_behind(self) -> bool {
        matches!(self, Self::NotBegun { cause: Cause::Behind { .. }, .. })
    }
}

impl Reservation {
    /// Returns the word after this reservation.
    pub(crate) const fn next(self) -> u64 {
        self.start + self.count
    }

    pub(crate) const fn tick(self, sequence_bits: u32) -> u64 {
        self.start >> sequence_bits
    }

    pub(crate) const fn sequence(self, sequence_bits: u32) -> u64 {
        self.start & sequence_mask(sequence_bits)
    }

    /// Returns how many slots were used in each of two ticks: the tick that is open in `word`, and the reservation's
    /// own tick. A number is 0 if this reservation does not move the generator out of that tick. If both ticks are the
    /// same, only the second number counts it.
    pub(crate) const fn finished(self, word: u64, sequence_bits: u32) -> [u64; 2] {
        let mask = sequence_mask(sequence_bits);
        let open = if self.tick(sequence_bits) == word >> sequence_bits { 0 } else { word & mask };
        let own = if self.next() & mask == 0 { mask + 1 } else { 0 };
        [open, own]
    }
}

/// Reserves 1 to `count` slots of one tick, and fewer than `count` only if the tick has fewer left. `count` is not 0.
///
/// `now_tick` is the clock's tick. It is negative before the epoch.
///
/// | word | clock | next word | outcome |
/// |---|---|---|---|
/// | open in tick t | in t, or before it (if `strict`, by `max_lead` at most) | `word + n` | the next n slots of t |
/// | any | in a tick u after the word's tick | `(u, n)` | the first n slots of u |
/// | `(u, 0)` | in u, or before it by `max_lead` at most | `(u, n)` | the first n slots of u |
/// | `(u, 0)`, or open in u if `strict` | before u by more than `max_lead` | `word` | refused: `NotBegun` |
/// | any | the clock or the slot at or after `fence` or `end` | `word` | refused: `Fenced`, `OutOfTicks` |
/// | `initial` | before the epoch | `word` | refused: `BeforeEpoch` |
/// | closed | any | `word` | refused: `Closed` |
///
/// The slots' tick is never after `now_tick + max_lead`, with one exception. If the clock moves back, an open tick is
/// used up, because an earlier reading allowed it.
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
    // In the remaining cases the word's tick is after the clock's tick, and it is not open or must not be used up.
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

/// Reserves as [`reserve`] does, but only in the common cases. In these cases the clock is before the fence, and the
/// word's tick is the clock's tick, an earlier tick, or (unless `strict`) a later tick that is open. Returns `None` in
/// all other cases, even if [`reserve`] would not refuse.
#[inline]
pub(crate) const fn reserve_fast(word: u64, now_tick: i64, count: u64, limits: &Limits) -> Option<Reservation> {
    let bits = limits.sequence_bits;
    let tick = word >> bits;
    // A closed word's tick is never before a fence. A tick before a fence fits the timestamp, so shifting it left does
    // not reach the closed bit.
    if now_tick >= signed(limits.fence) || tick >= limits.fence {
        return None;
    }
    // There are two branches and not a maximum, because in an open tick the next word does not depend on the clock's
    // reading. So the processor can compute the next word early.
    if signed(tick) == now_tick {
        return Some(clipped(word, count, bits));
    }
    if signed(tick) < now_tick {
        return Some(clipped(now_tick.unsigned_abs() << bits, count, bits));
    }
    let open = word & sequence_mask(bits) != 0;
    if open && !limits.strict { Some(clipped(word, count, bits)) } else { None }
}

/// Returns `count` slots from `start` on, or all slots left in the tick if these are fewer.
const fn clipped(start: u64, count: u64, sequence_bits: u32) -> Reservation {
    let room = (1 << sequence_bits) - (start & sequence_mask(sequence_bits));
    Reservation { start, count: min(count, room) }
}

/// Returns the tick of the last slot handed out, or `None` if no slot was handed out. `word` may be closed.
pub(crate) const fn last_tick(word: u64, initial: u64, sequence_bits: u32) -> Option<u64> {
    let word = word & !CLOSED;
    if word == initial { None } else { Some((word - 1) >> sequence_bits) }
}

/// Returns a number in which exactly the bits of the sequence are set.
pub(crate) const fn sequence_mask(sequence_bits: u32) -> u64 {
    (1 << sequence_bits) - 1
}

// This function exists because `Ord::min` is not a `const fn`.
const fn min(one: u64, other: u64) -> u64 {
    if one < other { one } else { other }
}

/// Returns `ticks` as a signed number, so that it can be compared with a clock's tick. Ticks of words, leads and ends
/// are at most 2^62, so they fit.
#[expect(clippy::cast_possible_wrap, reason = "no tick reaches bit 63")]
pub(crate) const fn signed(ticks: u64) -> i64 {
    ticks as i64
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
