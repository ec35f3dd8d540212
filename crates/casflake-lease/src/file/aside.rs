//! `Aside`: runs work on a thread of its own, because the work may block for ever, and limits how long the caller
//! waits.
//!
//! All work is done on one value. Each job takes the value to the thread, and returns the value when the job has
//! finished. So at most one job of a store runs at a time: the next call first waits for the value, and times out if
//! the value does not come back. If a call has timed out and its answer comes later, the answer is dropped, so it is
//! never mistaken for the answer to the next call. If a job panics, only the call that started the job fails. The first
//! call starts the thread. The first call in a forked child process starts another thread, because a child process does
//! not have the threads of its parent. The thread ends when the store is dropped.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

use crate::panics::catching_panics;

pub(super) struct Aside<T> {
    /// The value to work on. `None` while the thread has the value.
    home: Option<T>,
    /// The maximum time that a call waits.
    pub(super) timeout: Duration,
    away: Option<Away<T>>,
    worker: Option<Worker>,
    /// The clock that measures how long a call has waited.
    now: fn() -> Instant,
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after another, and the ID of the process that the thread belongs to.
struct Worker {
    process: u32,
    jobs: Sender<Job>,
}

/// The job that the thread is working on.
struct Away<T> {
    since: Instant,
    /// Receives the value when the job has finished. A receiver is not `Sync`, so it is in a mutex, which makes the
    /// store `Sync`. No thread ever has to wait for this mutex.
    back: Mutex<Receiver<T>>,
}

impl<T: Send + 'static> Aside<T> {
    pub(super) const fn of(home: T, timeout: Duration) -> Self {
        Self { home: Some(home), timeout, away: None, worker: None, now: Instant::now }
    }

