//! The first lease of a generator: `build` may wait for a worker, and for a space that is lost or not created yet.

use std::thread;
use std::time::{Duration, Instant};

use casflake::{Clock, Generator, Scheme};

use super::events::Events;
use super::keeper::Source;
use super::watch::Watched;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::store::LeaseStore;
use crate::terms::RESTORED_WITHIN;

/// The pause between two tries while `build` waits for a worker.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Acquires a lease. Retries for `patience` if none is granted, and for `RESTORED_WITHIN` at most if the space does not
/// exist.
pub(super) fn first_lease<S: Scheme, C: Clock + Clone, T: LeaseStore>(
    source: &mut Source<C, T>,
    patience: Duration,
    creates: bool,
    events: &mut Events,
) -> Result<(Lease, Generator<S, Watched<C>>), StoreError> {
    let started = Instant::now();
    let (mut missing_since, mut may_create, mut is_named) = (None, creates, false);
    loop {
        let mut error = match source.acquire(None) {
            Ok(acquired) => return Ok(acquired),
            Err(error) => error,
        };
        let mut left = patience.saturating_sub(started.elapsed());
        let mut is_passing = error.is_retryable();
        let is_missing = matches!(error, StoreError::NoSpace { .. });
        if is_missing {
            // Asked once: listing the spaces takes a while. A store that can't tell may have others.
            if std::mem::take(&mut may_create) && source.create_unless_others() {
                continue;
            }
            // The space may be lost, and about to be restored.
            let since = *missing_since.get_or_insert_with(Instant::now);
            left = left.min(RESTORED_WITHIN.saturating_sub(since.elapsed()));
            is_passing = true;
        }
        if left.is_zero() || !is_passing {
            return Err(source.with_others(error));
        }
        // Once, because listing the other spaces takes the store a while.
        if is_missing && !std::mem::replace(&mut is_named, true) {
            error = source.with_others(error);
        }
        events.waiting(&error, Instant::now());
        thread::sleep(BETWEEN_TRIES.min(left));
    }
}
