//! A cheaper clock that lags.

use super::{Clock, SystemClock};

/// The operating system's wall clock as its last timer interrupt left it: a fraction of the cost of [`SystemClock`],
/// with feature `coarse-clock`.
///
/// On Linux it reads `CLOCK_REALTIME_COARSE`, which lags by up to two *jiffies* behind the precise clock, one that the
/// kernel lets pass between two updates and one that it keeps back at each. A jiffy is 1, 4 or 10 ms, as the kernel is
/// configured (`CONFIG_HZ`; `clock_getres` tells). Elsewhere it is [`SystemClock`], and lags by nothing.
///
/// It lags on the way to an ID only. Before a call is refused or waits, the precise clock decides, so that a worker
/// issues as many IDs as with `SystemClock`. At a low rate an ID's time is behind by the lag, and with it the order
/// among the IDs of several workers.
///
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
    fn unix_millis(&self) -> u64 {
        coarse_millis()
    }

    fn unix_nanos(&self) -> u128 {
        SystemClock.unix_nanos()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn coarse_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    match (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec)) {
        (Ok(seconds), Ok(nanos)) => super::millis(seconds, nanos),
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
    SystemClock.unix_millis()
}
