//! The slow path of a refused call. On this path, the call waits for the lease, or returns an error to its caller. The
//! call's decisions are in the module `call`.

use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, Scheme};

use super::LeasedGenerator;
use super::call::{Call, Situation, Turn, after_the_end};
use super::shared::Shared;
use super::watch::Watched;

/// The result of [`Shared::ask_until_it_waits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<T> {
    Done(Result<T, GenerateError>),
    /// The call must wait until the number of pieces of news is no longer `seen`, or until the moment `until`.
    Waits {
        seen: u64,
        until: Duration,
    },
}

impl<S: Scheme, C: Clock> LeasedGenerator<S, C> {
    /// Goes on with a call that was refused with `error`. This function is not inlined, because returning the large
    /// `Result` through memory would make every call 50 % slower.
    #[cold]
    pub(super) fn refused<T>(
        &self,
        error: GenerateError,
        waits: bool,
        mut ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        let shared = &*self.shared;
        let mut call = Call::new(if waits { self.max_wait } else { Duration::ZERO }, self.is_by_store);
        if let Turn::Fail(error) = shared.decide(&mut call, error, shared.switch.current(), None) {
            return Err(error);
        }
        // A call in a fork has failed above, because the locks may be held there by a thread that the fork does not
        // have.
        let _caller = shared.signal.enter();
        loop {
            match shared.ask_until_it_waits(&mut call, &mut ask) {
                Asked::Done(outcome) => return outcome,
                Asked::Waits { seen, until } => {
                    let left = until.saturating_sub(shared.watch.host().at());
                    if !shared.signal.wait_for_news(seen, left) {
                        return Err(shared.expired());
                    }
                }
            }
        }
    }

    /// Refuses a call that begins after the generator was drained or shut down.
    #[cold]
    pub(super) fn shut_down<T>(&self) -> Result<T, GenerateError> {
        Err(after_the_end(self.shared.watch.is_fork()))
    }
}

impl<S: Scheme, C: Clock> Shared<S, C> {
    /// Calls the closure `ask` with the current generator until `ask` succeeds, or until the call fails or must wait. If
    /// the call must wait, asks the keeper to renew the lease now.
    pub fn ask_until_it_waits<T>(
        &self,
        call: &mut Call,
        ask: &mut impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Asked<T> {
        loop {
            // Both numbers are read before the generator is asked. So news that comes after the generator's answer ends
            // the wait for news.
            let (seen, count) = (self.signal.news(), self.switch.count());
            let generator = self.switch.current();
            let error = match ask(generator) {
                Ok(done) => return Asked::Done(Ok(done)),
                Err(error) => error,
            };
            match self.decide(call, error, generator, Some(count)) {
                Turn::AskAgain => {}
                Turn::WaitForNews { until } => {
                    self.signal.ring();
                    return Asked::Waits { seen, until };
                }
                Turn::Fail(error) => return Asked::Done(Err(error)),
            }
        }
    }

    /// Lets `call` decide what to do after `generator` has refused it with `error`. `count` is the number of generators
    /// that the call read before it asked; `None` if the call did not read it.
    pub fn decide(
        &self,
        call: &mut Call,
        error: GenerateError,
        generator: &Generator<S, Watched<C>>,
        count: Option<u64>,
    ) -> Turn {
        let found = Situation {
            is_fork: self.watch.is_fork(),
            has_ended: self.switch.has_ended(),
            is_replaced: count != Some(self.switch.count()),
            is_out_of_ticks: matches!(error, GenerateError::OutOfTicks { .. }) && is_out_of_ticks(generator),
            at: self.watch.host().at(),
        };
        call.refused(error, found)
    }
}

/// Returns whether the generator has reached the layout's last tick, or the clock now reads a time after it. The clock is
/// read directly, so the reading counts even if the `Watch` does not trust the clock.
fn is_out_of_ticks<S: Scheme, C: Clock>(generator: &Generator<S, Watched<C>>) -> bool {
    let (last, unix_ms) = (S::LAYOUT.max_tick(), generator.clock().clock.unix_ms());
    let is_after_the_last = unix_ms >= S::LAYOUT.epoch_unix_ms() && S::LAYOUT.tick_at(unix_ms).is_none();
    generator.last_tick() == Some(last) || is_after_the_last
}
