//! `Signal`: how calls that have no lease, and the thread that keeps the lease, wake each other. It is off the hot
//! path, so it uses a lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wakes the keeper, and the calls that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    /// The keeper waits here.
    called: Condvar,
    /// Calls that wait for the keeper wait here.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// A call needs the lease to be renewed now.
    rung: bool,
    stopping: bool,
    /// How often the lease was renewed or replaced, or has ended.
    news: u64,
    /// How many calls wait for the keeper, or are about to.
    callers: u64,
}

/// Counts a call that may wait for the keeper, as long as this lives.
pub(crate) struct Caller<'b>(&'b Signal);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.lock().callers -= 1;
    }
}

/// Why the keeper goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// It is time to renew, or a call has rung.
    Work,
    Stop,
}

impl Signal {
    /// Asks the keeper to renew now.
    pub(crate) fn ring(&self) {
        // If `rung` was set already, the call that set it has woken the keeper.
        if !std::mem::replace(&mut self.lock().rung, true) {
            self.called.notify_one();
        }
    }

    /// Asks the keeper to end.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.called.notify_one();
    }

    /// Wakes the calls that wait: there is news.
    pub(crate) fn tell(&self) {
        self.lock().news += 1;
        self.changed.notify_all();
    }

    /// Returns how often there has been news.
    pub(crate) fn news(&self) -> u64 {
        self.lock().news
    }

    /// Counts a call that may wait for the keeper, until the guard is dropped.
    pub(crate) fn enter(&self) -> Caller<'_> {
        self.lock().callers += 1;
        Caller(self)
    }

    /// Returns how many calls wait for the keeper, or are about to.
    pub(crate) fn callers(&self) -> u64 {
        self.lock().callers
    }

    /// Waits until there is news after `seen`, or until `deadline`. Returns whether there is.
    pub(crate) fn wait_for_news(&self, seen: u64, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, |state| state.news == seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.news != seen
    }

    /// Lets the keeper sleep for `time`, or until it is woken. If `is_deaf`, only `stop` wakes it, and a ring is kept
    /// for the next sleep.
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
