//! Acquires the first lease of a generator. `build` may wait until a worker is free, or until a missing space is
//! restored or created.

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

/// The pause between two attempts while `build` waits for a worker.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Acquires the first lease, and returns the lease with its generator. After an error that may pass, tries again until
/// `patience` is over. But if the space is missing, gives up when `RESTORED_WITHIN` has passed since the first such
/// failure, or when `patience` is over, whichever is earlier. If `creates` is true and the store answers that it has no
/// other spaces, lets the store create the missing space.
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
            // The store is asked only once, because listing its spaces takes a while. If the store can't list its
            // spaces, it may have other spaces, so no space is created.
            if std::mem::take(&mut may_create) && source.create_unless_others() {
                continue;
            }
            // The space may have been lost, and another process may restore it soon.
            let since = *missing_since.get_or_insert_with(Instant::now);
            left = left.min(RESTORED_WITHIN.saturating_sub(since.elapsed()));
            is_passing = true;
        }
        if left.is_zero() || !is_passing {
            return Err(source.with_others(error));
        }
        // The other spaces are listed only once, because that takes the store a while.
        if is_missing && !std::mem::replace(&mut is_named, true) {
            error = source.with_others(error);
        }
        events.waiting(&error, Instant::now());
        thread::sleep(BETWEEN_TRIES.min(left));
    }
}
