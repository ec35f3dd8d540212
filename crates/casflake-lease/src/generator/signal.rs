//! `Signal`: wakes the keeper if a call has no lease, and wakes the waiting calls if the keeper has news. It is not on
//! the hot path, so it can use a lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The means by which a call wakes the keeper, and the keeper wakes the calls that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    /// The keeper waits on this `Condvar`.
    called: Condvar,
    /// The calls that wait for news from the keeper wait on this `Condvar`.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a call has asked the keeper to renew the lease now.
    rung: bool,
    stopping: bool,
    /// The number of pieces of news so far. A piece of news is that the lease was renewed or replaced, or that the
    /// generator has ended.
    news: u64,
    /// The number of calls that wait for the keeper, or are about to wait.
    callers: u64,
}

/// A guard. Until it is dropped, the call that holds it is counted as a call that may wait for the keeper.
pub(crate) struct Caller<'b>(&'b Signal);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.lock().callers -= 1;
    }
}

/// The reason why the keeper's sleep has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// It is time to call the store, or a call has rung.
    Work,
    Stop,
}

impl Signal {
    /// Asks the keeper to renew the lease now.
    pub(crate) fn ring(&self) {
        // If `rung` was set already, the call that has set it has also woken the keeper.
        if !std::mem::replace(&mut self.lock().rung, true) {
            self.called.notify_one();
        }
    }

    /// Asks the keeper to end.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.called.notify_one();
    }

    /// Counts a piece of news, and wakes the calls that wait for news.
    pub(crate) fn tell(&self) {
        self.lock().news += 1;
        self.changed.notify_all();
    }

    /// Returns the number of pieces of news so far.
    pub(crate) fn news(&self) -> u64 {
        self.lock().news
    }

    /// Counts a call that may wait for the keeper, until the guard is dropped.
    pub(crate) fn enter(&self) -> Caller<'_> {
        self.lock().callers += 1;
        Caller(self)
    }

    /// Returns the number of calls that wait for the keeper, or are about to wait.
    pub(crate) fn callers(&self) -> u64 {
        self.lock().callers
    }

    /// Waits until the number of pieces of news is no longer `seen`, or until `deadline`. Returns whether the number is
    /// no longer `seen`.
    pub(crate) fn wait_for_news(&self, seen: u64, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, |state| state.news == seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.news != seen
    }

    /// Lets the keeper sleep for `time`, or until it is woken. `stop` always wakes the keeper. A ring wakes the keeper
    /// only if `is_deaf` is false. If a ring comes during a deaf sleep, it ends the next sleep that is not deaf.
    pub(crate) fn sleep(&self, time: Duration, is_deaf: bool) -> Call {
        let sleeps_on = |state: &mut State| !state.stopping && (is_deaf || !state.rung);
        let waited = self.called.wait_timeout_while(self.lock(), time, sleeps_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.rung &= is_deaf;
        if state.stopping { Call::Stop } else { Call::Work }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
