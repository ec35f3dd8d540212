//! `Lease`: the grant of one worker for a window of ticks.

use crate::token::Token;

/// A grant of one worker for a window of ticks, as the holder of the lease knows it.
///
/// A store never grants two leases of one worker with overlapping windows, whichever processes hold them. See the
/// [invariants](crate::LeaseStore#invariants).
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Token};
///
/// # let directory = testkit::Scratch::new();
/// let mut store = FileStore::new(directory.path());
/// store.init_immediately(&Standard::LAYOUT, 4)?;
/// let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, Duration::from_secs(30), "web-1");
/// let lease = store.acquire(&request)?.lease;
/// assert!(lease.worker() < 4);
/// assert!(lease.until() - lease.from() >= 30_000, "30 s in ticks of 1 ms");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(crate) worker: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) counter: u64,
    pub(crate) token: Token,
}

impl Lease {
    /// Creates a lease of the worker with the index `worker`. The window begins at the tick `from` and ends before the
    /// tick `until`. Only a [store](crate::LeaseStore) of your own needs this function. `counter` must grow with each
    /// grant and each renewal of the worker.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{Lease, Token};
    ///
    /// let lease = Lease::new(3, 5_000, 35_000, 1, Token::random()?);
    /// assert_eq!((lease.worker(), lease.from(), lease.until()), (3, 5_000, 35_000));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn new(worker: u64, from: u64, until: u64, counter: u64, token: Token) -> Self {
        Self { worker, from, until, counter, token }
    }

    /// Returns the [index](casflake::WorkerId::index) of the worker.
    #[must_use]
    pub const fn worker(&self) -> u64 {
        self.worker
    }

    /// Returns the first tick of the window.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// Returns the first tick after the window.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.until
    }

    /// Returns the counter of the worker, as of the last grant or renewal of this lease. Each grant of the worker to
    /// any holder, each renewal, and each [reclaiming](crate::LeaseAdmin::reclaim) of the worker adds 1 to the counter.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// Returns the token of the holder.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }
}