    /// Runs `work` on the thread of this `Aside`, and returns the result of `work`.
    ///
    /// # Errors
    /// `TimedOut` if the work does not finish within the timeout. If the value did not come back from an earlier call
    /// within the timeout, the work never begins. Otherwise the thread may still finish the work later, but before it
    /// begins the next job. `Other` if the work panics, or if the thread has ended. After a panic the value stays as it
    /// was at the moment of the panic. If the thread can't be started, the error is that of the system.
    pub(super) fn ask<R: Send + 'static>(&mut self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> io::Result<R> {
        let started = (self.now)();
        self.fetch(self.left(started))?;
        // The thread is started before the value is taken, because starting a thread can fail.
        let jobs = self.jobs()?;
        let Some(mut home) = self.home.take() else { return Err(ended()) };
        let (bring_back, back) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let job = move || {
            // Unwinding is safe, because the files on disk are consistent at each moment, even in the middle of `work`.
            let done = catching_panics(|| work(&mut home));
            // Sending the value fails if the store was dropped. Sending the answer fails if the caller has timed out.
            drop(bring_back.send(home));
            drop(tell.send(done));
        };
        drop(jobs.send(Box::new(job)));
        self.away = Some(Away { since: started, back: Mutex::new(back) });
        // If there is no answer, `fetch` fails with the reason.
        let done = told.recv_timeout(self.left(started));
        self.fetch(self.left(started))?;
        done.map_err(|_| late(started))?.ok_or_else(panicked)
    }

    fn jobs(&mut self) -> io::Result<Sender<Job>> {
        let process = process::id();
        if let Some(worker) = self.worker.as_ref().filter(|worker| worker.process == process) {
            return Ok(worker.jobs.clone());
        }
        let (jobs, coming) = mpsc::channel::<Job>();
        let work = move || coming.iter().for_each(|job| job());
        thread::Builder::new().name(String::from("casflake-file")).spawn(work)?;
        self.worker = Some(Worker { process, jobs: jobs.clone() });
        Ok(jobs)
    }

    /// Returns how much of the timeout remains for a call that began at `started`.
    fn left(&self, started: Instant) -> Duration {
        self.timeout.saturating_sub((self.now)().saturating_duration_since(started))
    }

    /// If the thread has the value, waits until the thread returns the value. Fails if that takes longer than
    /// `timeout`.
    fn fetch(&mut self, timeout: Duration) -> io::Result<()> {
        let Some(Away { since, back }) = &mut self.away else { return Ok(()) };
        let back = back.get_mut().unwrap_or_else(PoisonError::into_inner);
        match back.recv_timeout(timeout) {
            Ok(home) => {
                (self.home, self.away) = (Some(home), None);
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Err(late(*since)),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

fn late(since: Instant) -> io::Error {
    let why = format!(
        "the file system has not answered for {} s: check that the disk or the server of the file system is available \
         and not overloaded",
        since.elapsed().as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, why)
}

fn panicked() -> io::Error {
    io::Error::other("its thread panicked, perhaps in the caller's clock: see the standard error of this process")
}

fn ended() -> io::Error {
    io::Error::other("its thread has ended: open the store again")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::Aside;

    /// A timeout that is long enough for every test, so no call times out.
    const NEVER: Duration = Duration::from_secs(60);

    /// Returns a sender and a job. The job blocks until the sender is used or dropped. Then the job appends `number` to
    /// the value.
    fn held(number: u32) -> (Sender<()>, impl FnOnce(&mut Vec<u32>) -> u32) {
        let (release, released): (_, Receiver<()>) = mpsc::channel();
        let work = move |done: &mut Vec<u32>| {
            let _ = released.recv();
            done.push(number);
            number
        };
        (release, work)
    }

    #[test]
    fn work_that_finishes_in_time_returns_its_result() {
        let mut aside = Aside::of(Vec::new(), NEVER);
        for number in 0..3 {
            let (release, work) = held(number);
            drop(release);
            assert_eq!(aside.ask(work).unwrap(), number);
        }
        assert_eq!(aside.home, Some([0, 1, 2].into()));
    }

    #[test]
    fn all_work_is_done_on_one_other_thread() {
        let mut aside = Aside::of((), NEVER);
        let [first, second] = [(); 2].map(|()| aside.ask(|()| thread::current().id()).unwrap());
        assert_eq!(first, second);
        assert_ne!(first, thread::current().id());
    }

    /// Would catch: a store that starts another thread for each call while the file system hangs.
    #[test]
    fn a_second_job_never_begins_before_the_first_has_finished() {
        let mut aside = Aside::of(Vec::new(), Duration::from_millis(20));
        let (release, work) = held(1);
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        let (_other, work) = held(2);
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        aside.timeout = NEVER;
        drop(release);
        let (release, work) = held(3);
        drop(release);
        assert_eq!(aside.ask(work).unwrap(), 3, "not the late answer of the first");
        assert_eq!(aside.home, Some([1, 3].into()), "the second has not begun");
    }

    /// Would catch: a call that waits once for the value and once for its own answer, each time for the whole timeout.
    #[test]
    fn l19_the_wait_for_the_value_and_for_the_answer_have_one_timeout() {
        /// Jumps to shortly before the end of the timeout after the first reading.
        fn jumping() -> Instant {
            static READINGS: AtomicU64 = AtomicU64::new(0);
            // ORDERING: Relaxed. Only one thread reads this clock.
            let is_first = READINGS.fetch_add(1, Ordering::Relaxed) == 0;
            Instant::now() + if is_first { Duration::ZERO } else { NEVER - Duration::from_millis(20) }
        }
        let mut aside = Aside::of(Vec::new(), Duration::from_millis(20));
        let (release, work) = held(1);
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        (aside.timeout, aside.now) = (NEVER, jumping);
        drop(release);
        let (_other, work) = held(2);
        let started = Instant::now();
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(started.elapsed() < NEVER / 2, "the timeout began anew");
    }

    /// Would catch: a store that can never be used again after one panic. A clock that the program passes to the store
    /// may panic.
    #[test]
    fn work_that_panics_fails_only_its_own_call() {
        let mut aside = Aside::of(Vec::new(), NEVER);
        for number in [1, 2] {
            let asked: Result<(), _> = aside.ask(|_| panic!("as a user's own clock may"));
            let error = asked.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            assert!(error.to_string().contains("its thread panicked"), "{error}");
            let (release, work) = held(number);
            drop(release);
            assert_eq!(aside.ask(work).unwrap(), number);
        }
        assert_eq!(aside.home, Some([1, 2].into()));
    }
}
