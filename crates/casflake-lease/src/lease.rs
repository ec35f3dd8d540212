//! `Lease`: one worker, for a window of ticks.

use crate::token::Token;

/// A grant of one worker for a window of ticks, as its holder knows it.
///
/// No two leases of a worker have windows that overlap, whoever holds them and whenever: that is what a store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub(crate) worker: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
    pub(crate) counter: u64,
    pub(crate) token: Token,
}

impl Lease {
    /// What a store of your own grants: `counter` grows with each grant and renewal of the worker.
    #[must_use]
    pub const fn new(worker: u64, from: u64, until: u64, counter: u64, token: Token) -> Self {
        Self { worker, from, until, counter, token }
    }

    /// The [index](casflake::WorkerId::index) of the worker.
    #[must_use]
    pub const fn worker(&self) -> u64 {
        self.worker
    }

    /// The first tick of the window.
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// The first tick after the window.
    #[must_use]
    pub const fn until(&self) -> u64 {
        self.until
    }

    /// How often the worker was granted or renewed, by whomever, when this was granted or last renewed.
    #[must_use]
    pub const fn counter(&self) -> u64 {
        self.counter
    }

    /// Whose it is.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }
}
