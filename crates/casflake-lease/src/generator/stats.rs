//! `LeaseStats`: the statistics of a generator and its leases.

use std::fmt;
use std::time::Duration;

use casflake::{Stats, WorkerId};

use crate::lease::Lease;

/// The statistics of a [`LeasedGenerator`](crate::LeasedGenerator) and its leases.
/// [`LeasedGenerator::stats`](crate::LeasedGenerator::stats) returns them.
///
/// # Examples
/// ```
/// # use casflake::{Scheme, Standard};
/// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
/// # let directory = testkit::Scratch::new();
/// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
/// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
/// // For a metric of each process: an alarm before calls fail.
/// let stats = ids.stats();
/// let is_in_danger = stats.last_error.is_some() && stats.remaining.as_secs() < 10;
/// assert!(!is_in_danger);
/// assert_eq!(stats.lease.worker(), stats.worker.index());
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
#[non_exhaustive]
pub struct LeaseStats<S> {
    /// The worker that issues IDs now or, if the lease has ended, the worker that issued IDs last.
    pub worker: WorkerId<S>,
    /// The lease of this worker, as it was granted or last renewed.
    pub lease: Lease,
    /// How long the window still lasts according to the generator's clock. 0 if the window has ended, if the lease was
    /// lost and the generator was therefore closed, if the generator was shut down, or if a clock has jumped and the
    /// lease was neither renewed nor replaced since the jump. If the generator's clock is before the layout's epoch,
    /// this is the time from the epoch to the end of the window.
    pub remaining: Duration,
    /// The number of leases that were acquired: 1 for the first lease, and 1 more for each replacement.
    pub acquired: u64,
    /// The number of renewals, of all leases together.
    pub renewals: u64,
    /// The number of failed attempts to renew or to replace a lease. The attempts of `build` to acquire the first lease
    /// do not count.
    pub failures: u64,
    /// The last failure of the store. `None` if there was no failure, or if the store has granted or renewed a lease
    /// since the last failure.
    pub last_error: Option<String>,
    /// The number of calls that failed because there was no lease. Such a call returns the error
    /// [`LeaseExpired`](casflake::GenerateError::LeaseExpired) or
    /// [`StoreClockBehind`](casflake::GenerateError::StoreClockBehind).
    pub expired: u64,
    /// The number of calls that are waiting at the moment, for a tick or for the lease.
    pub waiting: u64,
    /// The statistics of the generators of all leases, current and earlier. Each counter is the sum over these
    /// generators.
    pub generator: Stats,
}

// These traits are not derived, because `derive` would require them of `S`, which is only a marker.

impl<S> Clone for LeaseStats<S> {
    fn clone(&self) -> Self {
        Self { last_error: self.last_error.clone(), generator: self.generator.clone(), ..*self }
    }
}

impl<S> PartialEq for LeaseStats<S> {
    fn eq(&self, other: &Self) -> bool {
        let counts = |stats: &Self| (stats.acquired, stats.renewals, stats.failures, stats.expired, stats.waiting);
        (self.worker, self.lease, self.remaining) == (other.worker, other.lease, other.remaining)
            && counts(self) == counts(other)
            && (&self.last_error, &self.generator) == (&other.last_error, &other.generator)
    }
}

impl<S> Eq for LeaseStats<S> {}

impl<S> fmt::Debug for LeaseStats<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worker, lease, remaining, acquired, renewals, failures, last_error, expired, waiting, generator } =
            self;
        f.debug_struct("LeaseStats")
            .field("worker", worker)
            .field("lease", lease)
            .field("remaining", remaining)
            .field("acquired", acquired)
            .field("renewals", renewals)
            .field("failures", failures)
            .field("last_error", last_error)
            .field("expired", expired)
            .field("waiting", waiting)
            .field("generator", generator)
            .finish()
    }
}
