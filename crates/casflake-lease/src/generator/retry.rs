//! The slow path of a refused call. On this path, the call waits for the lease, or returns an error to its caller.

use std::time::{Duration, Instant};

use casflake::{Clock, GenerateError, Generator, Scheme};

use super::LeasedGenerator;
use super::watch::Watched;

/// The longest time that a call waits for a lease, even if `max_wait` is longer. A century is practically no limit, but
/// is small enough to be added to any `Instant`.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

impl<S: Scheme, C: Clock> LeasedGenerator<S, C> {
    /// Retries a call that was refused with `error`, if a new lease, or a renewal of the current lease, can help.
    /// Otherwise returns the result of `named`. This function is not inlined, because returning the large `Result`
    /// through memory would make every call 50 % slower.
    #[cold]
    pub(super) fn refused<T>(
        &self,
        error: GenerateError,
        waits: bool,
        ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        match error {
            GenerateError::Closed | GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } => {
                self.retry(waits, ask)
            }
            error => Err(self.named(error)),
        }
    }

    /// Refuses a call that begins after the generator was drained or shut down.
    #[cold]
    pub(super) fn shut_down<T>(&self) -> Result<T, GenerateError> {
        Err(if self.shared.watch.is_fork() { GenerateError::OtherProcess } else { GenerateError::ShutDown })
    }

    /// Calls the closure `ask` with the current generator until `ask` succeeds, or until `ask` fails with an error that
    /// neither a renewal nor a new lease can remedy. If `ask` finds the generator closed, and another generator has
    /// replaced it, calls `ask` again immediately. After each other error, asks the keeper to renew the lease now, and
    /// waits for news of the lease. If `waits` is true, gives up after `max_wait`. If `waits` is false, does not wait:
    /// calls `ask` again only if news has come since the last call to `ask` began.
    fn retry<T>(
        &self,
        waits: bool,
        mut ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        let shared = &*self.shared;
        // In a fork, the locks below may be held by a thread that does not exist in the fork.
        if shared.watch.is_fork() {
            return Err(GenerateError::OtherProcess);
        }
        let _caller = shared.signal.enter();
        let mut deadline = None;
        loop {
            // Both numbers are read before the generator is asked. So news that comes after the generator's answer ends
            // the wait for news.
            let (news, count) = (shared.signal.news(), shared.switch.count());
            let generator = shared.switch.current();
            let error = match ask(generator) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match error {
                GenerateError::Closed if shared.switch.has_ended() => return Err(GenerateError::ShutDown),
                GenerateError::Closed if shared.switch.count() != count => continue,
                GenerateError::Closed | GenerateError::Fenced { .. } => {}
                // The layout still has ticks. The `Watched` clock has read `NEVER`, because the true reading can not be
                // trusted.
                GenerateError::OutOfTicks { .. } if !is_out_of_ticks(generator) => {}
                error => return Err(self.named(error)),
            }
            shared.signal.ring();
            let wait = if waits { self.max_wait.min(CENTURY) } else { Duration::ZERO };
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + wait);
            if !shared.signal.wait_for_news(news, deadline) {
                return Err(self.expired());
            }
        }
    }

    /// Returns the error that the caller gets: `StoreClockBehind` instead of `ClockBehind` if the generator's clock
    /// follows the store's clock, otherwise `error` itself.
    const fn named(&self, error: GenerateError) -> GenerateError {
        match error {
            GenerateError::ClockBehind { by } if self.is_by_store => GenerateError::StoreClockBehind { by },
            error => error,
        }
    }

    /// Counts a call that fails because it has no lease, and returns the error for its caller.
    fn expired(&self) -> GenerateError {
        self.shared.expired()
    }
}

/// Returns whether the generator has reached the layout's last tick, or the clock now reads a time that has no tick in
/// the layout. The clock is read directly, so the reading counts even if the `Watch` does not trust the clock.
fn is_out_of_ticks<S: Scheme, C: Clock>(generator: &Generator<S, Watched<C>>) -> bool {
    let last = S::LAYOUT.max_tick();
    generator.last_tick() == Some(last) || S::LAYOUT.tick_at(generator.clock().clock.unix_ms()).is_none()
}
