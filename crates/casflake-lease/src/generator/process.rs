//! `Process`: the part of the keeper that acts on its own process: the generators, the clocks, the statistics and the
//! events. It carries out the [`Effect`]s that the keeper has decided, and decides nothing itself.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use casflake::{Clock, Generator, GeneratorBuilder, Scheme, Wait, WorkerId};

use super::events::Events;
use super::host::Host;
use super::keeper::{Effect, Now, Unpublished};
use super::shared::Shared;
use super::store_clock::StoreClock;
use super::watch::{Watch, Watched};
use crate::causes::Causes;
use crate::error::StoreError;
use crate::lease::Lease;
use crate::panics::catching_panics;
use crate::request::{AcquireRequest, Missing, Renewal};
use crate::token::Token;

/// The settings of a leased generator. They stay the same while it lives.
#[derive(Clone, Debug)]
pub struct Plan {
    pub ttl: Duration,
    pub owner: String,
    pub wait: Wait,
    pub max_wait: Duration,
    pub strict: bool,
    pub max_lead: u64,
}

impl Plan {
    /// Returns the request for a lease whose window begins after the tick `after`.
    #[must_use]
    pub fn request<S: Scheme>(&self, token: Token, after: Option<u64>, missing: Missing) -> AcquireRequest {
        AcquireRequest { after, missing, ..AcquireRequest::new(&S::LAYOUT, token, self.ttl, &*self.owner) }
    }

    /// Returns the request to renew `lease`.
    #[must_use]
    pub fn renewal<S: Scheme>(&self, lease: Lease, unanswered: u64) -> Renewal {
        Renewal { unanswered, ..Renewal::new(&S::LAYOUT, lease, self.ttl) }
    }
}

/// What each generator of a process is made of, and the clocks of the process.
pub struct Parts<C> {
    pub plan: Plan,
    pub host: Host,
    pub watch: Arc<Watch>,
    pub clock: C,
    /// The same clock as `clock`, if `clock` is a `StoreClock`; otherwise `None`.
    pub store_clock: Option<StoreClock>,
    /// How far the wall clock and the monotonic clock were apart at the last `Measure`.
    pub apart: u64,
}

impl<C: Clock + Clone> Parts<C> {
    /// Makes the generator for the ticks from `from` to the end of the lease's window.
    ///
    /// # Errors
    /// `Corrupt` if the worker or the window does not fit the layout; `Unavailable` if the clock panics while it is
    /// cloned.
    pub fn generator<S: Scheme>(&self, lease: &Lease, from: u64) -> Result<Generator<S, Watched<C>>, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("the lease that was granted", why);
        let worker = WorkerId::<S>::from_index(lease.worker).map_err(|error| corrupt(error.to_string()))?;
        let panicked = || StoreError::unavailable("copying the clock of the generator", "it has panicked");
        let clock = catching_panics(|| self.clock.clone()).ok_or_else(panicked)?;
        let Plan { wait, max_wait, strict, max_lead, .. } = self.plan;
        let builder = GeneratorBuilder::new(worker, Watched::new(clock, Arc::clone(&self.watch)));
        let builder = builder.wait(wait).max_wait(max_wait).strict(strict).max_lead(max_lead);
        builder.not_before(from).fence(lease.until).build().map_err(|error| corrupt(error.to_string()))
    }

    /// Remembers how far the wall clock and the monotonic clock are apart now.
    pub fn measure(&mut self) {
        self.apart = self.watch.apart_now();
    }

    /// Trusts the clocks again, as of the last [`measure`](Self::measure). If a clock has jumped since then, the watch
    /// still notices it.
    pub fn trust(&self) {
        self.watch.settle(self.apart);
    }

    /// Moves the `StoreClock`, if there is one, to the store's time. Moves it back only if `may_move_back` is true.
    pub fn set_clock(&self, unix_ns: u64, may_move_back: bool) {
        match &self.store_clock {
            Some(clock) if may_move_back => clock.set(unix_ns),
            Some(clock) => clock.follow(unix_ns),
            None => {}
        }
    }
}

