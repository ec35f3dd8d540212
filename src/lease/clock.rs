//! `StoreClock`: the store's time, between two looks at it.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::clock::Clock;
use crate::sync::{AtomicU64, Ordering};

/// By this part of the time that has passed the clock may have run ahead of the store's, as quartz does at worst: 100
/// in a million. It is set back by no more.
const DRIFT: u64 = 10_000;

/// The time of a store of leases: what its clock read at the last grant or renewal, carried on by a monotonic clock of
/// this host, which also counts the time that the host is suspended (where the system has such a clock: Linux, macOS,
/// Windows).
///
/// So all holders of one store's leases issue IDs in one time, whatever their hosts' clocks say. It is behind the
/// store's clock by a message's way, and follows it forward at each renewal. If the store's clock is set back it goes
/// on.
#[derive(Clone)]
pub struct StoreClock {
    shared: Arc<Shared>,
}

struct Shared {
    /// Nanoseconds from the monotonic clock's zero to 1970, modulo 2^64.
    offset: AtomicU64,
    monotonic: Monotonic,
}

impl StoreClock {
    /// A clock that reads some time in 1970, until it is told.
    pub(crate) fn new() -> Self {
        Self { shared: Arc::new(Shared { offset: AtomicU64::new(0), monotonic: Monotonic::new() }) }
    }

    /// Goes by the store's clock, which has read `unix_nanos` a moment ago. `since`: how long it is since it last did.
    pub(crate) fn follow(&self, unix_nanos: u64, since: Duration) {
        let Shared { offset, monotonic } = &*self.shared;
        let measured = unix_nanos.wrapping_sub(monotonic.nanos());
        // ORDERING: Relaxed, and so below: one variable that one thread writes. What a reading is, nothing but an ID's
        // time depends on.
        let kept = offset.load(Ordering::Relaxed);
        let ahead = kept.wrapping_sub(measured);
        let is_ahead = ahead <= u64::MAX / 2;
        let drift = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) / DRIFT;
        // ORDERING: Relaxed, as above.
        offset.store(if is_ahead { kept.wrapping_sub(ahead.min(drift)) } else { measured }, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        self.shared.offset.load(Ordering::Relaxed).wrapping_add(self.shared.monotonic.nanos())
    }
}

impl Clock for StoreClock {
    #[inline]
    fn unix_millis(&self) -> u64 {
        self.nanos() / 1_000_000
    }

    fn unix_nanos(&self) -> u128 {
        u128::from(self.nanos())
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").field("unix_nanos", &self.nanos()).finish()
    }
}

/// A monotonic clock that counts suspension.
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
    #[expect(clippy::unused_self, reason = "elsewhere there is something in it")]
    pub(crate) fn nanos(&self) -> u64 {
        use rustix::time::{ClockId, clock_gettime};

        // Apple's `CLOCK_MONOTONIC` counts suspension, other than Rust's `Instant`.
        #[cfg(target_vendor = "apple")]
        let now = clock_gettime(ClockId::Monotonic);
        #[cfg(not(target_vendor = "apple"))]
        let now = clock_gettime(ClockId::Boottime);
        // Neither is negative, and 2^64 ns are 584 years.
        now.tv_sec.unsigned_abs().wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec.unsigned_abs())
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

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::StoreClock;

    const NOW: u64 = 1_800_000_000_000_000_000;
    const SECOND: u64 = 1_000_000_000;

    /// Within a minute of `expected`, and not before it: so long a machine may keep this test waiting.
    #[track_caller]
    fn assert_reads(clock: &StoreClock, expected: u64) {
        let read = clock.nanos();
        assert!((expected..expected + 60 * SECOND).contains(&read), "{read} is not {expected} and a moment");
    }

    #[test]
    fn it_follows_the_store_forward_at_once() {
        let clock = StoreClock::new();
        clock.follow(NOW, Duration::ZERO);
        assert_reads(&clock, NOW);
        clock.follow(NOW + 3600 * SECOND, Duration::from_secs(10));
        assert_reads(&clock, NOW + 3600 * SECOND);
    }

    #[test]
    fn it_goes_on_where_the_store_is_set_back_but_for_what_quartz_may_have_gone_wrong() {
        let clock = StoreClock::new();
        clock.follow(NOW, Duration::ZERO);
        clock.follow(NOW - 3600 * SECOND, Duration::from_secs(10_000));
        assert_reads(&clock, NOW - SECOND);
        clock.follow(NOW - 3600 * SECOND, Duration::ZERO);
        assert_reads(&clock, NOW - SECOND);
    }
}
