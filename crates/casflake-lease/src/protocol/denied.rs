//! Why nothing is granted: it is too early, or the store's clock is behind.

use super::{Space, View};
use crate::error::LostReason;
use crate::terms::Terms;

/// Why nothing is granted. Times are ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Each worker's window reaches beyond `now`; the first of them until `until`.
    NoFreeWorker {
        /// How many workers the space has.
        workers: u64,
        /// The tick from which the first of them is free.
        until: u64,
    },
    /// The store is new, or has lost something: the first window begins at `floor`.
    Floor {
        /// The tick.
        floor: u64,
    },
    /// The store's clock is behind what it has granted, or what the caller has issued, up to here.
    StoreClockBehind {
        /// The tick.
        until: u64,
    },
    /// The space is absent, and the caller is not to make it.
    NoSpace,
    /// The space is another layout's.
    OtherLayout,
    /// The clock has passed the layout's last tick.
    OutOfTicks,
    /// The lease is its holder's no more.
    Lost(LostReason),
}

/// Returns `wait`, the reason why nothing is granted before `tick`, if clocks that are no further apart than they may be
/// can give it. By these neither a floor nor the end of a window lies beyond the reach, so a longer wait is for the clock
/// alone.
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick that the store knows of: its clock was no further behind that than a new window or a new floor
/// reaches into the future.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
