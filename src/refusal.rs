//! From a refusal in ticks to what the caller is told: whether waiting can help, how long for, and the error.

use core::time::Duration;

use crate::clock::{NS_PER_MS, ns_to_ms};
use crate::error::GenerateError;
use crate::layout::Layout;
use crate::settings::Settings;
use crate::word::{Cause, Refusal, signed};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A refusal by the precise clock, and the reading it rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a> {
    pub(crate) layout: Layout,
    pub(crate) settings: &'a Settings,
    pub(crate) refusal: Refusal,
    pub(crate) unix_nanos: u128,
}

/// A tick that is worth waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaited {
    pub(crate) tick: u64,
    pub(crate) cause: Cause,
    /// How long it takes from the reading until the clock allows its slots.
    pub(crate) until: Duration,
}

impl Held<'_> {
    pub(crate) fn is_behind(&self) -> bool {
        self.refusal.is_behind()
    }

    /// Whether the tick's IDs are used up.
    pub(crate) fn is_exhausted(&self) -> bool {
        matches!(self.refusal, Refusal::NotBegun { cause: Cause::Overflow, .. })
    }

    /// What to wait for, where waiting can help and is known to end in time.
    pub(crate) fn worth_waiting(&self) -> Option<Awaited> {
        match self.refusal {
            Refusal::NotBegun { cause: Cause::Behind { .. }, .. } if self.settings.strict => None,
            Refusal::NotBegun { tick, cause } => {
                Some(Awaited { tick, cause, until: self.until(tick) }).filter(|it| it.until <= self.settings.max_wait)
            }
            _ => None,
        }
    }

    /// How long it takes from the reading until the clock allows slots of `tick`.
    fn until(&self, tick: u64) -> Duration {
        let first = i128::from(signed(tick)) - i128::from(signed(self.settings.max_lead));
        let due_ms = i128::from(self.layout.epoch()) + first * i128::from(self.layout.tick_length());
        let due = u128::try_from(due_ms).unwrap_or(0).saturating_mul(NS_PER_MS);
        let nanos = due.saturating_sub(self.unix_nanos);
        let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
        // The rest is below a second, which 32 bits hold.
        Duration::new(seconds, u32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0))
    }

    /// What the caller is told.
    pub(crate) fn error(&self) -> GenerateError {
        match self.refusal {
            Refusal::Closed => GenerateError::Closed,
            Refusal::BeforeEpoch => {
                GenerateError::BeforeEpoch { unix_ms: ns_to_ms(self.unix_nanos), epoch_unix_ms: self.layout.epoch() }
            }
            Refusal::OutOfTicks => GenerateError::OutOfTicks { max_tick: self.layout.max_tick() },
            Refusal::Fenced { fence } => GenerateError::Fenced { fence },
            Refusal::NotBegun { tick, cause: Cause::Overflow } => {
                GenerateError::Exhausted { retry_after: self.until(tick) }
            }
            Refusal::NotBegun { tick, cause: Cause::Window } => {
                GenerateError::TooEarly { not_before: tick, retry_after: self.until(tick) }
            }
            Refusal::NotBegun { cause: Cause::Behind { last }, .. } => {
                GenerateError::ClockBehind { by: self.until(last) }
            }
        }
    }
}
