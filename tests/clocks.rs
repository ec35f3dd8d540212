//! The clocks that come with the crate, against the system's own.

#![cfg(feature = "std")]

use std::hint;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use casflake::{Clock, ManualClock, SystemClock};

#[test]
fn the_system_clock_tells_the_systems_time() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    // Once more where the system's clock is set between two of the readings.
    let told_in_between = |_| {
        let before = now();
        let (millis, nanos) = (SystemClock.unix_millis(), SystemClock.unix_nanos());
        let after = now();
        (before.as_millis()..=after.as_millis()).contains(&millis.into())
            && (before.as_nanos()..=after.as_nanos()).contains(&nanos)
    };
    assert!((0..3).any(told_in_between));
}

#[test]
fn what_has_elapsed_is_what_the_monotonic_clock_says() {
    for clock in [&SystemClock as &dyn Clock, &ManualClock::new(0)] {
        let elapsed = || clock.elapsed().expect("a monotonic clock");
        let outer = Instant::now();
        let before = elapsed();
        let inner = Instant::now();
        while inner.elapsed() < Duration::from_millis(1) {
            hint::spin_loop();
        }
        let at_least = inner.elapsed();
        let told = elapsed() - before;
        assert!((at_least..=outer.elapsed()).contains(&told), "{told:?}");
    }
}
