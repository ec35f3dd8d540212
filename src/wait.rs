//! How a call lets time pass until the next tick begins. All waiting of the crate is in this module.

mod lateness;

use core::time::Duration;

use crate::clock::Clock;
use crate::settings::{Settings, Wait};
use crate::sync::{spin_loop, yield_now};
use crate::word::Cause;

pub(crate) use lateness::Lateness;

/// The time, in nanoseconds, that each poll of the clock is assumed to take if the clock has no monotonic time.
const NS_PER_POLL: u64 = 100;

/// How many times a call with [`Wait::Yield`] spins before it yields for the first time. The spins take a few
/// microseconds together.
const SPINS: u64 = 64;

/// The state of one wait. In a wait, a call waits until one tick begins.
pub(crate) struct Waiter<'g, C> {
    clock: &'g C,
    settings: &'g Settings,
    lateness: &'g Lateness,
    /// The tick whose beginning the call waits for.
    pub(crate) tick: u64,
    /// Why the call has to wait for the tick.
    pub(crate) cause: Cause,
    /// The clock's monotonic time at the moment when the wait began. `None` if the clock has no monotonic time.
    started: Option<Duration>,
    polls: u64,
    /// The total time that the call has asked to sleep in this wait. The call has slept at least this long.
    slept: Duration,
    /// Whether the wait had lasted for `max_wait` at the end of the latest `pause`. Even if `is_over` is true, the call
    /// tries to reserve slots once more before it gives up. So a thread that loses its core for a long time still makes
    /// a last attempt, and gets slots if the tick has begun meanwhile.
    pub(crate) is_over: bool,
}

impl<'g, C: Clock> Waiter<'g, C> {
    /// Begins a wait for `tick`.
    pub(crate) fn new(clock: &'g C, settings: &'g Settings, lateness: &'g Lateness, tick: u64, cause: Cause) -> Self {
        let started = clock.monotonic();
        Self { clock, settings, lateness, tick, cause, started, polls: 0, slept: Duration::ZERO, is_over: false }
    }

    /// Spins, yields or sleeps once, as the generator's [`Wait`] says, and then updates `is_over`. `left` is the time
    /// until slots of the tick may be handed out.
    pub(crate) fn pause(&mut self, left: Duration) {
        let max_wait = self.settings.max_wait;
        match self.settings.wait {
            Wait::Spin => spin_loop(),
            Wait::Yield if self.polls < SPINS => spin_loop(),
            Wait::Yield => yield_now(),
            Wait::Sleep => {
                let allowed = max_wait.saturating_sub(self.waited());
                self.slept += self.lateness.nap(left.min(allowed), self.polls == 0);
            }
        }
        self.polls = self.polls.saturating_add(1);
        self.is_over = self.waited() >= max_wait;
    }

    /// Returns how long the wait has lasted, for the comparison with `max_wait`. If the clock has no monotonic time,
    /// the result is computed from the sleeps and the number of polls.
    fn waited(&self) -> Duration {
        match self.elapsed() {
            // Each poll counts as a nanosecond at least, so that the wait ends even if the clock's monotonic time
            // stands still.
            Some(elapsed) => elapsed.max(self.slept + Duration::from_nanos(self.polls)),
            None => self.slept + Duration::from_nanos(self.polls.saturating_mul(NS_PER_POLL)),
        }
    }

    /// Returns how long the wait has lasted on the clock's monotonic time, or `None` if the clock has no monotonic
    /// time.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        Some(self.clock.monotonic()?.saturating_sub(self.started?))
    }
}
