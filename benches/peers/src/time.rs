//! The clocks that measure, and those that the IDs' times are compared with.

use std::sync::LazyLock;
use std::time::Duration;

use casflake::{Clock, SystemClock};
use rustix::time::{ClockId, clock_gettime};

/// The processor's counter if it is reliable, else the system's monotonic clock.
static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// A cheap counter. It is fetched once, so that reading it takes only an instruction or two.
#[derive(Clone, Debug)]
pub struct Counter(quanta::Clock);

impl Counter {
    /// Returns the process's counter. The first call takes a while.
    pub fn new() -> Self {
        Self(COUNTER.clone())
    }

    /// Returns its count.
    #[inline]
    pub fn now(&self) -> u64 {
        self.0.raw()
    }

    /// Converts a difference of counts to nanoseconds.
    pub fn nanos(&self, counts: u64) -> f64 {
        const SPAN: u64 = 1 << 40;
        counts as f64 * self.0.delta_as_nanos(0, SPAN) as f64 / SPAN as f64
    }

    /// Converts a time to a difference of counts.
    pub fn counts(&self, time: Duration) -> u64 {
        (time.as_nanos() as f64 / self.nanos(1)) as u64
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the wall clock's time in Unix milliseconds.
pub fn unix_ms() -> u64 {
    SystemClock.unix_ms()
}

/// Returns the processor time that this thread has used.
pub fn thread_cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
