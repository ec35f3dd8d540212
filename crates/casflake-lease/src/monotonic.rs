//! `Monotonic`: a clock that never moves back. On most platforms, the clock also advances while the system is
//! suspended.

/// A clock that never moves back. On Linux, Android, Apple's platforms and Windows, the clock also advances while the
/// system is suspended.
#[derive(Clone)]
pub(crate) struct Monotonic {
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    started: std::time::Instant,
}

impl Monotonic {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    pub(crate) const fn new() -> Self {
        Self {}
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    #[inline]
    #[expect(clippy::unused_self, reason = "on other platforms it has a field")]
    pub(crate) fn nanos(&self) -> u64 {
        use rustix::time::{ClockId, clock_gettime};

        // Apple's `CLOCK_MONOTONIC` also advances while the system is suspended, unlike Rust's `Instant`.
        #[cfg(target_vendor = "apple")]
        let now = clock_gettime(ClockId::Monotonic);
        #[cfg(not(target_vendor = "apple"))]
        let now = clock_gettime(ClockId::Boottime);
        // Neither field is negative. The result does not overflow, because 2^64 ns are 584 years.
        now.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.cast_unsigned())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(crate) fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
