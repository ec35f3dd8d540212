//! The word as a pure value: what one reservation does to it. No atomics and no clock in here.
//!
//! ```text
//!   63     62 ..  T+S     T+S-1 .. S     S-1 .. 0        S = sequence bits, T = timestamp bits, T + S <= 62
//! +--------+-----------+-------------+-------------+
//! | closed |   carry   |    tick     |  sequence   |
//! +--------+-----------+-------------+-------------+
//! ```
//!
//! Without the *closed* bit the word is the first slot, a pair (tick, sequence), that was **not** handed out yet. So
//! handing out n slots of a tick adds n, a full tick carries into the next one, and the carry out of the layout's last
//! tick is seen rather than wrapped. The last slot handed out is `word - 1`, unless the word is still the initial one.
//!
//! | word | reads as |
//! |---|---|
//! | `initial` | nothing was handed out; the window opens at this tick |
//! | sequence > 0 | its tick is *open*: the last slot was taken from it, and there are more |
//! | sequence = 0, not `initial` | the tick before it is full, and this one has not begun: no slot of it is out |
//! | tick = 2^T | the layout's last tick is full |
//! | closed | nothing will be handed out any more; the other bits stay as they were |

/// Bit 63: the generator was closed.
pub(crate) const CLOSED: u64 = 1 << 63;

/// What a reservation has to respect. All ticks count from the layout's epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// S, the width of the sequence.
    pub(crate) sequence_bits: u32,
    /// 2^T, the first tick that does not fit the timestamp.
    pub(crate) end: u64,
    /// The word that a generator starts with: `not_before << S`.
    pub(crate) initial: u64,
    /// The first tick that may not be handed out; `end` at most.
    pub(crate) fence: u64,
    /// How many ticks ahead of the clock a slot may lie; below `end`.
    pub(crate) max_lead: u64,
    /// Whether a clock behind the last slot's tick is refused even while that tick has slots left.
    pub(crate) strict: bool,
}

/// One or more slots of one tick, from `start` on.
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
    /// Nothing was handed out yet, and the clock stands before the epoch.
    BeforeEpoch,
    /// The slot or the clock lies beyond the timestamp.
    OutOfTicks,
    /// The slot lies at the fence or after it.
    Fenced { fence: u64 },
    /// The first free slot lies in a tick that has not begun.
    NotBegun { tick: u64, cause: Cause },
}

/// Why the first free slot's tick has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The ticks before it are full: a plain overflow.
    Overflow,
    /// Nothing was handed out yet, and the window has not opened.
    Window,
    /// The clock stands before the tick that the last slot was taken from, `last`, less the lead.
    Behind { last: u64 },
}

impl Reservation {
    /// The word that follows.
    pub(crate) const fn next(self) -> u64 {
        self.start + self.count
    }

    pub(crate) const fn tick(self, sequence_bits: u32) -> u64 {
        self.start >> sequence_bits
    }

    pub(crate) const fn sequence(self, sequence_bits: u32) -> u64 {
        self.start & sequence_mask(sequence_bits)
    }

    /// How many slots were used in each tick that this reservation moved `word` out of: the one that was open before,
    /// and its own. 0 where it moved out of none.
    pub(crate) const fn finished(self, word: u64, sequence_bits: u32) -> [u64; 2] {
        let mask = sequence_mask(sequence_bits);
        let open = if self.tick(sequence_bits) == word >> sequence_bits { 0 } else { word & mask };
        let own = if self.next() & mask == 0 { mask + 1 } else { 0 };
        [open, own]
    }
}

/// Reserves 1 to `count` slots of one tick, as many as it has left, or says why not. `count` is not 0.
///
/// `now` is the clock's tick; negative before the epoch.
///
/// | word | clock | becomes | handed out |
/// |---|---|---|---|
/// | open in tick t | in t, or before it unless `strict` | `word + n` | the next n slots of t |
/// | any | in tick u after the word's | `(u, n)` | the first n slots of u |
/// | u not begun | in u | `(u, n)` | the first n slots of u |
/// | u not begun | before u by more than the lead | `word` | refused: `NotBegun` |
/// | any | the slot at or after `fence` or `end` | `word` | refused: `Fenced`, `OutOfTicks` |
/// | closed | any | `word` | refused: `Closed` |
///
/// The slots' tick is never ahead of `now + max_lead`, save that an open tick, which an earlier reading allowed, may be
/// used up by a clock that has stepped back.
pub(crate) const fn reserve(word: u64, now: i64, count: u64, limits: &Limits) -> Result<Reservation, Refusal> {
    if let Some(slots) = reserve_at_once(word, now, count, limits) {
        return Ok(slots);
    }
    let bits = limits.sequence_bits;
    if word & CLOSED != 0 {
        return Err(Refusal::Closed);
    }
    if word == limits.initial && now < 0 {
        return Err(Refusal::BeforeEpoch);
    }
    let tick = word >> bits;
    if now >= signed(limits.end) || tick >= limits.end {
        return Err(Refusal::OutOfTicks);
    }
    if now >= signed(limits.fence) || tick >= limits.fence {
        return Err(Refusal::Fenced { fence: limits.fence });
    }
    // What is left is a word ahead of the clock, in a tick that is not open or not to be used up.
    let horizon = now.saturating_add(signed(limits.max_lead));
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

/// [`reserve`] where that takes next to no thought: the clock stands within the window, and the word in its tick,
/// before it, or in a later one that is open. `None` where it may have to be refused.
#[inline]
pub(crate) const fn reserve_at_once(word: u64, now: i64, count: u64, limits: &Limits) -> Option<Reservation> {
    let bits = limits.sequence_bits;
    let tick = word >> bits;
    // No tick of a closed word is before a fence. One that is will fit: none of it is shifted into the closed bit.
    if now >= signed(limits.fence) || tick >= limits.fence {
        return None;
    }
    // Ways of their own rather than a maximum: of an open tick the next word is known before the clock's reading is.
    if signed(tick) == now {
        return Some(clipped(word, count, bits));
    }
    if signed(tick) < now {
        return Some(clipped(now.unsigned_abs() << bits, count, bits));
    }
    let open = word & sequence_mask(bits) != 0;
    if open && !limits.strict { Some(clipped(word, count, bits)) } else { None }
}

/// As many of `count` slots as the tick has from `start` on.
const fn clipped(start: u64, count: u64, sequence_bits: u32) -> Reservation {
    let room = (1 << sequence_bits) - (start & sequence_mask(sequence_bits));
    Reservation { start, count: min(count, room) }
}

/// The tick that the last slot was taken from, or `None` where none was. `word` may be closed.
pub(crate) const fn last_tick(word: u64, initial: u64, sequence_bits: u32) -> Option<u64> {
    let word = word & !CLOSED;
    if word == initial { None } else { Some((word - 1) >> sequence_bits) }
}

pub(crate) const fn sequence_mask(sequence_bits: u32) -> u64 {
    (1 << sequence_bits) - 1
}

// `Ord`'s is no `const fn`.
const fn min(one: u64, other: u64) -> u64 {
    if one < other { one } else { other }
}

/// Ticks, leads and ends are at most 2^62.
#[expect(clippy::cast_possible_wrap, reason = "no tick reaches bit 63")]
pub(crate) const fn signed(ticks: u64) -> i64 {
    ticks as i64
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
