//! `StoreClock`: the store's time, between two looks at it.

use std::fmt;
use std::sync::Arc;

use casflake::Clock;

use crate::monotonic::Monotonic;
use crate::sync::{AtomicU64, Ordering};

/// The time of a store of leases: what its clock read at the last grant or renewal, carried on by a monotonic clock of
/// this host, which also counts the time that the host is suspended (where the system has such a clock: Linux, macOS,
/// Windows).
///
/// So all holders of one store's leases issue IDs in one time, whatever their hosts' clocks say. It is behind the
/// store's clock by a message's way, and by up to 1/8192 of the time since the last renewal (a millisecond or so), and
/// follows it forward at each. If the store's clock is set back it goes on, but for where that is by a time to live or
/// more, and no window of now could be used by it: then it is set back as well, and IDs go on, after the last that was
/// issued.
#[derive(Clone)]
pub struct StoreClock {
    basis: Arc<Basis>,
}

struct Basis {
    /// Nanoseconds from the zero of [`carried_on`] to 1970.
    offset: AtomicU64,
    monotonic: Monotonic,
}

impl StoreClock {
    /// A clock that reads some time in 1970, until it is told.
    pub(crate) fn new() -> Self {
        Self { basis: Arc::new(Basis { offset: AtomicU64::new(0), monotonic: Monotonic::new() }) }
    }

    /// Goes by the store's clock, which has read `unix_ns` a moment ago.
    pub(crate) fn follow(&self, unix_ns: u64) {
        let measured = unix_ns.saturating_sub(carried_on(self.basis.monotonic.nanos()));
        // ORDERING: Relaxed, and so below: one variable. What a reading is, nothing but an ID's time depends on.
        self.basis.offset.fetch_max(measured, Ordering::Relaxed);
    }

    /// The same, and back where that is back.
    pub(crate) fn set(&self, unix_ns: u64) {
        let measured = unix_ns.saturating_sub(carried_on(self.basis.monotonic.nanos()));
        // ORDERING: Relaxed, as above.
        self.basis.offset.store(measured, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        self.basis.offset.load(Ordering::Relaxed).wrapping_add(carried_on(self.basis.monotonic.nanos()))
    }
}

/// By how much the store's clock has gone on at least while this host's has by `nanos`: quartz goes wrong by 100 in a
/// million at worst. A clock that were carried on as fast as the host's would be ahead of the store's for good where
/// that is the slower one, or would have to be set back.
#[inline]
const fn carried_on(nanos: u64) -> u64 {
    nanos - (nanos >> 13)
}

impl Clock for StoreClock {
    #[inline]
    fn unix_ms(&self) -> u64 {
        self.nanos() / 1_000_000
    }

    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.nanos())
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").field("unix_ns", &self.nanos()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreClock, carried_on};

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
        for now in [NOW, NOW + 3600 * SECOND, u64::MAX - 600 * SECOND] {
            clock.follow(now);
            assert_reads(&clock, now);
        }
    }

    #[test]
    fn it_follows_the_store_back_only_where_it_is_told_to() {
        let clock = StoreClock::new();
        clock.follow(NOW);
        let mut last = clock.nanos();
        for back in [0, 1_000, SECOND, 3600 * SECOND, NOW] {
            clock.follow(NOW - back);
            let next = clock.nanos();
            assert!(next >= last, "{last} {next}");
            last = next;
        }
        assert_reads(&clock, NOW);
        clock.set(NOW - 3600 * SECOND);
        assert_reads(&clock, NOW - 3600 * SECOND);
    }

    #[test]
    fn it_goes_on_more_slowly_than_any_quartz() {
        for seconds in [1, 10, 3600, 584 * 365 * 86_400] {
            let nanos = seconds * SECOND;
            let behind = nanos - carried_on(nanos);
            assert!(behind > nanos / 10_000 && behind < nanos / 8_000, "{seconds}: {behind}");
        }
        assert_eq!([0, 1].map(carried_on), [0, 1]);
    }
}
