//! `Denied`: the reasons to refuse a request. A function chooses between the reasons "too early" and "the store's clock
//! is behind".

use super::{Space, View};
use crate::error::LostReason;
use crate::terms::Terms;

/// The reason why a request was denied. All times are ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Every worker has a window that has not ended, or a holder that is known to be alive.
    NoFreeWorker {
        /// How many workers the space has.
        workers: u64,
        /// The tick from which the first worker is free.
        until: u64,
    },
    /// The store is new, or has lost data.
    Floor {
        /// The tick from which windows are granted.
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

/// Returns the reason why nothing is granted before `tick`. The reason is `wait`, unless the wait is too long for it:
/// then the reason is that the store's clock is behind. If clocks differ by at most the slack, no floor and no end of a
/// window lies beyond [`Terms::reach`].
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick that the store holds: its floor or the end of a window. A tick that is further in the future
/// than any new floor or window can be shows that the store's clock was ahead before, or has moved back.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
