//! Order across threads, where one call happens before another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use casflake_loom_tests::{AtomicU64, Ids, Outcome, exhaustive, generator, together};

struct Relay {
    ids: Arc<Ids>,
    /// The last ID that was passed on.
    passed: AtomicU64,
}

fn relay() -> Arc<Relay> {
    Arc::new(Relay { ids: generator(), passed: AtomicU64::new(0) })
}

/// Takes an ID, which is above the one passed on before, and passes it on.
fn take_above(relay: &Relay) -> Option<Outcome> {
    // ORDERING: Acquire, paired with the Release below: the call there then happens before the one here.
    let before = relay.passed.load(Ordering::Acquire);
    let outcome = relay.ids.try_generate();
    if let Ok(id) = outcome {
        assert!(id.as_u64() > before, "{id:?} after {before}");
        // ORDERING: Release, paired with the load above, and nothing stronger: the generator's own atomics have to bring
        // about the order, as weak as they are.
        relay.passed.store(id.as_u64(), Ordering::Release);
    }
    Some(outcome)
}

fn tick(relay: &Relay) -> Option<Outcome> {
    relay.ids.clock().set(2);
    None
}

/// Would catch: a word that a thread keeps from an earlier call, or loads older than it has been told of.
#[test]
fn i2_an_id_is_above_the_one_that_was_passed_on() {
    exhaustive(|| {
        together(&relay(), [tick, take_above, take_above]);
    });
}

/// Would catch: the same where the order comes by way of a third thread.
#[test]
fn i2_an_id_is_above_those_that_were_passed_on_by_way_of_others() {
    exhaustive(|| {
        together(&relay(), [take_above, take_above, take_above]);
    });
}
