//! Decides when a thread makes its calls, and from which moment each call is timed.

use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

use super::setup::Setup;

/// Without a rate, every 61st call is timed. The number of IDs in a full tick is a power of two, which has no common
/// factor with 61. With an even number instead of 61, it could happen that all calls that wait for the next tick are
/// timed, or that none of them is timed.
pub(crate) const SAMPLED: u64 = 61;

/// If a thread sleeps until its call is due, it asks to be woken this long before the call is due, because systems wake
/// threads late.
const EARLY: Duration = Duration::from_micros(200);

/// A waiting thread spins if its call is due in at most this time. If the call is due later, but in at most [`EARLY`],
/// the thread yields its core to threads whose calls are due.
const NEAR: Duration = Duration::from_micros(5);

/// The longest sleep. Between two sleeps, a waiting thread checks whether the run is over.
const LONGEST: Duration = Duration::from_millis(10);

pub(crate) struct Schedule {
    started: Instant,
    /// The number of calls that this thread has begun.
    calls: u64,
    /// The times at which the calls are due; `None` if each call follows the previous call immediately.
    pace: Option<Pace>,
}

/// The pace of a thread if a rate is given. The threads take turns to make the calls.
struct Pace {
    /// The number of IDs that all threads together draw per second.
    rate: u64,
    batch: u64,
    threads: u64,
    thread: u64,
}

/// The next action of a thread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Stop,
    /// A call that is not timed.
    Call,
    /// A call that is timed from this moment, which is given as the time since the start of the run.
    Timed(Duration),
}

impl Schedule {
    pub(crate) fn new(setup: &Setup, thread: usize, started: Instant) -> Self {
        let pace = setup.rate.map(|rate| Pace {
            rate,
            batch: setup.batch as u64,
            threads: setup.threads as u64,
            thread: thread as u64,
        });
        Self { started, calls: 0, pace }
    }

    /// Waits until the next call is due, or until the run is over. Returns the next action of the thread.
    #[inline]
    pub(crate) fn next(&mut self, is_over: impl Fn() -> bool) -> Turn {
        if is_over() {
            return Turn::Stop;
        }
        let turn = match &self.pace {
            None if !self.calls.is_multiple_of(SAMPLED) => Turn::Call,
            None => Turn::Timed(self.started.elapsed()),
            Some(pace) => {
                let due = pace.due(self.calls);
                if !wait(self.started, due, is_over) {
                    return Turn::Stop;
                }
                // The call is timed from the moment when it was due, even if the thread is late. So if a slow call
                // delays the next calls, the latencies of the next calls include the delay.
                Turn::Timed(due)
            }
        };
        self.calls += 1;
        turn
    }

    /// Returns how much time has passed since the moment `since`, which is given as the time since the start of the
    /// run.
    #[inline]
    pub(crate) fn passed(&self, since: Duration) -> Duration {
        self.started.elapsed().saturating_sub(since)
    }

    /// Returns how many calls of this thread were due by `end`, the end of the run, but were not made.
    pub(crate) fn overdue(&self, end: Duration) -> u64 {
        self.pace.as_ref().map_or(0, |pace| pace.due_by(end).saturating_sub(self.calls))
    }
}

