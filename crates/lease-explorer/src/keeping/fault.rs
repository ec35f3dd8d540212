//! The properties that a keeper can break.

use super::state::Loss;
use crate::model::Broken;
use crate::world::Name;

/// A property that does not hold. L12 to L20 are the invariants of the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The store breaks one of its own invariants.
    Store(Broken),
    /// A process issued a tick that was not granted to the token of its lease (L12, L15).
    Foreign { worker: u8, tick: u8 },
    /// A process issued a tick that is not after the ticks that it issued under its earlier leases (L13).
    Backwards { tick: u8, last: u8 },
    /// A process issued a tick after a jump of its clocks, before a request that began after the jump was answered
    /// (L12).
    Untrusted { tick: u8 },
    /// A process issues nothing after a jump of its clocks, although a request that began after the jump was answered
    /// (L12).
    Distrusted,
    /// A keeper was told that its lease is lost, or has ended, and does not close the generator (L12).
    Unclosed,
    /// A keeper holds on to a forgotten lease although the window has ended, or one TTL has passed (L12).
    Overdue,
    /// A generator was published before the previous one was closed (L13).
    TwoOpen,
    /// A keeper closed a generator, although the lease is not lost and the window not over.
    ClosedEarly,
    /// A keeper got a lease that ends before its generator may begin (L13).
    Useless { from: u8, until: u8 },
    /// A process has ended, and the store still has one of its tokens (L14).
    Kept { token: Name },
    /// A keeper asked with another token, although the last one was not answered (L16).
    TokenDropped,
    /// A keeper asked with a token that was granted already (L16).
    TokenReused,
    /// A keeper asked the store twice without a rest (L20).
    TooOften,
    /// The keeper rests or ends, and has not told the waiting calls the news (L19).
    Untold,
    /// A keeper that was asked to stop does not end (L19).
    Endless,
    /// Something was reported twice, too early or not at all.
    Misreported,
    /// A renewal claims more unanswered renewals than there were (L4).
    Miscounted,
    /// A keeper lost its lease before the end of the window, although the store has lost nothing (L4).
    LostEarly(Loss),
    /// A process issues no IDs, although nothing more goes wrong.
    Stuck,
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Self::Store(broken)
    }
}
