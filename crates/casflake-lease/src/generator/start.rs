//! `Start`: everything that `build` decides until it has a lease, as a pure function. `build` may wait until a worker is
//! free, or until a missing space is restored or created.
//!
//! [`Start::step`] takes one event and the time, and returns the effects and the one thing to do next, as
//! [`Keeper::step`](super::keeper::Keeper::step) does. The module `run` is the loop around it.
//!
//! An error "may pass" if the space is missing, or if [`StoreError::is_retryable`] says so. There is "time left" until
//! the patience of the program has run out. If the space is missing, there is time left for 40 s at most.
//!
//! | awaits | event | condition | effects | next |
//! |---|---|---|---|---|
//! | `Token` | `Drawn` | a token | `Measure` | `Acquire` |
//! | `Grant` | `Granted` | granted, with the token | `SetClock`, `Trust` | `Make` |
//! | `Grant` | `Granted` | granted, with another token | | as for an error |
//! | `Generator` | `Made` | a generator | | `Done` |
//! | `Generator` | `Made` | no generator can be made | | `Release` |
//! | `Return` | `Released` | | | as for the error of `Made` |
//! | `Grant` | `Granted` | `NoSpace`, may create the space, has no list of others yet | | `ListOthers` |
//! | `Creation` | `Listed` | no other spaces | `Measure` | `Acquire`, with `Missing::Create` |
//! | `Creation` | `Listed` | other spaces, or an error | | as for the error of `Granted` |
//! | any | an error | no time left, or an error that may not pass; not `NoSpace` | | `Fail` |
//! | any | an error | no time left; `NoSpace` | | `ListOthers` |
//! | `LastNames` | `Listed` | | | `Fail`, with the names |
//! | any | an error | time left; `NoSpace`, not named before | | `ListOthers` |
//! | `Names` | `Listed` | | `Waiting`, with the names | `Pause` |
//! | any | an error | time left; another error, or named before | `Waiting` | `Pause` |
//! | `Pause` | `Paused` | has a token | `Measure` | `Acquire` |
//! | `Pause` | `Paused` | has no token | | `DrawToken` |
//!
//! The loop sends only the event that is awaited. If `step` gets another event, it goes on as after `Paused`.

pub(super) mod run;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::keeper::{Effect, behind, require_token, set_clock};
use crate::error::StoreError;
use crate::lease::Lease;
use crate::request::{Grant, Missing};
use crate::terms::RESTORED_WITHIN;
use crate::token::Token;

/// The pause between two attempts while `build` waits for a worker.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The state of `build` while it has no lease.
#[derive(Debug)]
pub struct Start {
    ttl: Duration,
    /// How long to retry after an error that may pass.
    patience: Duration,
    /// The moment at which `build` was called.
    started: Duration,
    /// The moment at which the space was first found missing.
    missing_since: Option<Duration>,
    /// Whether the space may be created if the store has no other spaces. False after the store has listed its spaces,
    /// because it is asked for them only until it has answered once.
    may_create: bool,
    /// Whether an error with the names of the store's other spaces was reported.
    is_named: bool,
    /// What the store does with a request if the space does not exist.
    missing: Missing,
    /// The token of the last request, if that request got no grant.
    token: Option<Token>,
    awaits: Awaits,
}

/// The answer that `build` awaits, with the error that it reports or returns afterwards.
#[derive(Debug)]
enum Awaits {
    Token,
    /// `asked_ns` is the reading of the `StoreClock` when the request was decided. The store reads its clock later than
    /// that, however long its answer takes.
    Grant {
        asked_ns: Option<u64>,
    },
    Generator {
        lease: Lease,
        behind: Option<Duration>,
    },
    Return(StoreError),
    Creation(StoreError),
    Names(StoreError),
    LastNames(StoreError),
    Pause,
    Nothing,
}

/// An event: the answer to the last [`StartNext`].
#[derive(Debug)]
pub enum StartEvent {
    Drawn(Result<Token, StoreError>),
    /// The store's answer to `Acquire`. A panic of the store is an error.
    Granted(Result<Grant, StoreError>),
    Made(Result<(), StoreError>),
    Released,
    /// The names of the store's other spaces.
    Listed(Result<Vec<String>, StoreError>),
    Paused,
}

/// What to do after the effects.
#[derive(Debug)]
pub enum StartNext {
    /// Draws a random token. The answer is `Drawn`.
    DrawToken,
    /// Asks the store for a lease. The answer is `Granted`.
    Acquire { token: Token, missing: Missing },
    /// Makes the generator of the lease. The answer is `Made`.
    Make(Lease),
    /// Releases the lease. The answer is `Released`.
    Release(Lease),
    /// Asks the store for its other spaces. The answer is `Listed`.
    ListOthers,
    /// Waits for this time. The answer is `Paused`.
    Pause(Duration),
    /// `build` has a lease and its generator.
    Done { lease: Lease, behind: Option<Duration> },
    /// `build` fails.
    Fail(StoreError),
}

/// The result of [`Start::step`].
#[derive(Debug)]
pub struct StartStep {
    /// The effects, in the order in which they must be carried out.
    pub effects: Vec<Effect>,
    /// What to do after the effects.
    pub next: StartNext,
}

impl Start {
    /// Returns the state at the moment `started`, and what to do first.
    #[must_use]
    pub fn new(ttl: Duration, patience: Duration, creates: bool, started: Duration) -> (Self, StartNext) {
        let start = Self {
            ttl,
            patience,
            started,
            missing_since: None,
            may_create: creates,
            is_named: false,
            missing: Missing::Refuse,
            token: None,
            awaits: Awaits::Token,
        };
        (start, StartNext::DrawToken)
    }

