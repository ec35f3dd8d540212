//! Order across threads, where one call happens before another.

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

/// Takes an ID, which is above those passed on before, and passes it on.
fn take_above(relay: &Relay) {
    // ORDERING: Acquire, paired with the Release below: the calls there then happen before the one here.
    let before = relay.passed.load(Ordering::Acquire);
    if let Ok(id) = relay.ids.try_generate() {
        assert!(id.as_u64() > before, "{id:?} after {before}");
        // ORDERING: Release, paired with the load above, and Acquire, so that it passes on what those before it have
        // released; nothing stronger: the generator's own atomics have to bring about the order, as weak as they are.
        relay.passed.fetch_max(id.as_u64(), Ordering::AcqRel);
    }
}

fn take_above_twice(relay: &Relay) {
    take_above(relay);
    take_above(relay);
}

/// Would catch: a word that falls back behind what another thread was given, as by a store in place of the exchange.
#[test]
fn i2_an_id_is_above_those_that_were_passed_on() {
    exhaustive(|| {
        together(&relay(), [take_above_twice, take_above_twice]);
    });
}

/// Would catch: the same where the clock moves on, and the order comes by way of a third thread.
#[test]
fn i2_an_id_is_above_those_that_were_passed_on_by_way_of_others() {
    fn tick_and_take_above(relay: &Relay) {
        relay.ids.clock().set(2);
        take_above(relay);
    }
    bounded(3, || {
        together(&relay(), [tick_and_take_above, take_above_twice, take_above]);
    });
}
