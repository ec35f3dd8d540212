//! `Call`: the decisions of a call that its generator has refused, as a pure function. It has no clock, and waits for
//! nothing.
//!
//! The first row that applies counts.
//!
//! | the generator's error | condition | the call |
//! |---|---|---|
//! | `Closed`, `Fenced`, `OutOfTicks` | in a fork | fails with `OtherProcess` |
//! | `Closed` | the generator was shut down | fails with `ShutDown` |
//! | `OutOfTicks` | the layout has no more ticks | fails with `OutOfTicks` |
//! | `Closed`, `Fenced`, `OutOfTicks` | the first refusal of the call | reads the count of news, and asks again |
//! | `Closed` | another generator has replaced it | asks again |
//! | `Closed`, `Fenced`, `OutOfTicks` | otherwise | rings, and waits for news until its deadline |
//! | `ClockBehind` | the clock is a `StoreClock` | fails with `StoreClockBehind` |
//! | another error | | fails with this error |
//!
//! The first wait sets the deadline, and nothing moves it afterwards. So a call waits for `max_wait` in all, however
//! often the lease is renewed or replaced meanwhile.

use std::time::Duration;

use casflake::GenerateError;

/// The longest time that a call waits for a lease, even if `max_wait` is longer. A century is practically no limit, but
/// is small enough to be added to any time.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A call that its generator has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How long the call waits for the lease, in all.
    max_wait: Duration,
    /// Whether the clock of the generator is a `StoreClock`.
    is_by_store: bool,
    /// The end of the wait, on the monotonic clock. `None` before the first wait.
    deadline: Option<Duration>,
    /// Whether the call was refused before, and has read the count of news since then.
    has_looked: bool,
}

/// The facts that a call reads right after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Whether the current process is a fork of the one that was granted the lease.
    pub is_fork: bool,
    /// Whether the generator was shut down.
    pub has_ended: bool,
    /// Whether another generator has replaced the one that has refused the call.
    pub is_replaced: bool,
    /// Whether the layout has no more ticks. If this is false, `OutOfTicks` means that the clock can not be trusted.
    pub is_out_of_ticks: bool,
    /// The reading of the monotonic clock.
    pub at: Duration,
}

/// What a refused call does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Reads the count of news, and then asks the current generator.
    AskAgain,
    /// Rings for the keeper, and waits for news until this moment. If news comes, asks the current generator again.
    /// Otherwise fails with `LeaseExpired`.
    WaitForNews { until: Duration },
    /// Fails with this error.
    Fail(GenerateError),
}

impl Call {
    /// Returns a call that waits for `max_wait` at most; for `Duration::ZERO`, a call that does not wait.
    #[must_use]
    pub const fn new(max_wait: Duration, is_by_store: bool) -> Self {
        Self { max_wait, is_by_store, deadline: None, has_looked: false }
    }

    /// Decides what the call does after `error`. See the module's table.
    pub fn refused(&mut self, error: GenerateError, found: Situation) -> Turn {
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        match error {
            GenerateError::Closed | GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. }
                if found.is_fork =>
            {
                Turn::Fail(GenerateError::OtherProcess)
            }
            GenerateError::Closed if found.has_ended => Turn::Fail(GenerateError::ShutDown),
            GenerateError::OutOfTicks { .. } if found.is_out_of_ticks => Turn::Fail(error),
            GenerateError::Closed | GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } if is_first => {
                Turn::AskAgain
            }
            GenerateError::Closed if found.is_replaced => Turn::AskAgain,
            GenerateError::Closed | GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } => {
                let end = found.at.saturating_add(self.max_wait.min(CENTURY));
                Turn::WaitForNews { until: *self.deadline.get_or_insert(end) }
            }
            GenerateError::ClockBehind { by } if self.is_by_store => Turn::Fail(GenerateError::StoreClockBehind { by }),
            error => Turn::Fail(error),
        }
    }
}

