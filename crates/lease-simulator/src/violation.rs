//! `Violation`: how a run has broken a promise.

use std::fmt;

/// A promise that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// L1: an ID was issued twice, or a tick of a worker was used under two leases.
    Duplicate,
    /// L12: an ID lies outside the windows that the store had granted to the process.
    OutsideWindow,
    /// L12: an ID was issued although a clock had jumped since the last request that the store has answered.
    AfterJump,
    /// An ID was issued under a lease after the process was told that another process has the lease.
    AfterLoss,
    /// I2, L10: the IDs of a process are out of order.
    Order,
    /// I3: an ID is too far ahead of the clock.
    Lead,
    /// I8: a call that began after the end got an ID or a wrong error.
    AfterEnd,
    /// A call failed with an error that it must not see.
    WrongError,
    /// L13: a generator was published while the last one was open.
    TwoOpen,
    /// L14: a lease is still taken although its process has ended in peace.
    Leaked,
    /// L15: the fence is not the end of the window that was granted.
    Fence,
    /// L16: a request was repeated with another token.
    TokenChanged,
    /// L17: a setting has not reached the store or the generator.
    Setting,
    /// L18: the generators have issued other IDs than the calls have returned.
    LostIds,
    /// L19: a call has waited for too long.
    TooLong,
    /// L20: the store was asked too soon after the last request.
    TooSoon,
    /// A process did not issue IDs although everything was well.
    NotAlive,
    /// The statistics differ from what has happened.
    Statistics,
    /// The events are out of order.
    Events,
    /// A fork has issued an ID, or has waited.
    Fork,
    /// A holder was told that its lease is lost, but it is not.
    FalseLoss,
    /// A call that waits was not woken by news.
    Unwoken,
    /// Something has panicked.
    Panic,
}

/// The first promise that a run has broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The promise.
    pub kind: Kind,
    /// A description of the facts that break it.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.text)
    }
}
