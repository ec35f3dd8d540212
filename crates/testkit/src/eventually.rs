//! Waits for an event, rather than for a fixed time that may be too short.

use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a busy machine may take for events that usually take milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until `look` returns a value, and returns it.
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
