//! Refusals for which a generator does not wait.

use std::sync::mpsc;
use std::time::Duration;

use casflake::Standard;
use casflake_lease::{LeaseEvent, LeaseStore, LeasedGenerator, StoreError};

/// Asserts that a generator is refused without a wait, although it may wait for a worker for ten minutes. Returns the
/// error.
#[track_caller]
pub(crate) fn refused_immediately(store: impl LeaseStore + 'static) -> StoreError {
    let (sender, waits) = mpsc::channel();
    let builder = LeasedGenerator::<Standard>::builder(store).wait_for_worker(Duration::from_secs(600));
    let builder = builder.on_event(move |event| {
        if let LeaseEvent::Waiting { error, .. } = event {
            sender.send(format!("{error:?}")).expect("the test listens");
        }
    });
    let error = builder.build().expect_err("it is refused");
    assert_eq!(Vec::<String>::from_iter(waits.try_iter()), [""; 0], "it has waited, and then: {error:?}");
    error
}