impl Pace {
    /// Returns when a call is due, as the time since the start. The time is computed from the number of the call alone,
    /// so that rounding errors do not add up.
    fn due(&self, call: u64) -> Duration {
        let turn = u128::from(call) * u128::from(self.threads) + u128::from(self.thread);
        let nanos = turn.saturating_mul(u128::from(self.batch)).saturating_mul(NANOS) / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns how many calls of this thread are due up to and including `time`.
    fn due_by(&self, time: Duration) -> u64 {
        // The last turn that is due: turn * batch / rate <= time, with the nanoseconds rounded down as in `due`.
        let turn = ((time.as_nanos() + 1) * u128::from(self.rate) - 1) / (u128::from(self.batch) * NANOS);
        let calls = turn.checked_sub(u128::from(self.thread)).map_or(0, |turn| turn / u128::from(self.threads) + 1);
        u64::try_from(calls).unwrap_or(u64::MAX)
    }
}

const NANOS: u128 = 1_000_000_000;

/// Waits until `due`, counted from `started`. Returns `false` if the run is over before that.
fn wait(started: Instant, due: Duration, is_over: impl Fn() -> bool) -> bool {
    loop {
        let left = due.saturating_sub(started.elapsed());
        if left.is_zero() {
            return true;
        }
        if is_over() {
            return false;
        }
        if left > EARLY {
            thread::sleep((left - EARLY).min(LONGEST));
        } else if left > NEAR {
            thread::yield_now();
        } else {
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Pace, SAMPLED, Schedule, Turn};

    fn pace(rate: u64, batch: u64, threads: u64, thread: u64) -> Pace {
        Pace { rate, batch, threads, thread }
    }

    fn schedule(pace: Option<Pace>) -> Schedule {
        Schedule { started: Instant::now(), calls: 0, pace }
    }

    #[test]
    fn threads_take_turns_and_no_error_adds_up() {
        let due = |thread, call| pace(3, 1, 2, thread).due(call).as_nanos();
        assert_eq!([due(0, 0), due(1, 0), due(0, 1), due(1, 1)], [0, 333_333_333, 666_666_666, 1_000_000_000]);
        assert_eq!(due(1, 1_000_000_000), 2_000_000_001 * 1_000_000_000 / 3);
        assert_eq!(pace(1000, 50, 4, 3).due(2), Duration::from_millis(11 * 50));
        assert_eq!(pace(1, 65_536, 1024, 0).due(u64::MAX), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_call_that_is_late_is_timed_from_when_it_was_due() {
        let mut schedule = schedule(Some(pace(10, 1, 1, 0)));
        schedule.started = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert_eq!(schedule.next(|| false), Turn::Timed(Duration::ZERO));
        assert_eq!(schedule.next(|| false), Turn::Timed(Duration::from_millis(100)));
        assert!(schedule.passed(Duration::from_millis(100)) >= Duration::from_millis(900));
    }

    #[test]
    fn no_call_is_made_before_it_is_due() {
        let mut schedule = schedule(Some(pace(1000, 1, 1, 0)));
        for call in 0..5 {
            let due = Duration::from_millis(call);
            assert_eq!(schedule.next(|| false), Turn::Timed(due));
            assert!(schedule.started.elapsed() >= due);
        }
    }

    #[test]
    fn a_thread_that_waits_for_its_call_sees_the_end_of_the_run() {
        // The second call is due after ten seconds.
        let mut schedule = schedule(Some(pace(1, 10, 1, 0)));
        assert_eq!(schedule.next(|| false), Turn::Timed(Duration::ZERO));
        let looks = Cell::new(0);
        assert_eq!(schedule.next(|| looks.replace(looks.get() + 1) == 2), Turn::Stop);
        assert_eq!(schedule.calls, 1);
    }

    #[test]
    fn a_run_that_is_over_makes_no_call_even_if_one_is_due() {
        assert_eq!(schedule(None).next(|| true), Turn::Stop);
        assert_eq!(schedule(Some(pace(1, 1, 1, 0))).next(|| true), Turn::Stop);
    }

    #[test]
    fn without_a_rate_one_call_in_sampled_is_timed() {
        let mut schedule = schedule(None);
        for call in 0..3 * SAMPLED {
            let is_timed = matches!(schedule.next(|| false), Turn::Timed(_));
            assert_eq!(is_timed, call % SAMPLED == 0, "{call}");
        }
        assert_eq!(schedule.overdue(Duration::MAX), 0);
    }

    #[test]
    fn calls_that_were_due_but_not_made_are_overdue() {
        let mut schedule = schedule(Some(pace(1000, 10, 2, 1)));
        // The calls are due at 10, 30, 50 ms and so on.
        for (end, calls) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (70, 4)] {
            assert_eq!(schedule.overdue(Duration::from_millis(end)), calls, "{end}");
        }
        schedule.calls = 3;
        assert_eq!(schedule.overdue(Duration::from_millis(70)), 1);
        assert_eq!(schedule.overdue(Duration::from_millis(30)), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn due_by_counts_the_calls_that_are_due_until_then(
            rate in 1..5_000_000_u64,
            batch in 1..70_000_u64,
            threads in 1..9_u64,
            thread in 0..8_u64,
            call in 0..10_000_u64
        ) {
            let pace = pace(rate, batch, threads, thread % threads);
            let due = pace.due(call);
            prop_assert!(pace.due_by(due) > call);
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                prop_assert!(pace.due_by(before) <= call);
            }
        }
    }
}
