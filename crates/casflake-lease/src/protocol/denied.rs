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
        /// The tick from which the store grants leases.
        floor: u64,
    },
    /// The store's clock is far behind the end of a window that was granted, or far behind the floor; or it is behind a
    /// tick in which the caller has issued an ID.
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

/// Returns the reason why nothing is granted before `tick`. The reason is `wait`, unless `tick` or the floor lies
/// beyond [`Terms::reach`]. Then the reason is that the store's clock is behind: as long as clocks differ by at most
/// the slack, no floor and no end of a window lies so far in the future.
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick that the store holds: the floor or the end of a window. If this tick is further in the
/// future than a new floor or the end of a new window can be, the store's clock was ahead before, or has moved back.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
