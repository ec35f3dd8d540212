//! `Random`: the random numbers of a run. A run is determined by its seed, so all of its numbers come from here.

use std::cell::Cell;

/// A generator of random numbers: SplitMix64.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `limit`; 0 if `limit` is 0.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// Returns a number from `low` to `high`, both inclusive.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Returns a number from `-reach` to `reach`.
    pub(crate) fn around(&self, reach: i64) -> i64 {
        let width = reach.unsigned_abs().saturating_mul(2).saturating_add(1);
        i64::try_from(self.below(width)).unwrap_or(0) - reach
    }

    /// Returns `true` in `permyriad` of 10,000 cases.
    pub(crate) fn chance(&self, permyriad: u64) -> bool {
        permyriad > 0 && self.below(10_000) < permyriad
    }

    pub(crate) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        let count = u64::try_from(choices.len()).unwrap_or(0);
        choices[usize::try_from(self.below(count)).unwrap_or(0)]
    }
}
