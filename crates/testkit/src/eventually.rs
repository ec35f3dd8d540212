//! Waiting for what must come, rather than for a time and hoping.

use std::thread;
use std::time::{Duration, Instant};

/// So long a machine may take for what takes it milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `what` has come.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "{what}, not even after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
