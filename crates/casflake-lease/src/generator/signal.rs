//! `Signal`: a call that has no lease wakes the keeper, and the keeper wakes the waiting calls when there is news. A
//! `Signal` is not on the hot path, so it can use a lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The means by which calls wake the keeper, and by which the keeper wakes the calls that wait for news.
#[derive(Debug, Default)]
pub struct Signal {
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

/// The guard of a call that may wait for the keeper. [`Signal::callers`] counts the call until the guard is dropped.
pub struct Caller<'b>(&'b Signal);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.lock().callers -= 1;
    }
}

/// The reason why the keeper's sleep has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The time of the sleep is over, or [`Signal::ring`] has woken the keeper.
    Work,
    Stop,
}

impl Signal {
    /// Asks the keeper to renew the lease now.
    pub fn ring(&self) {
        // If `rung` was set already, the call that has set it has also woken the keeper.
        if !std::mem::replace(&mut self.lock().rung, true) {
            self.called.notify_one();
        }
    }

    /// Asks the keeper to end.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.called.notify_one();
    }

    /// Counts a piece of news, and wakes the calls that wait for news.
    pub fn tell(&self) {
        self.lock().news += 1;
        self.changed.notify_all();
    }

    /// Returns the number of pieces of news so far.
    pub fn news(&self) -> u64 {
        self.lock().news
    }

    /// Begins to count a call that may wait for the keeper. The call is counted until the returned guard is dropped.
    pub fn enter(&self) -> Caller<'_> {
        self.lock().callers += 1;
        Caller(self)
    }

    /// Returns the number of calls that wait for the keeper, or are about to wait.
    pub fn callers(&self) -> u64 {
        self.lock().callers
    }

    /// Waits until the number of pieces of news is no longer `seen`, for `left` at most. Returns whether the number is no
    /// longer `seen`.
    pub fn wait_for_news(&self, seen: u64, left: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), left, |state| state.news == seen);
        waited.unwrap_or_else(PoisonError::into_inner).0.news != seen
    }

    /// Blocks the keeper for `time`, or until the keeper is woken. [`stop`](Self::stop) always wakes the keeper.
    /// [`ring`](Self::ring) wakes the keeper only if `is_deaf` is false. If `ring` is called during a sleep with
    /// `is_deaf`, the next sleep without `is_deaf` ends immediately.
    pub fn sleep(&self, time: Duration, is_deaf: bool) -> Call {
        let sleeps_on = |state: &mut State| !state.stopping && (is_deaf || !state.rung);
        let waited = self.called.wait_timeout_while(self.lock(), time, sleeps_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.rung &= is_deaf;
        if state.stopping { Call::Stop } else { Call::Work }
    }

    /// Returns whether a [`sleep`](Self::sleep) would end immediately, for the simulator.
    #[cfg(feature = "_simulation")]
    pub fn is_called(&self, is_deaf: bool) -> bool {
        let state = self.lock();
        state.stopping || !is_deaf && state.rung
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{Call, Signal};

    /// Longer than any test takes, so that a sleep which nothing ends is seen.
    const LONG: Duration = Duration::from_secs(60);

    /// Returns whether a sleep of `LONG` ends immediately, and how.
    fn ends(signal: &Signal, is_deaf: bool) -> Option<Call> {
        let started = Instant::now();
        let call = signal.sleep(LONG, is_deaf);
        (started.elapsed() < LONG / 2).then_some(call)
    }

    #[test]
    fn a_ring_during_a_deaf_sleep_ends_the_next_sleep() {
        let signal = Signal::default();
        signal.ring();
        assert_eq!(signal.sleep(Duration::from_millis(1), true), Call::Work);
        assert_eq!(ends(&signal, false), Some(Call::Work));
        assert_eq!(signal.sleep(Duration::from_millis(1), false), Call::Work, "a ring counts once");
        assert!(!signal.lock().rung);
    }

    /// Would catch: a keeper that never rests, and asks the store again and again.
    #[test]
    fn l20_a_sleep_that_nothing_ends_lasts_for_its_time() {
        let signal = Signal::default();
        let lasts = |is_deaf| {
            let (time, started) = (Duration::from_millis(20), Instant::now());
            signal.sleep(time, is_deaf) == Call::Work && started.elapsed() >= time
        };
        assert!(lasts(false) && lasts(true));
        signal.ring();
        assert!(lasts(true), "deaf to the ring");
    }

    #[test]
    fn a_ring_and_a_stop_end_a_sleep_that_has_begun() {
        let wakes: [fn(&Signal); 2] = [Signal::ring, Signal::stop];
        for wake in wakes {
            let signal = Signal::default();
            thread::scope(|scope| {
                let sleeping = scope.spawn(|| ends(&signal, false));
                // If this comes before the sleep begins, the sleep ends, too.
                thread::sleep(Duration::from_millis(10));
                wake(&signal);
                assert!(sleeping.join().unwrap().is_some());
            });
        }
    }

    #[test]
    fn l19_a_stop_ends_each_sleep() {
        let signal = Signal::default();
        signal.stop();
        assert_eq!([ends(&signal, true), ends(&signal, false)], [Some(Call::Stop); 2]);
    }

    #[test]
    fn l19_a_wait_ends_with_the_news_or_in_time() {
        let signal = Signal::default();
        let seen = signal.news();
        assert!(!signal.wait_for_news(seen, Duration::ZERO));
        signal.tell();
        assert!(signal.wait_for_news(seen, LONG) && !signal.wait_for_news(signal.news(), Duration::ZERO));
    }

    #[test]
    fn a_call_counts_until_its_guard_is_dropped() {
        let signal = Signal::default();
        let (one, other) = (signal.enter(), signal.enter());
        assert_eq!(signal.callers(), 2);
        drop(one);
        assert_eq!(signal.callers(), 1);
        drop(other);
        assert_eq!(signal.callers(), 0);
    }
}
