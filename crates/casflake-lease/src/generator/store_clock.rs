//! `StoreClock`: the store's time, extrapolated from the store's last answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use casflake::Clock;

use crate::generator::host::Host;
use crate::sync::{AtomicU64, Ordering};

/// The time of a store of leases. A `StoreClock` starts from the reading of the store's clock at the last grant or
/// renewal, and advances with a monotonic clock of this host. On Linux, macOS and Windows, the monotonic clock also
/// advances while the host is suspended.
///
/// With a `StoreClock`, all processes that hold leases of one store take the time of their IDs from the store's clock,
/// whatever the clocks of their hosts say. If the host's clock and the store's clock run equally fast, a `StoreClock`
/// is behind the store's clock by the delay of one message, plus about 1/4096 of the time since the last grant or
/// renewal: 2.4 ms after 10 s. If a `StoreClock` is behind, each grant or renewal moves it forward to the store's
/// clock.
///
/// If the host's clock gains more than 244 in a million on the store's clock, a `StoreClock` gets ahead of the store's
/// clock, by the part of the gain that is above 244 in a million. The `StoreClock` stays ahead until the store's clock
/// has caught up. If the `StoreClock` is ahead by a TTL or more, the next grant or renewal moves it back to the store's
/// clock. IDs are unique nevertheless, because each ID is issued within the window of a lease.
///
/// If the store's clock moves back by less than a TTL, a `StoreClock` does not move back. If the store's clock moves
/// back by a TTL or more, the `StoreClock` moves back as well, because it would otherwise be past the end of every
/// window that the store grants now. IDs keep increasing in both cases.
///
/// # Examples
/// ```
/// # use casflake::{Scheme, Standard};
/// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
/// # let directory = testkit::Scratch::new();
/// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
/// use casflake_lease::StoreClock;
///
/// // `StoreClock` is the default clock of a leased generator.
/// let ids: LeasedGenerator<Standard, StoreClock> = LeasedGenerator::new(FileStore::new(directory.path()))?;
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
#[derive(Clone)]
pub struct StoreClock {
    basis: Arc<Basis>,
}

struct Basis {
    /// The reading of the `StoreClock`, in nanoseconds since 1970, minus `carried_on(host.monotonic_ns())`.
    offset: AtomicU64,
    host: Host,
}

impl StoreClock {
    /// Returns a clock that reads a time shortly after 1970-01-01 until [`follow`](Self::follow) or [`set`](Self::set)
    /// is called.
    pub(crate) fn new(host: Host) -> Self {
        Self { basis: Arc::new(Basis { offset: AtomicU64::new(0), host }) }
    }

    /// Moves this clock forward to `unix_ns`, the reading of the store's clock a moment ago. Never moves this clock
    /// back.
    pub(crate) fn follow(&self, unix_ns: u64) {
        let measured = unix_ns.saturating_sub(carried_on(self.basis.host.monotonic_ns()));
        // ORDERING: Relaxed, here and below. It is a single variable, and nothing but an ID's time depends on its
        // value.
        self.basis.offset.fetch_max(measured, Ordering::Relaxed);
    }

    /// Sets this clock to `unix_ns`, the reading of the store's clock a moment ago, even if that moves this clock back.
    pub(crate) fn set(&self, unix_ns: u64) {
        let measured = unix_ns.saturating_sub(carried_on(self.basis.host.monotonic_ns()));
        // ORDERING: Relaxed, as above.
        self.basis.offset.store(measured, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        self.basis.offset.load(Ordering::Relaxed).wrapping_add(carried_on(self.basis.host.monotonic_ns()))
    }
}

/// Returns a clock on `host`, for the simulator.
#[cfg(feature = "_simulation")]
pub fn on(host: Host) -> StoreClock {
    StoreClock::new(host)
}

/// Returns `nanos` minus 1/4096 of `nanos`: the time by which a `StoreClock` advances while this host's monotonic clock
/// advances by `nanos`. If a `StoreClock` advanced as fast as the host's clock, it could get ahead of a slower store's
/// clock, and would have to stay ahead or move back.
///
/// 1/4096 is 244 in a million. A quartz clock is wrong by at most about 100 in a million, so a fast host gains at most
/// about 200 in a million on a slow store.
#[inline]
const fn carried_on(nanos: u64) -> u64 {
    nanos - (nanos >> 12)
}

impl Clock for StoreClock {
    #[inline]
    fn unix_ms(&self) -> u64 {
        self.nanos() / 1_000_000
    }

    fn precise_unix_ns(&self) -> u128 {
        u128::from(self.nanos())
    }

    fn monotonic(&self) -> Option<Duration> {
        Some(self.basis.host.at())
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").field("unix_ns", &self.nanos()).finish()
    }
}

#[cfg(test)]
mod tests {
    use casflake::Clock;

    use super::{Host, StoreClock, carried_on};

    const NOW: u64 = 1_800_000_000_000_000_000;
    const SECOND: u64 = 1_000_000_000;

    /// Asserts that `clock` reads `expected`, or a time less than a minute later. A busy machine may delay the test for
    /// that long.
    #[track_caller]
    fn assert_reads(clock: &StoreClock, expected: u64) {
        let read = clock.nanos();
        assert!((expected..expected + 60 * SECOND).contains(&read), "{read} is not shortly after {expected}");
    }

    #[test]
    fn it_moves_forward_to_the_store_immediately() {
        let clock = StoreClock::new(Host::real());
        for now in [NOW, NOW + 3600 * SECOND, u64::MAX - 600 * SECOND] {
            clock.follow(now);
            assert_reads(&clock, now);
        }
    }

    #[test]
    fn it_moves_back_only_by_set() {
        let clock = StoreClock::new(Host::real());
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
    fn each_reading_is_that_of_the_store_carried_on() {
        let clock = StoreClock::new(Host::real());
        clock.follow(NOW);
        let before = u128::from(clock.nanos());
        let (precise_ns, ms) = (clock.precise_unix_ns(), clock.unix_ms());
        let after = u128::from(clock.nanos());
        assert!((before..=after).contains(&precise_ns));
        assert!((before / 1_000_000..=after / 1_000_000).contains(&ms.into()));
        let (host, monotonic) = (Host::real().at(), clock.monotonic().unwrap());
        assert!(monotonic >= host && monotonic <= Host::real().at(), "its waits are measured by the host");
        assert!(format!("{clock:?}").starts_with("StoreClock { unix_ns: 18"), "{clock:?}");
    }

    /// Would catch: a margin that covers the error of only one of the two clocks, so that the other error puts the
    /// `StoreClock` ahead of the store's clock, a little more each second.
    #[test]
    fn a_fast_host_and_a_slow_store_do_not_put_it_ahead() {
        for seconds in [1, 10, 3600, 100 * 365 * 86_400] {
            let error = seconds * SECOND / 10_000; // 100 in a million
            let (host, store) = (seconds * SECOND + error, seconds * SECOND - error);
            assert!(carried_on(host) <= store, "{seconds}: ahead by {} ns", carried_on(host) - store);
        }
    }

    #[test]
    fn it_goes_on_a_little_more_slowly_than_the_host() {
        for seconds in [1, 10, 3600, 584 * 365 * 86_400] {
            let nanos = seconds * SECOND;
            let behind = nanos - carried_on(nanos);
            assert!(behind > nanos / 5_000 && behind < nanos / 4_000, "{seconds}: {behind}");
        }
        assert_eq!([0, 1].map(carried_on), [0, 1]);
    }
}
