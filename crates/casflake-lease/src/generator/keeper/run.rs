//! The thread of a keeper: the loop that carries out what [`Keeper::step`] decides, calls the store and sleeps.

use casflake::{Clock, Scheme};

use super::{Event, Keeper, Next, Rest};
use crate::error::StoreError;
use crate::generator::process::Process;
use crate::generator::signal::{Call, Signal};
use crate::panics::catching_panics;
use crate::request::Missing;
use crate::store::LeaseStore;
use crate::token::Token;

/// The keeper of a lease, with the store and the process that it acts on.
pub(crate) struct Runner<S, C, T> {
    pub(crate) keeper: Keeper,
    pub(crate) process: Process<S, C>,
    pub(crate) store: T,
}

impl<S: Scheme, C: Clock + Clone, T: LeaseStore> Runner<S, C, T> {
    /// Runs the keeper until it has ended. Begins with `next`. Returns the outcome of the last release.
    pub(crate) fn run(mut self, mut next: Next) -> Result<(), StoreError> {
        loop {
            let event = match self.answer(next) {
                Ok(event) => event,
                Err(outcome) => {
                    // The store may panic when it is dropped. The outcome of the release stays the same.
                    let _ = catching_panics(|| drop(self));
                    return outcome;
                }
            };
            next = self.step(event);
        }
    }

    /// Lets the keeper decide, and carries out the effects. Returns what to do next.
    pub(crate) fn step(&mut self, event: Event) -> Next {
        let (keeper, step) = self.keeper.clone().step(event, &self.process.now());
        self.keeper = keeper;
        for effect in step.effects {
            // An effect may contain an error of the store, which may panic when it is dropped.
            let _ = catching_panics(|| self.process.carry_out(effect));
        }
        step.next
    }

    /// Does what the keeper has decided, and returns the answer. If the keeper has ended, there is no answer: `Err`
    /// then contains the outcome of the last release.
    fn answer(&mut self, next: Next) -> Result<Event, Result<(), StoreError>> {
        let (process, store) = (&mut self.process, &mut self.store);
        Ok(match next {
            Next::Rest(rest) => rest_for(rest, &process.shared.signal),
            Next::Look => Event::Looked,
            Next::Renew { lease, unanswered } => {
                let renewal = process.parts.plan.renewal::<S>(lease, unanswered);
                Event::Renewed(asked(|| store.renew(&renewal)))
            }
            Next::Close => Event::Closed(process.close()),
            Next::DrawToken => Event::Drawn(token()),
            Next::Acquire { token, after } => {
                // If the space is missing now, it was lost and may be created again.
                let request = process.parts.plan.request::<S>(token, after, Missing::Create);
                Event::Granted(asked(|| store.acquire(&request)))
            }
            Next::Publish { lease, from } => Event::Published(process.publish(lease, from)),
            Next::Release { lease, last_tick } => Event::Released(asked(|| store.release(&lease, last_tick))),
            Next::End => Event::Ended(process.end()),
            Next::Done { released, outcome } => {
                if let Some(worker) = released {
                    process.report_release(worker, &outcome);
                }
                return Err(outcome);
            }
        })
    }
}

/// Waits until the rest is over, or until the keeper must stop.
fn rest_for(rest: Rest, signal: &Signal) -> Event {
    let permille = Token::random().map_or(0, |token| token.pick(101));
    let (deaf, listening) = rest.shortened(u32::try_from(permille).unwrap_or(0));
    let call = match signal.sleep(deaf, true) {
        Call::Stop => Call::Stop,
        Call::Work => signal.sleep(listening, false),
    };
    match call {
        Call::Stop => Event::Stopped,
        Call::Work => Event::Woken,
    }
}

/// Draws a random token.
pub(crate) fn token() -> Result<Token, StoreError> {
    Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))
}

/// Calls the store. A panic of the store is an error, because the store may have carried out the call before the panic.
pub(crate) fn asked<R>(ask: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    let panicked = || StoreError::unavailable("asking the store of leases", "it has panicked");
    catching_panics(ask).unwrap_or_else(|| Err(panicked()))
}