    /// Decides what follows from `event` at the moment `at`. `store_clock_ns` is the reading of the `StoreClock`. See the
    /// module's table.
    #[must_use]
    pub fn step(mut self, event: StartEvent, at: Duration, store_clock_ns: Option<u64>) -> (Self, StartStep) {
        let awaits = std::mem::replace(&mut self.awaits, Awaits::Nothing);
        let step = match (awaits, event) {
            (Awaits::Token, StartEvent::Drawn(Ok(token))) => {
                self.token = Some(token);
                self.ask_for_a_lease(store_clock_ns)
            }
            (Awaits::Token, StartEvent::Drawn(Err(error))) => self.failed(error, at),
            (Awaits::Grant { asked_ns }, StartEvent::Granted(Ok(grant))) => self.granted(&grant, asked_ns, at),
            (Awaits::Grant { .. }, StartEvent::Granted(Err(error))) => self.refused(error, at),
            (Awaits::Generator { lease, behind }, StartEvent::Made(Ok(()))) => {
                self.then(Awaits::Nothing, StartNext::Done { lease, behind })
            }
            (Awaits::Generator { lease, .. }, StartEvent::Made(Err(error))) => {
                self.then(Awaits::Return(error), StartNext::Release(lease))
            }
            (Awaits::Return(error), StartEvent::Released) => self.failed(error, at),
            (Awaits::Creation(error), StartEvent::Listed(others)) => {
                if others.as_ref().is_ok_and(Vec::is_empty) {
                    self.missing = Missing::Create;
                    self.ask_for_a_lease(store_clock_ns)
                } else {
                    // If the store could not list its spaces, it is asked again at the next attempt.
                    self.may_create = others.is_err();
                    self.failed(error, at)
                }
            }
            (Awaits::Names(error), StartEvent::Listed(others)) => self.waits(named(error, others), at),
            (Awaits::LastNames(error), StartEvent::Listed(others)) => {
                self.then(Awaits::Nothing, StartNext::Fail(named(error, others)))
            }
            _ => self.ask_for_a_lease(store_clock_ns),
        };
        (self, step)
    }

    fn granted(&mut self, grant: &Grant, asked_ns: Option<u64>, at: Duration) -> StartStep {
        if let Err(error) = require_token(grant, self.token) {
            return self.failed(error, at);
        }
        self.token = None;
        let behind = behind(asked_ns, grant, self.ttl);
        let mut step = self.then(Awaits::Generator { lease: grant.lease, behind }, StartNext::Make(grant.lease));
        step.effects.extend([set_clock(grant, behind), Effect::Trust]);
        step
    }

    /// Handles a refusal of the store. If the space is missing and may be created, first asks whether the store has other
    /// spaces, because then the name of the space may be misspelt.
    fn refused(&mut self, error: StoreError, at: Duration) -> StartStep {
        if is_missing(&error) && std::mem::take(&mut self.may_create) {
            return self.then(Awaits::Creation(error), StartNext::ListOthers);
        }
        self.failed(error, at)
    }

    /// Retries after a pause, or fails if the error does not pass or no time is left.
    fn failed(&mut self, error: StoreError, at: Duration) -> StartStep {
        let is_missing = is_missing(&error);
        // A missing space may have been lost, and another process may restore it soon.
        let is_passing = is_missing || error.is_retryable();
        if is_missing {
            self.missing_since.get_or_insert(at);
        }
        if !is_passing || self.left(is_missing, at).is_zero() {
            return if is_missing {
                self.then(Awaits::LastNames(error), StartNext::ListOthers)
            } else {
                self.then(Awaits::Nothing, StartNext::Fail(error))
            };
        }
        if is_missing && !std::mem::replace(&mut self.is_named, true) {
            return self.then(Awaits::Names(error), StartNext::ListOthers);
        }
        self.waits(error, at)
    }

    fn waits(&mut self, error: StoreError, at: Duration) -> StartStep {
        let pause = BETWEEN_TRIES.min(self.left(is_missing(&error), at));
        let mut step = self.then(Awaits::Pause, StartNext::Pause(pause));
        step.effects.push(Effect::Waiting(error));
        step
    }

    /// Returns how long `build` may still retry.
    fn left(&self, is_missing: bool, at: Duration) -> Duration {
        let left = self.patience.saturating_sub(at.saturating_sub(self.started));
        match self.missing_since {
            Some(since) if is_missing => left.min(RESTORED_WITHIN.saturating_sub(at.saturating_sub(since))),
            _ => left,
        }
    }

    fn ask_for_a_lease(&mut self, store_clock_ns: Option<u64>) -> StartStep {
        let Some(token) = self.token else { return self.then(Awaits::Token, StartNext::DrawToken) };
        let mut step =
            self.then(Awaits::Grant { asked_ns: store_clock_ns }, StartNext::Acquire { token, missing: self.missing });
        step.effects.push(Effect::Measure);
        step
    }

    fn then(&mut self, awaits: Awaits, next: StartNext) -> StartStep {
        self.awaits = awaits;
        StartStep { effects: Vec::new(), next }
    }
}

fn is_missing(error: &StoreError) -> bool {
    matches!(error, StoreError::NoSpace { .. })
}

/// Returns `error`, with the names of the store's other spaces. If these can't be listed, the error is helpful enough
/// without their names.
fn named(mut error: StoreError, names: Result<Vec<String>, StoreError>) -> StoreError {
    if let StoreError::NoSpace { others, .. } = &mut error {
        *others = names.unwrap_or_default();
    }
    error
}
