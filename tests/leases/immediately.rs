//! Refusals that no time is spent on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use casflake::Standard;
use casflake::lease::{LeaseEvent, LeaseStore, LeasedGenerator, StoreError};

/// Asserts that a generator that may wait for a worker for ten minutes is refused without any wait. Returns the error.
#[track_caller]
pub(crate) fn refused_immediately(store: impl LeaseStore + 'static) -> StoreError {
    let has_waited = Arc::new(AtomicBool::new(false));
    let waits = Arc::clone(&has_waited);
    let builder = LeasedGenerator::<Standard>::builder(store).wait_for_worker(Duration::from_secs(600));
    let builder = builder.on_event(move |event| {
        // ORDERING: Relaxed: the callback runs on the thread that builds.
        waits.fetch_or(matches!(event, LeaseEvent::Waiting { .. }), Ordering::Relaxed);
    });
    let error = builder.build().expect_err("it is refused");
    assert!(!has_waited.load(Ordering::Relaxed), "it has waited: {error:?}");
    error
}