/// Returns the error of a call that begins after the generator was drained or shut down.
#[must_use]
pub const fn after_the_end(is_fork: bool) -> GenerateError {
    if is_fork { GenerateError::OtherProcess } else { GenerateError::ShutDown }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use casflake::GenerateError;

    use super::{Call, Situation, Turn};

    const AT: Duration = Duration::from_secs(1000);
    const MAX_WAIT: Duration = Duration::from_millis(100);
    const CALM: Situation =
        Situation { is_fork: false, has_ended: false, is_replaced: false, is_out_of_ticks: false, at: AT };
    const FENCED: GenerateError = GenerateError::Fenced { fence: 7 };
    const OUT_OF_TICKS: GenerateError = GenerateError::OutOfTicks { max_tick: 7 };

    /// Returns a call that was refused once, and has asked again.
    fn second() -> Call {
        let mut call = Call::new(MAX_WAIT, true);
        assert_eq!(call.refused(GenerateError::Closed, CALM), Turn::AskAgain);
        call
    }

    #[test]
    fn a_call_in_a_fork_fails_before_it_touches_a_lock() {
        for error in [GenerateError::Closed, FENCED, OUT_OF_TICKS] {
            let found = Situation { is_fork: true, has_ended: true, ..CALM };
            assert_eq!(Call::new(MAX_WAIT, true).refused(error, found), Turn::Fail(GenerateError::OtherProcess));
        }
    }

    #[test]
    fn a_first_refusal_is_answered_by_a_look_at_the_news() {
        for error in [GenerateError::Closed, FENCED, OUT_OF_TICKS] {
            assert_eq!(Call::new(MAX_WAIT, true).refused(error, CALM), Turn::AskAgain);
        }
    }

    #[test]
    fn a_call_asks_the_generator_that_has_replaced_a_closed_one() {
        let found = Situation { is_replaced: true, ..CALM };
        assert_eq!(second().refused(GenerateError::Closed, found), Turn::AskAgain);
        let waits = Turn::WaitForNews { until: AT + MAX_WAIT };
        assert_eq!(second().refused(GenerateError::Closed, CALM), waits);
        assert_eq!(second().refused(FENCED, found), waits, "the new one is fenced");
    }

    /// Would catch: `max_wait` begins anew with each renewal, so that a call waits without end.
    #[test]
    fn l19_a_call_waits_for_max_wait_in_all() {
        let mut call = second();
        for millis in [0, 40, 99, 5000] {
            let found = Situation { at: AT + Duration::from_millis(millis), ..CALM };
            assert_eq!(call.refused(FENCED, found), Turn::WaitForNews { until: AT + MAX_WAIT });
        }
        let mut call = Call::new(Duration::MAX, true);
        assert_eq!(call.refused(FENCED, CALM), Turn::AskAgain);
        let century = Duration::from_secs(3_153_600_000);
        assert_eq!(call.refused(FENCED, CALM), Turn::WaitForNews { until: AT + century });
    }

    #[test]
    fn a_clock_that_is_not_trusted_differs_from_a_layout_without_ticks() {
        assert_eq!(second().refused(OUT_OF_TICKS, CALM), Turn::WaitForNews { until: AT + MAX_WAIT });
        let found = Situation { is_out_of_ticks: true, ..CALM };
        assert_eq!(second().refused(OUT_OF_TICKS, found), Turn::Fail(OUT_OF_TICKS));
    }

    #[test]
    fn a_call_after_the_end_fails_with_shut_down() {
        let found = Situation { has_ended: true, is_replaced: true, ..CALM };
        assert_eq!(second().refused(GenerateError::Closed, found), Turn::Fail(GenerateError::ShutDown));
    }

    #[test]
    fn a_clock_that_moves_back_has_the_name_of_its_kind() {
        let by = Duration::from_secs(3);
        let behind = GenerateError::ClockBehind { by };
        assert_eq!(Call::new(MAX_WAIT, false).refused(behind, CALM), Turn::Fail(behind));
        let named = GenerateError::StoreClockBehind { by };
        assert_eq!(Call::new(MAX_WAIT, true).refused(behind, CALM), Turn::Fail(named));
    }

    #[test]
    fn any_other_error_is_returned_as_it_is() {
        let exhausted = GenerateError::Exhausted { retry_after: Duration::from_micros(5) };
        for error in [exhausted, GenerateError::Count { count: 0, max: 1 }] {
            assert_eq!(second().refused(error, CALM), Turn::Fail(error));
        }
    }
}
