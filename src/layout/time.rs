//! Conversions between Unix milliseconds and ticks, according to a layout.

use crate::word::signed;

use super::Layout;

impl Layout {
    /// Returns the tick that contains the time `unix_ms`, in Unix milliseconds. Returns `None` if this time is before
    /// the epoch or after the last tick.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Scheme, Sonyflake2};
    ///
    /// let layout = Sonyflake2::LAYOUT; // ticks of 10 ms from 2025-01-01
    /// assert_eq!(layout.tick_at(1_735_689_600_019), Some(1));
    /// assert_eq!(layout.tick_at(1_735_689_599_999), None);
    /// assert_eq!(layout.unix_ms_of(1), Some(1_735_689_600_010));
    /// ```
    #[must_use]
    pub const fn tick_at(&self, unix_ms: u64) -> Option<u64> {
        if unix_ms < self.epoch_unix_ms {
            return None;
        }
        let tick = (unix_ms - self.epoch_unix_ms) / self.tick_ms;
        if tick > self.max_tick() { None } else { Some(tick) }
    }

    /// Returns the moment at which `tick` begins, in Unix milliseconds, or `None` if `tick` is larger than the last
    /// tick that the timestamp field can hold.
    #[must_use]
    pub const fn unix_ms_of(&self, tick: u64) -> Option<u64> {
        if tick > self.max_tick() { None } else { Some(self.epoch_unix_ms + tick * self.tick_ms) }
    }

    /// Returns the tick of a clock that reads `unix_ms`. The tick is negative if this time is before the epoch. The
    /// tick may be too large for the timestamp field.
    #[inline]
    pub(crate) const fn signed_tick_at(&self, unix_ms: u64) -> i64 {
        if unix_ms >= self.epoch_unix_ms {
            let ticks = (unix_ms - self.epoch_unix_ms) / self.tick_ms;
            if ticks <= i64::MAX.unsigned_abs() {
                return signed(ticks);
            }
        }
        self.clamped_tick_at(unix_ms)
    }

    /// Does the work of `signed_tick_at` in two rare cases: if the time is before the epoch, or if it is 2^63 ticks or
    /// more after the epoch. Returns `i64::MAX` in place of a larger tick, and `-i64::MAX` in place of a smaller tick.
    /// The two cases have their own function, so that the code of the usual case is short.
    #[cold]
    const fn clamped_tick_at(&self, unix_ms: u64) -> i64 {
        // A tick that is 2^63 ticks or more from the epoch does not fit the timestamp of any generator, so the exact
        // number does not matter.
        if unix_ms >= self.epoch_unix_ms {
            clamped((unix_ms - self.epoch_unix_ms) / self.tick_ms)
        } else {
            -clamped((self.epoch_unix_ms - unix_ms).div_ceil(self.tick_ms))
        }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "clamped")]
const fn clamped(ticks: u64) -> i64 {
    if ticks > i64::MAX as u64 { i64::MAX } else { ticks as i64 }
}
