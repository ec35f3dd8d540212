//! `CoarseClock`: a clock that is cheaper than `SystemClock` and lags by a few milliseconds.

use super::{Clock, SystemClock};

/// A wall clock that returns the operating system's time at the last timer interrupt. A reading takes a fraction of the
/// time that a reading of [`SystemClock`] takes. This clock needs the feature `coarse-clock`.
///
/// On Linux this clock reads `CLOCK_REALTIME_COARSE`, which lags behind the precise clock by up to two *jiffies*. A
/// jiffy is the time between two updates of the coarse clock. The time that an update sets may already lag by up to one
/// jiffy. Until the next update, the lag grows by another jiffy. A jiffy is 1 to 10 ms long. The kernel's `CONFIG_HZ`
/// determines this length, and `clock_getres` returns it. On other systems `CoarseClock` reads [`SystemClock`] and does
/// not lag.
///
/// A worker can issue as many IDs per second as with `SystemClock`, because a call reads the precise clock before it
/// waits or fails. If few IDs are issued, the time in an ID is too early by the lag. If two workers issue one ID each
/// within less time than the lag, the ID that was issued later may be the smaller one.
///
/// # Examples
/// ```
/// use casflake::{CoarseClock, Generator, Standard, WorkerId};
///
/// static IDS: Generator<Standard, CoarseClock> = Generator::with_clock(WorkerId::fixed::<1, 7>(), CoarseClock);
///
/// assert_eq!(IDS.generate()?.worker(), 7);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    #[inline]
    fn unix_ms(&self) -> u64 {
        coarse_millis()
    }

    fn precise_unix_ns(&self) -> u128 {
        SystemClock.precise_unix_ns()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn coarse_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    match (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec)) {
        (Ok(seconds), Ok(nanos)) => super::whole_ms(seconds, nanos),
        _ => before_1970(),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[cold]
fn before_1970() -> u64 {
    0
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[inline]
fn coarse_millis() -> u64 {
    SystemClock.unix_ms()
}
