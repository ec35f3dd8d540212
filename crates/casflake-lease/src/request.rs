//! `AcquireRequest` and `Renewal`, the requests to a store of leases, and `Grant`, the answer of the store.

use std::time::Duration;

use casflake::Layout;

use crate::lease::Lease;
use crate::token::Token;

/// A request for a worker.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{AcquireRequest, Missing, Token};
///
/// let token = Token::random()?;
/// let mut request = AcquireRequest::new(&Standard::LAYOUT, token, Duration::from_secs(30), "web-1");
/// assert_eq!((request.after, request.missing), (None, Missing::Refuse));
/// request.after = Some(5_000); // the window begins at tick 5001 or later
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcquireRequest {
    /// The layout of the caller's IDs. The window is counted in ticks of this layout.
    pub layout: Layout,
    /// The token of the lease. A second request with the same token gets the lease of the first request. So a caller
    /// can repeat a request whose reply was lost.
    pub token: Token,
    /// The TTL, 1 ms to [`MAX_TTL`](crate::MAX_TTL): the time from the store's clock to the end of the new window.
    pub ttl: Duration,
    /// The last tick in which the caller has issued an ID with an earlier lease; `None` if it has issued no ID. The
    /// window of the new lease begins after this tick.
    pub after: Option<u64>,
    /// A name of the caller, for the people who read the list of leases.
    pub owner: String,
    /// How the store treats the request if the ID space does not exist.
    pub missing: Missing,
}

impl AcquireRequest {
    /// Creates a request for a caller that has issued no ID yet. If the ID space does not exist, the store refuses the
    /// request: the field [`missing`](Self::missing) is [`Missing::Refuse`].
    #[must_use]
    pub fn new(layout: &Layout, token: Token, ttl: Duration, owner: impl Into<String>) -> Self {
        Self { layout: *layout, token, ttl, after: None, owner: owner.into(), missing: Missing::Refuse }
    }
}

/// How a store treats a request for a worker of an ID space that does not exist.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{AcquireRequest, FileStore, LeaseStore, Missing, StoreError, Token};
///
/// # let directory = testkit::Scratch::new();
/// let mut store = FileStore::new(directory.path());
/// let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, Duration::from_secs(30), "web-1");
/// assert_eq!(request.missing, Missing::Refuse);
/// assert!(matches!(store.acquire(&request), Err(StoreError::NoSpace { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// Refuses the request with [`StoreError::NoSpace`](crate::StoreError::NoSpace) and writes nothing. If the store
    /// created a space for each unknown name, a misspelt name would create a second ID space. The processes of the
    /// second space would issue the same IDs as the processes of the first space.
    #[default]
    Refuse,
    /// Creates the space. The new space grants nothing until [`MAX_TTL`](crate::MAX_TTL) +
    /// [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed. A [`LeaseStore`](crate::LeaseStore) value remembers where it
    /// last granted or renewed a lease, for example on which server and at which address. If the space is lost after
    /// that, the value creates the space again only in the same place, and with as many workers as the lost space had.
    Create,
}

/// A request to move the end of a lease's window.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};
///
/// # let directory = testkit::Scratch::new();
/// let mut store = FileStore::new(directory.path());
/// store.init_immediately(&Standard::LAYOUT, 4)?;
/// let ttl = Duration::from_secs(30);
/// let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-1");
/// let lease = store.acquire(&request)?.lease;
///
/// let mut renewal = Renewal::new(&Standard::LAYOUT, lease, ttl);
/// match store.renew(&renewal) {
///     Ok(grant) => assert_eq!(grant.lease.counter(), lease.counter() + 1),
///     // The renewal may have been written: send this one again, and count it.
///     Err(StoreError::Unavailable { .. }) => renewal.unanswered += 1,
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// The layout of the caller's IDs. The window is counted in ticks of this layout.
    pub layout: Layout,
    /// The lease, as the caller knows it.
    pub lease: Lease,
    /// The TTL, 1 ms to [`MAX_TTL`](crate::MAX_TTL): the time from the store's clock to the new end of the window.
    pub ttl: Duration,
    /// The number of unanswered renewals of this lease. The caller has sent these renewals since the store last
    /// answered a renewal of this lease. The store may have applied some or all of them.
    pub unanswered: u64,
}

impl Renewal {
    /// Creates the request of a caller that has no unanswered renewals.
    #[must_use]
    pub const fn new(layout: &Layout, lease: Lease, ttl: Duration) -> Self {
        Self { layout: *layout, lease, ttl, unanswered: 0 }
    }
}

/// The answer to a request: a lease, and the time at which the store granted or renewed it.
///
/// # Examples
/// ```
/// use casflake_lease::{Grant, Lease, Token};
///
/// // As a store of your own returns it: the store's clock read 2026-01-01T00:00:00Z.
/// let lease = Lease::new(3, 63_158_400_000, 63_158_430_000, 1, Token::random()?);
/// let grant = Grant::new(lease, 1_767_225_600_000_000_000);
/// assert_eq!(grant.lease.worker(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The lease.
    pub lease: Lease,
    /// The reading of the store's clock at the grant or renewal, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
}

impl Grant {
    /// Creates the answer with `lease`, which was granted or renewed when the store's clock read `unix_ns`.
    #[must_use]
    pub const fn new(lease: Lease, unix_ns: u64) -> Self {
        Self { lease, unix_ns }
    }
}
