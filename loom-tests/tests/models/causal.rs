//! Order across threads, if one call happens before another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use casflake_loom_tests::{AtomicU64, Ids, bounded, exhaustive, generator, together};

struct Relay {
    ids: Arc<Ids>,
    /// The highest ID that was passed on.
    passed: AtomicU64,
}

fn relay() -> Arc<Relay> {
    Arc::new(Relay { ids: generator(), passed: AtomicU64::new(0) })
}

/// Draws an ID, asserts that it is above all that were passed on before, and passes it on.
fn take_above(relay: &Relay) {
    // ORDERING: Acquire, paired with the Release below: the calls before that store happen before this call.
    let before = relay.passed.load(Ordering::Acquire);
    if let Ok(id) = relay.ids.try_generate() {
        assert!(id.as_u64() > before, "{id:?} after {before}");
        // ORDERING: Release, paired with the load above, and Acquire, so that it also passes on the writes that were
        // released to it. Nothing stronger, because the generator's own atomics must establish the order, as weak as
        // they are.
        relay.passed.fetch_max(id.as_u64(), Ordering::AcqRel);
    }
}

fn take_above_twice(relay: &Relay) {
    take_above(relay);
    take_above(relay);
}

/// Would catch: a word that moves back behind an ID of another thread, for example because of a store in place of the
/// exchange.
#[test]
fn i2_an_id_is_above_those_that_were_passed_on() {
    exhaustive(|| {
        together(&relay(), [take_above_twice, take_above_twice]);
    });
}

/// Would catch: the same if the clock moves on, and the order is established through a third thread.
#[test]
fn i2_an_id_is_above_those_that_were_passed_on_through_a_third_thread() {
    fn tick_and_take_above(relay: &Relay) {
        relay.ids.clock().set(2);
        take_above(relay);
    }
    bounded(3, || {
        together(&relay(), [tick_and_take_above, take_above_twice, take_above]);
    });
}
