//! `Rest`: how long the keeper waits before it calls the store again, and whether a call of the generator may end the
//! wait.

use std::time::Duration;

/// The shortest rest, and the rest after the first failure. Each further failure doubles the rest, up to a limit: a
/// twelfth of the TTL or 1 s, whichever is shorter, but at least `FIRST_RETRY`.
pub const FIRST_RETRY: Duration = Duration::from_millis(20);

/// The number of doublings after which the time between two attempts stays the same.
const DOUBLINGS: u32 = 8;

/// A wait of the keeper between two calls of the store.
///
/// A call of the generator that finds no lease rings, to wake the keeper. If the last attempt has succeeded, a ring ends
/// the wait, but not before the keeper has waited for a `pause`. After a failure, a ring does not end the wait. Without
/// these limits, many rings would cause many calls to a store that can't grant a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rest {
    time: Duration,
    /// The time from the beginning of the rest in which a ring has no effect.
    deaf: Duration,
}

impl Rest {
    /// Returns the rest after a renewal or a grant: a third of the time until the window ends, but at least a twelfth
    /// of the TTL and at most a third of it. After a slow call, the window ends in less than a TTL.
    pub(super) fn until_renewal(remaining: Duration, ttl: Duration) -> Self {
        Self::after_success((remaining.min(ttl) / 3).max(ttl / 12), ttl)
    }

    pub(super) fn after_success(time: Duration, ttl: Duration) -> Self {
        Self { time, deaf: pause(ttl) }
    }

    /// Returns the rest after a failure that follows this number of failures in a row.
    pub(super) fn after_failures(failures: u32, ttl: Duration) -> Self {
        let time = (FIRST_RETRY * 2_u32.pow(failures.min(DOUBLINGS))).min(pause(ttl));
        Self { time, deaf: Duration::MAX }
    }

    /// Returns this rest, but no longer than `limit`.
    pub(super) fn within(self, limit: Duration) -> Self {
        Self { time: self.time.min(limit), ..self }
    }

    /// Shortens this rest and divides it in two: the time in which no ring ends it, and the time after that, in which a
    /// ring ends it. `permille` is a random number from 0 to 100. It shortens the rest by 0 % to 10 %, so that
    /// processes that started at the same time do not send their requests at the same time.
    #[must_use]
    pub fn shortened(self, permille: u32) -> (Duration, Duration) {
        let time = (self.time - self.time * permille.min(100) / 1000).max(FIRST_RETRY);
        let deaf = self.deaf.min(time);
        (deaf, time - deaf)
    }
}

/// Returns a twelfth of the TTL, but at least [`FIRST_RETRY`] and at most 1 s. After a failure, the keeper waits at most
/// this long. After a success, a call that has no lease can wake the keeper only after this time.
pub(super) fn pause(ttl: Duration) -> Duration {
    (ttl / 12).clamp(FIRST_RETRY, Duration::from_secs(1))
}
