//! `LeaseStats`: records of a generator and its leases.

use std::fmt;
use std::time::Duration;

use casflake::{Stats, WorkerId};

use crate::lease::Lease;

/// Records of a [`LeasedGenerator`](crate::LeasedGenerator) and its leases, from
/// [`LeasedGenerator::stats`](crate::LeasedGenerator::stats).
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
    /// The worker that issues, or issued last.
    pub worker: WorkerId<S>,
    /// The worker's lease, as it was granted or last renewed.
    pub lease: Lease,
    /// How long the window still lasts, by the generator's clock. 0 if it has ended, or if the clock has jumped and the
    /// lease was not renewed since.
    pub remaining: Duration,
    /// How often a lease was acquired: 1, and once more for each lease that was replaced.
    pub acquired: u64,
    /// How often a lease was renewed.
    pub renewals: u64,
    /// How often the store failed to renew a lease or to grant one.
    pub failures: u64,
    /// The last failure, if the store has not granted or renewed a lease since.
    pub last_error: Option<String>,
    /// How often a call failed because there was no lease: with [`LeaseExpired`](casflake::GenerateError::LeaseExpired)
    /// or [`StoreClockBehind`](casflake::GenerateError::StoreClockBehind).
    pub expired: u64,
    /// How many calls wait at the moment, for a tick or for the lease.
    pub waiting: u64,
    /// The records of the generators of all its leases, the current one and those before it. Each counter is their sum.
    pub generator: Stats,
}

// Not derived, because `S` is only a marker and needs none of these traits.

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
