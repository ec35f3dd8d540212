//! The words of a keeper: what it holds, the events that it gets, the effects that it decides, and what it does next.

use std::time::Duration;

use super::Rest;
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;
use crate::request::Grant;
use crate::token::Token;

/// What the keeper knows about its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Held {
    /// The keeper holds no lease, and the current generator is closed, or is about to be closed.
    Nothing,
    /// The keeper holds this lease.
    Lease(Lease),
    /// The store no longer knows this lease. The keeper has learned so at the moment `since`.
    Forgotten { lease: Lease, since: Duration },
}

/// An event: the answer to the last [`Next`].
#[derive(Debug)]
pub enum Event {
    /// The rest is over.
    Woken,
    /// The rest is over, because the generator is being shut down or dropped.
    Stopped,
    /// The store's answer to `Renew`. A panic of the store is an error.
    Renewed(Result<Grant, StoreError>),
    Looked,
    /// The current generator is closed. Contains the last tick in which it has issued an ID.
    Closed(Option<u64>),
    Drawn(Result<Token, StoreError>),
    /// The store's answer to `Acquire`. A panic of the store is an error.
    Granted(Result<Grant, StoreError>),
    Published(Result<(), Unpublished>),
    /// The store's answer to `Release`. A panic of the store is an error.
    Released(Result<(), StoreError>),
    /// The switch has ended. Contains the last tick in which its last generator has issued an ID.
    Ended(Option<u64>),
}

/// Why the generator of a new lease was not published.
#[derive(Debug)]
pub enum Unpublished {
    /// No generator can be made of the lease.
    Unfit(StoreError),
    /// The generator was shut down meanwhile.
    Ended,
}

/// An effect on this process. It has no answer.
#[derive(Debug)]
pub enum Effect {
    /// Remembers how far the wall clock and the monotonic clock are apart. Precedes each request to the store, so that a
    /// jump during the request is noticed after it.
    Measure,
    /// Trusts the clocks again, as of the last `Measure`.
    Trust,
    /// Moves the fence of the current generator to this tick.
    ExtendFence(u64),
    /// Moves the `StoreClock`, if there is one, forward to this time of the store, in nanoseconds since 1970. Moves it
    /// back only if `may_move_back` is true.
    SetClock { unix_ns: u64, may_move_back: bool },
    /// Wakes the calls that wait for news of the lease.
    Tell,
    /// Records the renewal in the statistics.
    Recorded { lease: Lease, behind: Option<Duration> },
    /// Records that the store's clock was found to be behind by this time.
    Behind(Duration),
    /// Reports the renewal. `remaining` is how long the window lasts.
    Renewed { lease: Lease, remaining: Duration },
    /// Reports the grant. `remaining` is how long the window lasts.
    Acquired { lease: Lease, remaining: Duration },
    /// Records the failure, and reports it if `is_reported` is true. `pause` is the longest time until the next attempt.
    Failed { error: StoreError, remaining: Duration, pause: Duration, is_reported: bool },
    /// Records and reports that the lease was lost. `pause` is the longest time until the next attempt.
    Lost { worker: u64, reason: LostReason, pause: Duration },
    /// Reports that a lease of which no generator could be made was not released.
    NotReleased { worker: u64, error: StoreError },
    /// Reports that the window has ended, and calls fail.
    WindowEnded,
    /// Reports that `build` was granted no lease, and retries. Only [`Start`](super::super::start::Start) has this effect.
    Waiting(StoreError),
}

/// What to do after the effects. Each of them except `Done` has an answer, which is the next [`Event`].
#[derive(Debug)]
pub enum Next {
    /// Waits. The answer is `Woken` or `Stopped`.
    Rest(Rest),
    /// Reads the clock, after the effects. The answer is `Looked`.
    Look,
    /// Asks the store to renew the lease. `unanswered` is the number of renewals that have failed so far, although the
    /// store may have written them. The answer is `Renewed`.
    Renew { lease: Lease, unanswered: u64 },
    /// Closes the current generator. The answer is `Closed`.
    Close,
    /// Draws a random token. The answer is `Drawn`.
    DrawToken,
    /// Asks the store for a lease whose window begins after the tick `after`. The answer is `Granted`.
    Acquire { token: Token, after: Option<u64> },
    /// Makes a generator that issues the ticks from `from` to the end of the lease's window, and lets it issue IDs. The
    /// answer is `Published`.
    Publish { lease: Lease, from: u64 },
    /// Releases the lease. The answer is `Released`.
    Release { lease: Lease, last_tick: Option<u64> },
    /// Closes the current generator for good: no other one follows. The answer is `Ended`.
    End,
    /// Reports the outcome of the last release, if there was one, and ends the keeper.
    Done { released: Option<u64>, outcome: Result<(), StoreError> },
}

/// The readings of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The reading of the host's monotonic clock.
    pub at: Duration,
    /// How long the window still lasts, by the clock of the generator. `None` if that clock has panicked.
    pub remaining: Option<Duration>,
    /// The reading of the `StoreClock`, in nanoseconds since 1970; `None` if the generator has another clock.
    pub store_clock_ns: Option<u64>,
    /// Whether the generator was shut down. Failures are then no longer reported.
    pub has_ended: bool,
}

/// The result of [`Keeper::step`](super::Keeper::step).
#[derive(Debug)]
pub struct Step {
    /// The effects, in the order in which they must be carried out.
    pub effects: Vec<Effect>,
    /// What to do after the effects.
    pub next: Next,
}

impl Step {
    /// Adds `effects` after those that the step has.
    pub(super) fn with(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.effects.extend(effects);
        self
    }
}
