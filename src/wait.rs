//! The only code that waits.

use core::time::Duration;

use crate::clock::Clock;
use crate::error::GenerateError;
use crate::refusal::Held;
use crate::settings::Settings;
use crate::state::Cause;
use crate::stats::Ledger;
use crate::sync::{spin_loop, yield_now};

/// What a call does while it waits for the next tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wait {
    /// Looks at the clock again and again. The soonest to go on, and one core busy for each thread that waits.
    #[default]
    Spin,
    /// Spins for a moment, then gives up its time slice between looks at the clock (without `std`, which has no
    /// scheduler to yield to, it goes on spinning). Right where there are more threads than cores.
    Yield,
}

/// Asks `attempt` again and again, until it succeeds, its refusal is final, or the tick that it waits for has not begun
/// within `max_wait`.
pub(crate) fn wait_for<'a, T, C: Clock>(
    clock: &C,
    settings: &Settings,
    ledger: &Ledger,
    attempt: impl Fn() -> Result<T, Held<'a>>,
) -> Result<T, GenerateError> {
    let mut waiter: Option<Waiter<'_, C>> = None;
    let mut was_behind = false;
    let outcome = loop {
        let held = match attempt() {
            Ok(done) => break Ok(done),
            Err(held) => held,
        };
        if held.is_behind() && !was_behind {
            was_behind = true;
            ledger.book_clock_behind();
        }
        let Some((tick, cause)) = held.worth_waiting() else {
            break Err(held.error());
        };
        if waiter.as_ref().is_some_and(|waiter| waiter.tick != tick) {
            book(waiter.take(), ledger);
        }
        let waiter = waiter.get_or_insert_with(|| Waiter::new(clock, tick, cause));
        if waiter.is_over {
            let max_wait = settings.max_wait;
            break Err(if held.is_behind() { held.error() } else { GenerateError::ClockStalled { max_wait } });
        }
        waiter.pause(settings);
    };
    book(waiter, ledger);
    outcome
}

/// Books a wait that is over, if it was one for an overflow.
fn book<C: Clock>(waiter: Option<Waiter<'_, C>>, ledger: &Ledger) {
    if let Some(waiter) = waiter.filter(|waiter| waiter.cause == Cause::Overflow) {
        ledger.book_overflow_wait(waiter.elapsed().unwrap_or_default());
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
    /// Whether `max_wait` was over before the latest attempt. Found out before it, not after: a thread that lost its
    /// core for long in between still gets the tick that has begun meanwhile.
    is_over: bool,
}

impl<'a, C: Clock> Waiter<'a, C> {
    fn new(clock: &'a C, tick: u64, cause: Cause) -> Self {
        Self { clock, tick, cause, started: clock.elapsed(), looks: 0, is_over: false }
    }

    fn pause(&mut self, settings: &Settings) {
        match settings.wait {
            Wait::Spin => spin_loop(),
            Wait::Yield if self.looks < SPINS => spin_loop(),
            Wait::Yield => yield_now(),
        }
        self.looks = self.looks.saturating_add(1);
        self.is_over = self.waited() >= settings.max_wait;
    }

    /// How long it has been, by the clock or by how often it was looked at.
    fn waited(&self) -> Duration {
        match self.elapsed() {
            // No look takes less than a nanosecond: this ends even where the clock's `elapsed` stands still.
            Some(elapsed) => elapsed.max(Duration::from_nanos(self.looks)),
            None => Duration::from_nanos(self.looks.saturating_mul(LOOK_NANOS)),
        }
    }

    /// How long it has been, where the clock can tell.
    fn elapsed(&self) -> Option<Duration> {
        Some(self.clock.elapsed()?.saturating_sub(self.started?))
    }
}
