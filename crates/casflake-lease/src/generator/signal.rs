//! `Signal`: what calls that have no lease and the thread that keeps it tell each other. Off the hot path, and so a lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Wakes the keeper, and those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    /// The keeper waits here.
    called: Condvar,
    /// And here those who wait for it.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody needs the lease to be renewed now.
    rung: bool,
    stopping: bool,
    /// How often the lease was renewed or replaced, or has ended.
    news: u64,
    /// How many calls wait for the keeper, or are about to.
    callers: u64,
}

/// A call that may wait for the keeper, for as long as this lives.
pub(crate) struct Caller<'b>(&'b Signal);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.lock().callers -= 1;
    }
}

/// Why the keeper goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// There is something to do: it is time, or somebody has rung.
    Work,
    Stop,
}

impl Signal {
    /// Asks the keeper to renew now.
    pub(crate) fn ring(&self) {
        // Those who ring after somebody else has, and before he was heard, need wake nobody.
        if !std::mem::replace(&mut self.lock().rung, true) {
            self.called.notify_one();
        }
    }

    /// Asks the keeper to end.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.called.notify_one();
    }

    /// Tells those who wait that something is new.
    pub(crate) fn tell(&self) {
        self.lock().news += 1;
        self.changed.notify_all();
    }

    /// How often something was new so far.
    pub(crate) fn news(&self) -> u64 {
        self.lock().news
    }

    /// Counts a call that may wait for the keeper, until the guard is dropped.
    pub(crate) fn enter(&self) -> Caller<'_> {
        self.lock().callers += 1;
        Caller(self)
    }

    /// How many calls wait for the keeper, or are about to.
    pub(crate) fn callers(&self) -> u64 {
        self.lock().callers
    }

    /// Waits until something is newer than `seen`, or `deadline`. Whether it is.
    pub(crate) fn wait_for_news(&self, seen: u64, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), left, |state| state.news == seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.news != seen
    }

    /// Lets the keeper sleep for `time`, or until it is called. Where `is_deaf`, only the end calls it, and who has
    /// rung is heard the next time.
    pub(crate) fn sleep(&self, time: Duration, is_deaf: bool) -> Call {
        let goes_on = |state: &mut State| !state.stopping && (is_deaf || !state.rung);
        let waited = self.called.wait_timeout_while(self.lock(), time, goes_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.rung &= is_deaf;
        if state.stopping { Call::Stop } else { Call::Work }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
