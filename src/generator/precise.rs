//! The slow path of a reservation. It reserves slots according to the clock's precise reading. If this reading allows
//! no slots, the slow path waits or returns an error.

use core::time::Duration;

use crate::clock::{Clock, NS_PER_MS, ns_to_ms};
use crate::error::GenerateError;
use crate::scheme::Scheme;
use crate::wait::Waiter;
use crate::word::{Cause, Refusal, Reservation, reserve, signed};

use super::Generator;

const NS_PER_SECOND: u128 = 1_000_000_000;

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// Reserves 1 to `count` slots of one tick according to the clock's precise reading, or returns the error that says
    /// why no slots can be handed out.
    ///
    /// If `waits` is true and no slots can be handed out now, the call waits for the next tick that has free slots, and
    /// then tries again. The call fails in three cases: waiting does not help, the wait for the tick would be longer
    /// than `max_wait`, or the call has already waited `max_wait` for the tick.
    #[cold]
    pub(super) fn reserve_precisely(&self, count: u64, waits: bool) -> Result<Reservation, GenerateError> {
        let _waiting = waits.then(|| self.counters.begin_wait());
        let mut waiter: Option<Waiter<'_, C>> = None;
        let mut was_behind = false;
        let outcome = loop {
            let (refusal, now_ns) = match self.attempt(count) {
                Ok(slots) => break Ok(slots),
                Err(refused) => refused,
            };
            if refusal.is_behind() && !was_behind {
                was_behind = true;
                self.counters.record_clock_behind();
            }
            let Some((tick, cause, left)) = self.worth_waiting_for(refusal, now_ns).filter(|_| waits) else {
                if refusal.is_exhausted() {
                    self.counters.record_exhausted();
                }
                break Err(self.error(refusal, now_ns));
            };
            if waiter.as_ref().is_some_and(|waiter| waiter.tick != tick) {
                self.record_wait(waiter.take());
            }
            let waiter =
                waiter.get_or_insert_with(|| Waiter::new(&self.clock, &self.settings, &self.lateness, tick, cause));
            if waiter.is_over {
                let max_wait = self.settings.max_wait;
                let stalled = GenerateError::ClockStalled { max_wait };
                break Err(if refusal.is_behind() { self.error(refusal, now_ns) } else { stalled });
            }
            waiter.pause(left);
        };
        self.record_wait(waiter);
        outcome
    }

    /// Records in the statistics how long `waiter` waited, if the cause of the wait was that the previous tick was
    /// full. Does nothing if the wait had another cause, or if `waiter` is `None`.
    fn record_wait(&self, waiter: Option<Waiter<'_, C>>) {
        if let Some(waiter) = waiter.filter(|waiter| waiter.cause == Cause::Overflow) {
            self.counters.record_overflow_wait(waiter.elapsed().unwrap_or_default());
        }
    }

    /// Reserves 1 to `count` slots, or returns the refusal and the clock's reading that led to it.
    ///
    /// Loads the word first and then reads the clock. The word comes from an earlier call, which read the clock before
    /// it wrote the word. So the reading of the earlier call is older than the reading of `attempt`. If the last ID's
    /// tick is nevertheless more than `max_lead` ticks ahead of the reading of `attempt`, the clock seems to have moved
    /// back. In this case, `attempt` tries once more.
    fn attempt(&self, count: u64) -> Result<Reservation, (Refusal, u128)> {
        let attempt = || {
            self.advance(|word| {
                let now_ns = self.clock.precise_unix_ns();
                let now_tick = S::LAYOUT.signed_tick_at(ns_to_ms(now_ns));
                reserve(word, now_tick, count, &self.limits()).map_err(|refusal| (refusal, now_ns))
            })
        };
        match attempt() {
            // One reading does not prove that the clock moved back.
            Err((refusal, _)) if refusal.is_behind() => attempt(),
            outcome => outcome,
        }
    }

    /// Checks that a handle may issue IDs from the slots that it reserved earlier.
    ///
    /// # Errors
    /// `ClockBehind` if the generator is strict and the clock is before the last ID's tick by more than `max_lead`
    /// ticks. `now_tick` is the tick of a reading that may lag, so `now_tick` alone proves nothing. `check_strictly`
    /// fails only if two precise readings are also before the last ID's tick by more than `max_lead` ticks.
    pub(crate) fn check_strictly(&self, now_tick: i64) -> Result<(), GenerateError> {
        let max_lead = signed(self.settings.max_lead);
        let is_ahead = |last: u64, now_tick: i64| signed(last) > now_tick.saturating_add(max_lead);
        if !self.settings.strict || !self.last_tick().is_some_and(|last| is_ahead(last, now_tick)) {
            return Ok(());
        }
        let mut by = Duration::ZERO;
        // One reading does not prove that the clock moved back.
        for _ in 0..2 {
            // The word is loaded before the clock is read, as in `attempt`.
            let last = self.last_tick();
            let now_ns = self.clock.precise_unix_ns();
            match last {
                Some(last) if is_ahead(last, S::LAYOUT.signed_tick_at(ns_to_ms(now_ns))) => {
                    by = self.time_until(last, now_ns);
                }
                _ => return Ok(()),
            }
        }
        self.counters.record_clock_behind();
        Err(GenerateError::ClockBehind { by })
    }

    /// Returns the tick that the refused call should wait for, the cause of the wait, and the time until slots of the
    /// tick may be handed out. Returns `None` if waiting does not help, or if the call would have to wait longer than
    /// `max_wait`.
    fn worth_waiting_for(&self, refusal: Refusal, now_ns: u128) -> Option<(u64, Cause, Duration)> {
        match refusal {
            Refusal::NotBegun { cause: Cause::Behind { .. }, .. } if self.settings.strict => None,
            Refusal::NotBegun { tick, cause } => {
                let left = self.time_until(tick, now_ns);
                (left <= self.settings.max_wait).then_some((tick, cause, left))
            }
            _ => None,
        }
    }

    /// Returns the time from the reading `now_ns` until slots of `tick` may be handed out, or 0 if they may be handed
    /// out already. They may be handed out as soon as the clock is no more than `max_lead` ticks before the beginning
    /// of `tick`.
    fn time_until(&self, tick: u64, now_ns: u128) -> Duration {
        let first = i128::from(signed(tick)) - i128::from(signed(self.settings.max_lead));
        let due_ms = i128::from(S::LAYOUT.epoch_unix_ms()) + first * i128::from(S::LAYOUT.tick_ms());
        let due_ns = u128::try_from(due_ms).unwrap_or(0).saturating_mul(NS_PER_MS);
        let left_ns = due_ns.saturating_sub(now_ns);
        let seconds = u64::try_from(left_ns / NS_PER_SECOND).unwrap_or(u64::MAX);
        // The remainder is less than a second, so its nanoseconds fit 32 bits.
        Duration::new(seconds, u32::try_from(left_ns % NS_PER_SECOND).unwrap_or(0))
    }

    /// Turns `refusal` into the error that the public call, such as `generate`, returns. `now_ns` is the clock's
    /// reading that led to the refusal.
    fn error(&self, refusal: Refusal, now_ns: u128) -> GenerateError {
        match refusal {
            Refusal::Closed => GenerateError::Closed,
            Refusal::BeforeEpoch => {
                GenerateError::BeforeEpoch { unix_ms: ns_to_ms(now_ns), epoch_unix_ms: S::LAYOUT.epoch_unix_ms() }
            }
            Refusal::OutOfTicks => GenerateError::OutOfTicks { max_tick: S::LAYOUT.max_tick() },
            Refusal::Fenced { fence } => GenerateError::Fenced { fence },
            Refusal::NotBegun { tick, cause: Cause::Overflow } => {
                GenerateError::Exhausted { retry_after: self.time_until(tick, now_ns) }
            }
            Refusal::NotBegun { tick, cause: Cause::Window } => {
                GenerateError::TooEarly { not_before: tick, retry_after: self.time_until(tick, now_ns) }
            }
            Refusal::NotBegun { cause: Cause::Behind { last }, .. } => {
                GenerateError::ClockBehind { by: self.time_until(last, now_ns) }
            }
        }
    }
}
