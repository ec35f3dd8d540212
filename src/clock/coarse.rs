//! `CoarseClock`: a clock that is cheaper than `SystemClock`, and lags.

use super::{Clock, SystemClock};

/// The operating system's wall clock as it was at the last timer interrupt. A reading costs a fraction of a reading of
/// [`SystemClock`]. This clock needs the feature `coarse-clock`.
///
/// On Linux it reads `CLOCK_REALTIME_COARSE`, which lags behind the precise clock by up to two *jiffies*: one jiffy
/// passes between two updates, and each update itself is up to one jiffy behind. A jiffy is 1, 4 or 10 ms. The kernel's
/// `CONFIG_HZ` determines this length, and `clock_getres` returns it. On other systems `CoarseClock` reads
/// [`SystemClock`] and does not lag.
///
/// The lag costs no IDs. A call reads the precise clock before it waits or fails, so that a worker issues as many IDs
/// as with `SystemClock`. At a low rate the time in an ID is behind by the lag. The lag also limits how well the IDs of
/// several workers are ordered by time.
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
