//! `Denied`: the reasons to refuse a request, and the choice between "too early" and "the store's clock is behind".

use super::{Space, View};
use crate::error::LostReason;
use crate::terms::Terms;

/// Why a request was denied. Times are ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Each worker's window ends after `now`.
    NoFreeWorker {
        /// How many workers the space has.
        workers: u64,
        /// The tick from which the first of them is free.
        until: u64,
    },
    /// The store is new, or has lost data.
    Floor {
        /// The tick at which the first window begins.
        floor: u64,
    },
    /// The store's clock is behind the windows granted, or behind the ticks that the caller has issued.
    StoreClockBehind {
        /// The tick that the clock has to reach.
        until: u64,
    },
    /// The space is absent, and the caller may not create it.
    NoSpace,
    /// The space has another layout.
    OtherLayout,
    /// The clock is past the layout's last tick.
    OutOfTicks,
    /// The caller no longer holds the lease.
    Lost(LostReason),
}

/// Returns `wait`, the reason why nothing is granted before `tick`, if it can be the reason. If clocks are apart by the
/// slack at most, neither a floor nor the end of a window lies beyond the reach. So the reason for a longer wait is
/// always that the clock is behind.
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick that the store knows of. The store's clock has once been behind it by at most as much as a
/// new window or a new floor reaches into the future.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
