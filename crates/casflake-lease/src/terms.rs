//! A layout's ticks, for those who measure in milliseconds.

use std::time::Duration;

use casflake::Layout;

use crate::error::StoreError;
use crate::protocol::{Denied, Terms};

/// The longest time to live that a lease can have. A constant of the protocol: what a store that has lost something
/// grants depends on it, whoever granted before.
pub const MAX_TTL: Duration = Duration::from_secs(120);

/// How far apart the clocks may be that one store's leases go by, or by how much one may be set back, for a store that
/// loses something: until [`MAX_TTL`] and this are over it grants nothing. (As long as a store keeps what it has
/// acknowledged, clocks may read what they like.) A constant of the protocol, too.
pub const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// How far a leased generator may lead its clock. Short, so that an operator who frees the worker of a process that has
/// ended does so when the ticks are over that it has used of the future.
pub const MAX_LEAD: Duration = Duration::from_secs(1);

/// By when a space that is lost is restored, if a process still runs that was ever granted a lease of it: such a process
/// asks the store each third of its time to live.
pub(crate) const RESTORED_WITHIN: Duration = Duration::from_secs(MAX_TTL.as_secs() / 3);

/// The most workers that a store can be initialised for.
pub const MAX_WORKERS: u64 = 65_536;

/// How many workers a store grants at most unless it was initialised for another number.
const WORKERS: u64 = 1024;

/// What two processes must agree on to share a store: all of the layout.
pub(crate) fn fingerprint(layout: &Layout) -> String {
    let order = layout.field_order();
    format!(
        "{}+{}+{}+{} bits, {order}, from {} ms in ticks of {} ms",
        layout.timestamp_bits(),
        layout.datacenter_bits(),
        layout.worker_bits(),
        layout.sequence_bits(),
        layout.epoch(),
        layout.tick_length()
    )
}

/// How many workers the layout tells apart.
pub(crate) fn workers_of(layout: &Layout) -> u64 {
    // Both fields together are narrower than 64 bits: the timestamp has one at least.
    (layout.max_datacenter() + 1) << layout.worker_bits()
}

pub(crate) fn terms(layout: &Layout) -> Terms {
    Terms {
        layout: fingerprint(layout),
        end: layout.max_tick() + 1,
        workers: workers_of(layout).min(WORKERS),
        max_ttl: ticks(layout, MAX_TTL),
        slack: ticks(layout, CLOCK_SLACK),
    }
}

/// How many ticks `time` takes, the last of them begun.
pub(crate) fn ticks(layout: &Layout, time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(1_000_000 * u128::from(layout.tick_length()));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// How long `ticks` take.
pub(crate) fn duration(layout: &Layout, ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(layout.tick_length()))
}

/// The tick in which a store's clock reads `unix_ms`.
pub(crate) fn tick(layout: &Layout, unix_ms: u64) -> Result<u64, StoreError> {
    let outside = StoreError::StoreClockOutside { unix_ms, epoch_unix_ms: layout.epoch() };
    layout.tick_at(unix_ms).ok_or(outside)
}

/// The time to live in ticks, where leases can have it.
pub(crate) fn ttl_ticks(layout: &Layout, ttl: Duration) -> Result<u64, StoreError> {
    if ttl < Duration::from_millis(1) || ttl > MAX_TTL {
        return Err(StoreError::Ttl { value: ttl, max: MAX_TTL });
    }
    Ok(ticks(layout, ttl))
}

/// The longest lead of a leased generator, in ticks.
pub(crate) fn lead_ticks(layout: &Layout) -> u64 {
    ticks(layout, MAX_LEAD).min(layout.max_tick())
}

/// Where a request was denied: a space and its store, by the names that people know.
pub(crate) struct Whereabouts<'a> {
    pub(crate) space: &'a str,
    pub(crate) place: String,
    /// Whose ticks the space's windows are, by what the store holds.
    pub(crate) stored: &'a str,
}

/// What the caller is told whose request was denied at the tick `now`.
pub(crate) fn refused(layout: &Layout, denied: Denied, now: u64, worker: u64, at: Whereabouts<'_>) -> StoreError {
    let from_now = |tick: u64| duration(layout, tick.saturating_sub(now));
    let Whereabouts { space, place, stored } = at;
    match denied {
        Denied::NoFreeWorker { workers, until } => StoreError::NoFreeWorker { workers, retry_after: from_now(until) },
        Denied::Floor { floor } => StoreError::NotYet { space: space.into(), retry_after: from_now(floor) },
        Denied::NoSpace => {
            StoreError::NoSpace { space: space.into(), place, others: Vec::new(), layout: fingerprint(layout) }
        }
        Denied::StoreClockBehind { until } => StoreError::StoreClockBehind { by: from_now(until) },
        Denied::OtherLayout => StoreError::OtherLayout { stored: stored.into(), asked: fingerprint(layout) },
        Denied::OutOfTicks => StoreError::StoreClockOutside {
            unix_ms: layout.epoch().saturating_add(now.saturating_mul(layout.tick_length())),
            epoch_unix_ms: layout.epoch(),
        },
        Denied::Lost(reason) => StoreError::Lost { worker, reason },
    }
}
