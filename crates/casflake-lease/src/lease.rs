//! `Lease`: the grant of one worker for a window of ticks.

use crate::token::Token;

/// A grant of one worker for a window of ticks, as its holder knows it.
///
/// A store never grants two leases of one worker with overlapping windows, whichever processes hold them. See the
/// [invariants](crate::LeaseStore#invariants).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(crate) worker: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) counter: u64,
    pub(crate) token: Token,
}

impl Lease {
    /// Creates a lease, for a store of your own. `counter` grows with each grant and renewal of the worker.
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

    /// Returns how often the worker had been granted or renewed, to any holder, when this lease was granted or last
    /// renewed. That grant or renewal counts.
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
