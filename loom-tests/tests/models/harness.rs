//! Checks the harness: a model that must fail does fail.

use std::sync::Arc;

use casflake::{Clock, ManualClock};
use casflake_loom_tests::{exhaustive, together};

/// A load, then a store: in some order two threads lose one of two steps. The clock is the library's own, so this fails
/// as it should only if the library itself is built on loom's atomics. (On the system's threads only one thread makes
/// the step, because a race that may or may not happen is not a test.)
#[test]
#[should_panic(expected = "a step was lost")]
fn a_planted_race_is_found() {
    fn step(clock: &ManualClock) {
        clock.set(clock.unix_ms() + 1);
    }
    exhaustive(|| {
        let clock = Arc::new(ManualClock::new(0));
        if cfg!(loom) {
            together(&clock, [step, step]);
        } else {
            step(&clock);
        }
        assert_eq!(clock.unix_ms(), 2, "a step was lost");
    });
}

/// `RUSTFLAGS` from the environment, or an encoded one, silently replaces the setting of `--cfg loom` elsewhere.
#[test]
fn where_loom_is_required_this_is_loom() {
    let required = std::env::var_os("REQUIRE_LOOM").is_some_and(|required| required == "1");
    assert!(!required || cfg!(loom), "REQUIRE_LOOM=1, but this was built without --cfg loom");
}
