//! `CoarseClock`: cheaper, and lags.

use super::{Clock, SystemClock};

/// The operating system's wall clock as of its last timer interrupt, with feature `coarse-clock`: a fraction of the
/// cost of [`SystemClock`].
///
/// On Linux it reads `CLOCK_REALTIME_COARSE`, which lags behind the precise clock by up to two *jiffies*: one passes
/// between two updates, and each update holds back one. A jiffy is 1, 4 or 10 ms (the kernel's `CONFIG_HZ`;
/// `clock_getres` returns it). On other systems it is [`SystemClock`] and does not lag.
///
/// The lag costs no IDs: before a call is refused or waits, it reads the precise clock, so that a worker issues as many
/// IDs as with `SystemClock`. At a low rate an ID's time is behind by the lag, which also limits how well the IDs of
/// several workers are ordered.
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
