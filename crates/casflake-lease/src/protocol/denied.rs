//! `Denied`: the reasons to refuse a request. The function `until_then` finds out whether a request has to wait because
//! the store's clock is behind, or for another reason.

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
        /// The earliest tick at which the window of a worker ends.
        until: u64,
    },
    /// The store is new, or has lost data.
    Floor {
        /// The tick from which the store grants leases.
        floor: u64,
    },
    /// One of these is true:
    ///
    /// * The floor or the end of a granted window is further ahead of the store's clock than the rules allow.
    /// * The new window would contain no tick after the last tick in which the caller has issued an ID.
    StoreClockBehind {
        /// When the store's clock has reached this tick, a request is no longer denied for this reason.
        until: u64,
    },
    /// The space is absent, and [`IfAbsent`](super::IfAbsent) forbids creating it.
    NoSpace,
    /// The layout of the space differs from the layout of the caller.
    OtherLayout,
    /// The store's clock is past the layout's last tick.
    OutOfTicks,
    /// The caller no longer holds the lease.
    Lost(LostReason),
}

/// Returns the reason why nothing is granted before `tick`. The reason is `StoreClockBehind` if `tick` or the floor is
/// later than [`Terms::reach`], and `wait` otherwise. A store can have several clocks, such as those of several
/// servers. As long as these clocks differ by at most [`CLOCK_SLACK`](crate::CLOCK_SLACK), every floor and every end of
/// a window is at [`Terms::reach`] or earlier.
pub(super) fn until_then(view: &View, space: &Space, tick: u64, wait: Denied, terms: &Terms) -> Denied {
    if tick.max(space.floor) <= terms.reach(view.now) {
        return wait;
    }
    Denied::StoreClockBehind { until: tick.max(latest(space.floor, view.records.values().map(|record| record.until))) }
}

/// Returns the latest tick among the floor and `untils`, the ends of the windows in the store. If the result is later
/// than [`Terms::reach`], the store's clock was ahead at some time in the past, or is behind now.
pub fn latest(floor: u64, untils: impl IntoIterator<Item = u64>) -> u64 {
    untils.into_iter().fold(floor, u64::max)
}