/// A process that has a lease, or had one.
pub struct Process<S, C> {
    pub parts: Parts<C>,
    pub shared: Arc<Shared<S, C>>,
    pub events: Events,
}

impl<S: Scheme, C: Clock + Clone> Process<S, C> {
    /// Reads the clocks of this process.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            at: self.parts.host.at(),
            remaining: catching_panics(|| self.shared.remaining()),
            store_clock_ns: self.parts.store_clock.as_ref().map(StoreClock::nanos),
            has_ended: self.shared.switch.has_ended(),
        }
    }

    /// Carries out one effect.
    pub fn carry_out(&mut self, effect: Effect) {
        let at = self.parts.host.at();
        match effect {
            Effect::Measure => self.parts.measure(),
            Effect::Trust => self.parts.trust(),
            // A store that obeys the protocol never returns an end that does not fit the layout. If a store does return
            // such an end, the fence is not moved.
            Effect::ExtendFence(until) => drop(self.shared.switch.current().extend_fence(until)),
            Effect::SetClock { unix_ns, may_move_back } => self.parts.set_clock(unix_ns, may_move_back),
            Effect::Tell => self.shared.signal.tell(),
            Effect::Recorded { lease, behind } => self.shared.record(|status| status.renewed(lease, behind)),
            Effect::Behind(by) => self.shared.record(|status| status.is_behind(by)),
            Effect::Renewed { lease, remaining } => self.events.renewed(&lease, remaining, at),
            Effect::Acquired { lease, remaining } => self.events.acquired(&lease, remaining, at),
            Effect::Failed { error, remaining, pause, is_reported } => {
                self.failed(&error, remaining, pause, is_reported);
            }
            Effect::Lost { worker, reason, pause } => {
                self.shared.record(|status| status.failed(&StoreError::Lost { worker, reason }, pause));
                self.events.lost(worker, reason);
            }
            Effect::NotReleased { worker, error } => self.events.not_released(worker, &error),
            Effect::WindowEnded => self.events.ended(self.worker()),
            Effect::Waiting(error) => self.events.waiting(&error, at),
        }
    }

    /// Records and reports a failure. If the store's error panics when it is displayed, records and reports another
    /// error in its place.
    fn failed(&mut self, error: &StoreError, remaining: Duration, pause: Duration, is_reported: bool) {
        let panicked = StoreError::unavailable("displaying an error of the store", "it has panicked");
        let can_be_displayed = catching_panics(|| drop(Causes(error).to_string())).is_some();
        let error = if can_be_displayed { error } else { &panicked };
        self.shared.record(|status| status.failed(error, pause));
        if is_reported {
            self.events.failed(self.worker(), remaining, error, self.parts.host.at());
        }
    }

    /// Closes the current generator. Returns the last tick in which it has issued an ID.
    #[must_use]
    pub fn close(&self) -> Option<u64> {
        self.shared.switch.current().close()
    }

    /// Closes the current generator for good. Returns the last tick in which it has issued an ID.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.shared.switch.end()
    }

    /// Makes the generator of `lease`, and lets it issue IDs from the tick `from` on.
    ///
    /// # Errors
    /// `Unfit` if no generator can be made of the lease; `Ended` if the generator was shut down.
    pub fn publish(&self, lease: Lease, from: u64) -> Result<(), Unpublished> {
        let generator = self.parts.generator(&lease, from).map_err(Unpublished::Unfit)?;
        self.shared.begin(lease, generator).map_err(|_| Unpublished::Ended)
    }

    /// Reports the outcome of the release of `worker`.
    pub fn report_release(&mut self, worker: u64, outcome: &Result<(), StoreError>) {
        match outcome {
            Ok(()) => self.events.released(worker),
            Err(error) => self.events.not_released(worker, error),
        }
    }

    /// Returns the index of the worker that issues IDs now or, if the lease has ended, of the worker that issued IDs
    /// last.
    fn worker(&self) -> u64 {
        self.shared.switch.current().worker().index()
    }
}
