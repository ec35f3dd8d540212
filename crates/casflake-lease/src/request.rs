//! `AcquireRequest`, `Renewal` and `Grant`: the requests to a store of leases, and its answer.

use std::time::Duration;

use casflake::Layout;

use crate::lease::Lease;
use crate::token::Token;

/// A request for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcquireRequest {
    /// The layout of the caller's IDs. The window is counted in its ticks.
    pub layout: Layout,
    /// The token of the lease. A second request with the same token returns the same lease, because the reply to the
    /// first may have been lost.
    pub token: Token,
    /// The TTL: how far the window reaches into the future, from 1 ms to [`MAX_TTL`](crate::MAX_TTL).
    pub ttl: Duration,
    /// The last tick that the caller has issued by an earlier lease. The window begins after it.
    pub after: Option<u64>,
    /// A name of the caller, for readers of the list of leases.
    pub owner: String,
    /// How the store treats the request if the ID space does not exist.
    pub missing: Missing,
}

impl AcquireRequest {
    /// Creates the request of a caller that has issued nothing before, and that must not create an ID space.
    #[must_use]
    pub fn new(layout: &Layout, token: Token, ttl: Duration, owner: impl Into<String>) -> Self {
        Self { layout: *layout, token, ttl, after: None, owner: owner.into(), missing: Missing::Refuse }
    }
}

/// How a store treats a request for a worker of an ID space that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// Refuses the request with [`StoreError::NoSpace`](crate::StoreError::NoSpace) and writes nothing. The name may be
    /// misspelt, and the processes of a second ID space would issue the IDs of the first one again.
    #[default]
    Refuse,
    /// Creates the space. It grants nothing until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK)
    /// have passed. Once this store object was granted a lease, it creates a lost space again only in the place where
    /// the lease was granted, and with as many workers as the space had.
    Create,
}

/// A request to move the end of a lease's window.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// The layout of the caller's IDs. The window is counted in its ticks.
    pub layout: Layout,
    /// The lease, as the caller knows it.
    pub lease: Lease,
    /// The TTL: how far the window reaches into the future, from 1 ms to [`MAX_TTL`](crate::MAX_TTL).
    pub ttl: Duration,
    /// How many renewals of the lease the caller has sent since the last one that was answered. They may have had their
    /// effect.
    pub unanswered: u64,
}

impl Renewal {
    /// Creates the request of a caller without unanswered renewals.
    #[must_use]
    pub const fn new(layout: &Layout, lease: Lease, ttl: Duration) -> Self {
        Self { layout: *layout, lease, ttl, unanswered: 0 }
    }
}

/// A lease, and the time at which it was granted or renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The lease.
    pub lease: Lease,
    /// The reading of the store's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
}

impl Grant {
    /// Creates the grant of a lease at a reading of the store's clock.
    #[must_use]
    pub const fn new(lease: Lease, unix_ns: u64) -> Self {
        Self { lease, unix_ns }
    }
}
