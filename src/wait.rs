//! The only code that waits.

mod lateness;

use core::time::Duration;

use crate::clock::Clock;
use crate::error::GenerateError;
use crate::refusal::{Awaited, Held};
use crate::settings::{Settings, Wait};
use crate::stats::Ledger;
use crate::sync::{spin_loop, yield_now};
use crate::word::Cause;

pub(crate) use lateness::Lateness;

/// What a wait works with.
pub(crate) struct Waiting<'g, C> {
    pub(crate) clock: &'g C,
    pub(crate) settings: &'g Settings,
    pub(crate) ledger: &'g Ledger,
    pub(crate) lateness: &'g Lateness,
}

impl<'g, C: Clock> Waiting<'g, C> {
    /// Asks `attempt` again and again, until it succeeds, its refusal is final, or the tick that it waits for has not
    /// begun within `max_wait`.
    pub(crate) fn wait_for<T>(&self, attempt: impl Fn() -> Result<T, Held<'g>>) -> Result<T, GenerateError> {
        let _waiting = self.ledger.begin_wait();
        let mut waiter: Option<Waiter<'_, C>> = None;
        let mut was_behind = false;
        let outcome = loop {
            let held = match attempt() {
                Ok(done) => break Ok(done),
                Err(held) => held,
            };
            if held.is_behind() && !was_behind {
                was_behind = true;
                self.ledger.book_clock_behind();
            }
            let Some(Awaited { tick, cause, until }) = held.worth_waiting() else {
                if held.is_exhausted() {
                    self.ledger.book_exhausted();
                }
                break Err(held.error());
            };
            if waiter.as_ref().is_some_and(|waiter| waiter.tick != tick) {
                self.book(waiter.take());
            }
            let waiter = waiter.get_or_insert_with(|| Waiter::new(self.clock, tick, cause));
            if waiter.is_over {
                let max_wait = self.settings.max_wait;
                break Err(if held.is_behind() { held.error() } else { GenerateError::ClockStalled { max_wait } });
            }
            self.pause(waiter, until);
        };
        self.book(waiter);
        outcome
    }

    /// Books a wait that is over, if it was one for an overflow.
    fn book(&self, waiter: Option<Waiter<'_, C>>) {
        if let Some(waiter) = waiter.filter(|waiter| waiter.cause == Cause::Overflow) {
            self.ledger.book_overflow_wait(waiter.elapsed().unwrap_or_default());
        }
    }

    /// Lets some time pass, where the tick begins after `until`.
    fn pause(&self, waiter: &mut Waiter<'_, C>, until: Duration) {
        match self.settings.wait {
            Wait::Spin => spin_loop(),
            Wait::Yield if waiter.looks < SPINS => spin_loop(),
            Wait::Yield => yield_now(),
            Wait::Park => {
                let left = self.settings.max_wait.saturating_sub(waiter.waited());
                waiter.slept += self.lateness.nap(until.min(left), waiter.looks == 0);
            }
        }
        waiter.looks = waiter.looks.saturating_add(1);
        waiter.is_over = waiter.waited() >= self.settings.max_wait;
    }
}

/// What one look at a clock that has no `elapsed` counts as, in nanoseconds.
const LOOK_NANOS: u64 = 100;

/// How often [`Wait::Yield`] spins before it yields: a few microseconds.
const SPINS: u64 = 64;

/// One wait for one tick.
struct Waiter<'a, C> {
    clock: &'a C,
    tick: u64,
    /// Why it began.
    cause: Cause,
    started: Option<Duration>,
    looks: u64,
    /// How long it has slept, at least.
    slept: Duration,
    /// Whether `max_wait` was over before the latest attempt. Found out before it, not after: a thread that lost its
    /// core for long in between still gets the tick that has begun meanwhile.
    is_over: bool,
}

impl<'a, C: Clock> Waiter<'a, C> {
    fn new(clock: &'a C, tick: u64, cause: Cause) -> Self {
        Self { clock, tick, cause, started: clock.elapsed(), looks: 0, slept: Duration::ZERO, is_over: false }
    }

    /// How long it has been, by the clock or by how often it was looked at.
    fn waited(&self) -> Duration {
        match self.elapsed() {
            // No look takes less than a nanosecond: this ends even where the clock's `elapsed` stands still.
            Some(elapsed) => elapsed.max(self.slept + Duration::from_nanos(self.looks)),
            None => self.slept + Duration::from_nanos(self.looks.saturating_mul(LOOK_NANOS)),
        }
    }

    /// How long it has been, where the clock can tell.
    fn elapsed(&self) -> Option<Duration> {
        Some(self.clock.elapsed()?.saturating_sub(self.started?))
    }
}
