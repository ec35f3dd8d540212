//! Clocks that a test controls, reading by reading. Each reading counts as a look.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use casflake::{Clock, ManualClock};

/// A clock that reads from a list, and stays at the last reading. Coarse and precise looks share the list. It has no
/// monotonic time.
pub(crate) struct Script {
    readings: Mutex<VecDeque<u64>>,
    looks: AtomicU64,
}

impl Script {
    pub(crate) fn new(readings: impl IntoIterator<Item = u64>) -> Self {
        Self { readings: Mutex::new(readings.into_iter().collect()), looks: AtomicU64::new(0) }
    }

    /// Continues with `readings`, and counts looks from 0 again.
    pub(crate) fn then(&self, readings: impl IntoIterator<Item = u64>) {
        *self.readings.lock().expect("no panic") = readings.into_iter().collect();
        self.looks.store(0, Ordering::Relaxed);
    }

    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}

impl Clock for Script {
    fn unix_ms(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let mut readings = self.readings.lock().expect("no panic");
        let last = *readings.front().expect("a script has a reading");
        if readings.len() > 1 { readings.pop_front().expect("more than one") } else { last }
    }

    fn monotonic(&self) -> Option<Duration> {
        None
    }
}

/// A clock with a coarse and a precise reading, each set by the test.
pub(crate) struct Split {
    pub(crate) coarse_ms: AtomicU64,
    pub(crate) precise_ns: AtomicU64,
}

impl Split {
    pub(crate) fn new(coarse_ms: u64, precise_ns: u64) -> Self {
        Self { coarse_ms: coarse_ms.into(), precise_ns: precise_ns.into() }
    }

    pub(crate) fn set(&self, coarse_ms: u64, precise_ns: u64) {
        self.coarse_ms.store(coarse_ms, Ordering::Relaxed);
        self.precise_ns.store(precise_ns, Ordering::Relaxed);
    }
}

impl Clock for Split {
    fn unix_ms(&self) -> u64 {
        self.coarse_ms.load(Ordering::Relaxed)
    }

    fn precise_unix_ns(&self) -> u128 {
        self.precise_ns.load(Ordering::Relaxed).into()
    }
}

/// A wall clock that stands still, and a monotonic clock that moves on by `step` with each look at it.
pub(crate) struct Stopwatch {
    pub(crate) wall: ManualClock,
    step: Duration,
    looks: AtomicU64,
}

impl Stopwatch {
    pub(crate) fn new(unix_ms: u64, step: Duration) -> Self {
        Self { wall: ManualClock::new(unix_ms), step, looks: AtomicU64::new(0) }
    }

    /// Returns the number of looks at the monotonic clock so far.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }
}

impl Clock for Stopwatch {
    fn unix_ms(&self) -> u64 {
        self.wall.unix_ms()
    }

    fn monotonic(&self) -> Option<Duration> {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        Some(self.step * u32::try_from(looks).expect("a bounded wait"))
    }
}

/// A clock that runs an event during its next looks, and returns the reading from before the event. So the test does,
/// without a thread, what another thread may do between a call's reading of the clock and its next step.
///
/// On the hot path the event runs before the call loads the word; on the slow path, between the load and the exchange.
pub(crate) struct Interrupted {
    pub(crate) time: ManualClock,
    /// How many ticks the hot path lags behind. If it lags, the event runs on the slow path only.
    lag: u64,
    left: AtomicU64,
    event: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Interrupted {
    pub(crate) fn new(unix_ms: u64) -> Self {
        Self { time: ManualClock::new(unix_ms), lag: 0, left: AtomicU64::new(0), event: OnceLock::new() }
    }

    /// Returns the same clock, a tick behind on the hot path.
    pub(crate) fn lagging(self) -> Self {
        Self { lag: 1, ..self }
    }

    /// Runs `event` during each of the next `looks` looks, but not during looks that the event itself causes.
    pub(crate) fn interrupt(&self, looks: u64, event: impl Fn() + Send + Sync + 'static) {
        assert!(self.event.set(Box::new(event)).is_ok(), "one event a clock");
        self.left.store(looks, Ordering::Relaxed);
    }
}

impl Interrupted {
    fn look(&self) -> u64 {
        let reading = self.time.unix_ms();
        let left = self.left.swap(0, Ordering::Relaxed);
        if left > 0 {
            self.event.get().expect("set before it is due")();
            self.left.store(left - 1, Ordering::Relaxed);
        }
        reading
    }
}

impl Clock for Interrupted {
    fn unix_ms(&self) -> u64 {
        if self.lag == 0 { self.look() } else { self.time.unix_ms() - self.lag }
    }

    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.look()) * 1_000_000
    }
}
