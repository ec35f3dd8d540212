//! Converts a caller's request into ticks. Converts a denial, whose times are ticks, into an error for the caller.

use std::time::Duration;

use casflake::Layout;

use crate::error::StoreError;
use crate::protocol::Denied;
use crate::terms::{MAX_TTL, MAX_WORKERS, Terms, workers_of};

/// Returns the tick in which a store's clock reads `unix_ns`.
pub(crate) fn tick_of(terms: &Terms, unix_ns: u64) -> Result<u64, StoreError> {
    let unix_ms = unix_ns / 1_000_000;
    let outside = StoreError::StoreClockOutside { unix_ms, epoch_unix_ms: terms.epoch_unix_ms };
    terms.tick_at(unix_ms).ok_or(outside)
}

/// Returns `ttl`. Fails if it is not between 1 ms and [`MAX_TTL`].
pub(crate) fn ttl_within(ttl: Duration) -> Result<Duration, StoreError> {
    if ttl < Duration::from_millis(1) || ttl > MAX_TTL {
        return Err(StoreError::Ttl { value: ttl, max: MAX_TTL });
    }
    Ok(ttl)
}

/// Returns `workers`. Fails if a space of this layout can not have this number of workers.
pub(crate) fn workers_within(layout: &Layout, workers: u64) -> Result<u64, StoreError> {
    let max = workers_of(layout).min(MAX_WORKERS);
    if workers == 0 || workers > max {
        return Err(StoreError::Workers { value: workers, max });
    }
    Ok(workers)
}

/// The space and the store of a denied request, for the texts of errors.
pub(crate) struct Whereabouts<'a> {
    pub(crate) space: &'a str,
    pub(crate) place: String,
    /// The layout that the record of the space contains; empty if the store has no such record.
    pub(crate) stored: &'a str,
}

/// Returns the error for a caller whose request about `worker` was denied in the tick `now_tick`.
pub(crate) fn error_of(terms: &Terms, denied: Denied, now_tick: u64, worker: u64, at: Whereabouts<'_>) -> StoreError {
    let from_now = |tick: u64| terms.duration(tick.saturating_sub(now_tick));
    let Whereabouts { space, place, stored } = at;
    match denied {
        Denied::NoFreeWorker { workers, until } => StoreError::NoFreeWorker { workers, retry_after: from_now(until) },
        Denied::Floor { floor } => StoreError::NotYet { space: space.into(), retry_after: from_now(floor) },
        Denied::NoSpace => {
            StoreError::NoSpace { space: space.into(), place, others: Vec::new(), layout: terms.layout.clone() }
        }
        Denied::StoreClockBehind { until } => StoreError::StoreClockBehind { by: from_now(until) },
        Denied::OtherLayout => StoreError::OtherLayout { stored: stored.into(), asked: terms.layout.clone() },
        Denied::OutOfTicks => StoreError::StoreClockOutside {
            unix_ms: terms.epoch_unix_ms.saturating_add(now_tick.saturating_mul(terms.tick_ms)),
            epoch_unix_ms: terms.epoch_unix_ms,
        },
        Denied::Lost(reason) => StoreError::Lost { worker, reason },
    }
}
