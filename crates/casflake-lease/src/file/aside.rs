//! `Aside`: runs work that may block without a bound on a thread, and bounds the time for which a caller waits for it.
//!
//! The thread takes along the value that it works on, and returns it when it has finished. So at most one job of a
//! store runs at a time: a later call waits for the value, and times out as well if it does not come. An answer that
//! comes after its caller has left is dropped, and is not mistaken for the answer to the next call. If work panics,
//! only its own call fails. The first call starts the thread. The first call in a forked child starts another, because
//! the child does not have that thread. The thread ends with the store.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

pub(super) struct Aside<T> {
    /// The value to work on; `None` while the thread has it.
    pub(super) home: Option<T>,
    /// How long a call waits.
    timeout: Duration,
    away: Option<Away<T>>,
    worker: Option<Worker>,
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after the other, and the process that it belongs to.
struct Worker {
    process: u32,
    jobs: Sender<Job>,
}

/// A job that the thread works on.
struct Away<T> {
    since: Instant,
    /// Receives the value when the job has finished. The mutex is never contended. It makes the store `Sync`, which a
    /// receiver is not.
    back: Mutex<Receiver<T>>,
}

impl<T: Send + 'static> Aside<T> {
    pub(super) const fn of(home: T, timeout: Duration) -> Self {
        Self { home: Some(home), timeout, away: None, worker: None }
    }

    /// Does `work` on the thread, and returns its result.
    ///
    /// # Errors
    /// `TimedOut` if it takes too long. The work may have its effect later, but not after the next call has begun its
    /// own. `Other` if it panics. The value then stays as it was at that moment.
    pub(super) fn ask<R: Send + 'static>(&mut self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> io::Result<R> {
        let started = Instant::now();
        self.fetch(self.left(started))?;
        // Before the value is taken, because starting a thread can fail.
        let jobs = self.jobs()?;
        let Some(mut home) = self.home.take() else { return Err(ended()) };
        let (bring_back, back) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let job = move || {
            // Unwind-safe in the way in which a poisoned lock can be recovered: the files on disk are consistent at
            // each moment.
            let done = catch_unwind(AssertUnwindSafe(|| work(&mut home)));
            // Sending fails if the caller has left, and the store with it.
            drop(bring_back.send(home));
            drop(tell.send(done));
        };
        drop(jobs.send(Box::new(job)));
        self.away = Some(Away { since: started, back: Mutex::new(back) });
        // Without an answer `fetch` fails, with the reason.
        let done = told.recv_timeout(self.left(started));
        self.fetch(self.left(started))?;
        done.map_err(|_| late(started))?.map_err(|_| panicked())
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

    /// Returns how much longer a call that began at `started` waits.
    fn left(&self, started: Instant) -> Duration {
        self.timeout.saturating_sub(started.elapsed())
    }

    /// Waits until the thread returns the value, if it has it.
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
        "the file system has not answered for {} s: check whether its disk or server is available, and whether it is \
         overloaded",
        since.elapsed().as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, why)
}

fn panicked() -> io::Error {
    io::Error::other("its thread panicked, as the caller's clock may: see the standard error of this process")
}

fn ended() -> io::Error {
    io::Error::other("its thread has ended: open the store again")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use super::Aside;

    /// Longer than any test waits.
    const NEVER: Duration = Duration::from_secs(60);

    /// Returns work that blocks until it is released, and then records its number.
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

    /// Would catch: a store that starts one thread after another on a file system that hangs.
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

    /// Would catch: a store that can not be used any more after a user's own clock has panicked once.
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
