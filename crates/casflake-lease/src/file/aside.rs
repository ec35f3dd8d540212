//! `Aside`: work that may block for as long as it likes, done on a thread, for which a caller waits for a while and no
//! longer.
//!
//! The thread takes along what it works on, and brings it back when it has finished. So at most one thread of a store is
//! away: a later call waits for it, and is late as well if it does not come. An answer that comes when its caller has left is
//! dropped, and is not taken for the next one's. Work that panics is an error of its own call alone. The thread is started by the first call, and again by the first in a child
//! that was forked off, which lacks it. It ends with the store.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{process, thread};

pub(super) struct Aside<T> {
    /// `None` while a thread has it.
    pub(super) home: Option<T>,
    /// How long a call waits.
    patience: Duration,
    away: Option<Away<T>>,
    worker: Option<Worker>,
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does one job after the other, and the process that has it.
struct Worker {
    process: u32,
    jobs: Sender<Job>,
}

/// A thread that has left, since when, and what it will bring back.
struct Away<T> {
    since: Instant,
    /// A lock that nobody waits for: so that a store is `Sync`, which a receiver is not.
    back: Mutex<Receiver<T>>,
}

impl<T: Send + 'static> Aside<T> {
    pub(super) const fn of(home: T, patience: Duration) -> Self {
        Self { home: Some(home), patience, away: None, worker: None }
    }

    /// Does `work`, and returns what has come of it.
    ///
    /// # Errors
    /// `TimedOut` if it takes too long. It may have its effect later; but not when the next call begins its work. `Other` if
    /// it panics, and what it works on stays as it was at that moment.
    pub(super) fn ask<R: Send + 'static>(&mut self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> io::Result<R> {
        let started = Instant::now();
        self.fetch(self.left(started))?;
        // Before anything is taken: no thread may be to be had.
        let jobs = self.jobs()?;
        let Some(mut home) = self.home.take() else { return Err(ended()) };
        let (bring_back, back) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let job = move || {
            // As for a lock that is poisoned: the files themselves are whole at each moment.
            let done = catch_unwind(AssertUnwindSafe(|| work(&mut home)));
            // The caller may have left, and the store with it.
            drop(bring_back.send(home));
            drop(tell.send(done));
        };
        drop(jobs.send(Box::new(job)));
        self.away = Some(Away { since: started, back: Mutex::new(back) });
        // Without an answer there is nothing to fetch, and `fetch` says why.
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

    /// How long a call that began at that time still waits.
    fn left(&self, started: Instant) -> Duration {
        self.patience.saturating_sub(started.elapsed())
    }

    /// Waits for what a thread has taken along.
    fn fetch(&mut self, patience: Duration) -> io::Result<()> {
        let Some(Away { since, back }) = &mut self.away else { return Ok(()) };
        let back = back.get_mut().unwrap_or_else(PoisonError::into_inner);
        match back.recv_timeout(patience) {
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
        "the file system has not answered for {} s: see whether its disk or server is there, and whether it is full of work",
        since.elapsed().as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, why)
}

fn panicked() -> io::Error {
    io::Error::other("it has panicked, as a clock of the caller's may: see the standard error of this process")
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

    /// As long as no test waits for anything.
    const NEVER: Duration = Duration::from_secs(60);

    /// Work that takes note of its number when it is let go.
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
    fn work_that_is_done_in_time_is_answered() {
        let mut aside = Aside::of(Vec::new(), NEVER);
        for number in 0..3 {
            let (release, work) = held(number);
            drop(release);
            assert_eq!(aside.ask(work).unwrap(), number);
        }
        assert_eq!(aside.home, Some([0, 1, 2].into()));
    }

    /// Would catch: a store that starts one thread after the other on a file system that hangs.
    #[test]
    fn a_second_thread_never_leaves_before_the_first_is_back() {
        let mut aside = Aside::of(Vec::new(), Duration::from_millis(20));
        let (release, work) = held(1);
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        let (_other, work) = held(2);
        assert_eq!(aside.ask(work).unwrap_err().kind(), ErrorKind::TimedOut);
        aside.patience = NEVER;
        drop(release);
        let (release, work) = held(3);
        drop(release);
        assert_eq!(aside.ask(work).unwrap(), 3, "and not the late answer of the first");
        assert_eq!(aside.home, Some([1, 3].into()), "the second has not begun");
    }

    /// Would catch: a store that is of no use any more since a clock of a user's own has panicked once.
    #[test]
    fn work_that_panics_is_an_error_of_its_own_call_alone() {
        let mut aside = Aside::of(Vec::new(), NEVER);
        for number in [1, 2] {
            let asked: Result<(), _> = aside.ask(|_| panic!("as a clock of a user's own may"));
            let error = asked.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            assert!(error.to_string().contains("it has panicked"), "{error}");
            let (release, work) = held(number);
            drop(release);
            assert_eq!(aside.ask(work).unwrap(), number);
        }
        assert_eq!(aside.home, Some([1, 2].into()));
    }
}
