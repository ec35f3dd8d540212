//! Waits until an event happens. A wait for a fixed time could be too short.

use std::thread;
use std::time::{Duration, Instant};

/// The longest time to wait for an event. Events usually take milliseconds, but longer on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until `look` returns a value, and returns the value. Panics if `look` returns no value within 30 s.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < TIMEOUT, "{what}, not even after {TIMEOUT:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
