//! `LeaseStats`: what has become of a generator's leases.

use std::fmt;
use std::time::Duration;

use casflake::{Stats, WorkerId};

use crate::lease::Lease;

/// What a [`LeasedGenerator`](crate::LeasedGenerator) and its leases have done so far.
#[non_exhaustive]
pub struct LeaseStats<S> {
    /// The worker that issues, or has issued last.
    pub worker: WorkerId<S>,
    /// Its lease, as it was granted or last renewed.
    pub lease: Lease,
    /// How long the window still lasts, by the generator's clock; 0 where it has ended, or has not been renewed since
    /// the clock jumped.
    pub remaining: Duration,
    /// How often a lease was acquired: 1 and once for each that was lost.
    pub acquired: u64,
    /// How often a lease was renewed.
    pub renewals: u64,
    /// How often the store failed to renew a lease or to grant one.
    pub failures: u64,
    /// Why it last did, if nothing has succeeded since.
    pub last_error: Option<String>,
    /// How often a call failed for want of a lease: with [`LeaseExpired`](casflake::GenerateError::LeaseExpired) or
    /// [`StoreClockBehind`](casflake::GenerateError::StoreClockBehind).
    pub expired: u64,
    /// How many calls wait at the moment, for a tick or for the lease.
    pub waiting: u64,
    /// What the generators of all its leases have done, this one and those before it: each counter is their sum.
    pub generator: Stats,
}

// By hand, so that `S`, a mere name, needs none of these itself.

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
