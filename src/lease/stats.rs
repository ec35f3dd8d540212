//! `LeaseStats`: what has become of a generator's leases.

use core::time::Duration;
use std::string::String;

use super::lease::Lease;
use crate::stats::Stats;
use crate::worker::WorkerId;

/// What a [`LeasedGenerator`](super::LeasedGenerator) and its leases have done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// IDs issued by the workers before this one.
    pub ids_before: u64,
    /// What the generator of this lease has done.
    pub generator: Stats,
}
