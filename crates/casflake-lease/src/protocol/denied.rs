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
    /// The end of a granted window, or the floor, is further ahead of the store's clock than the rules allow. Or the
    /// new window would contain no tick after the caller's last tick.
    StoreClockBehind {
        /// The tick that the clock has to reach.
        until: u64,
    },
    /// The space is absent, and [`IfAbsent`](super::IfAbsent) forbids creating it.
    NoSpace,
    /// The space has another layout.
    OtherLayout,
    /// The clock is past the layout's last tick.
    OutOfTicks,
    /// The caller no longer holds the lease.
    Lost(LostReason),
}

/// Returns the reason why nothing is granted before `tick`: `wait` if neither `tick` nor the floor is later than
/// [`Terms::reach`], and otherwise `StoreClockBehind`. As long as clocks differ by at most the slack, no floor and no
/// end of a window is later than [`Terms::reach`].
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick that the store holds: the floor or the end of a window, whichever is the latest of all. If
/// this tick is later than [`Terms::reach`], the store's clock was ahead before, or is behind now.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
