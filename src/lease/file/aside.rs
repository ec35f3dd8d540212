//! `Aside`: work that may block for as long as it likes, done on a thread, for which a caller waits for a while and no
//! longer.
//!
//! A thread takes along what it works on, and brings it back when it has finished. So at most one thread of a store is
//! away: a later call waits for it, and is late as well if it does not come. An answer that comes when its caller has left is
//! dropped, and is not taken for the next one's. There is no thread between two calls, none that a fork could lack.

use core::time::Duration;
use std::io::{self, ErrorKind};
use std::string::String;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{format, thread};

pub(super) struct Aside<T> {
    /// `None` while a thread has it.
    pub(super) home: Option<T>,
    /// How long a call waits.
    patience: Duration,
    away: Option<Away<T>>,
}

/// A thread that has left, since when, and what it will bring back.
struct Away<T> {
    since: Instant,
    /// A lock that nobody waits for: so that a store is `Sync`, which a receiver is not.
    back: Mutex<Receiver<T>>,
}

impl<T: Send + 'static> Aside<T> {
    pub(super) const fn of(home: T, patience: Duration) -> Self {
        Self { home: Some(home), patience, away: None }
    }

    /// Does `work`, and returns what has come of it.
    ///
    /// # Errors
    /// `TimedOut` if it takes too long. It may have its effect later; but not when the next call begins its work.
    pub(super) fn ask<R: Send + 'static>(&mut self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> io::Result<R> {
        let started = Instant::now();
        self.fetch(self.left(started))?;
        let (hand_over, handed_over) = mpsc::sync_channel::<T>(1);
        let (bring_back, back) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let work = move || {
            let Ok(mut taken) = handed_over.recv() else { return };
            let done = work(&mut taken);
            // The caller may have left, and the store with it.
            drop(bring_back.send(taken));
            drop(tell.send(done));
        };
        // It is handed over to a thread that there is, so that it is not lost where none can be started.
        thread::Builder::new().name(String::from("casflake-file")).spawn(work)?;
        if let Some(home) = self.home.take() {
            drop(hand_over.send(home));
        }
        self.away = Some(Away { since: started, back: Mutex::new(back) });
        // Without an answer there is nothing to fetch, and `fetch` says why.
        let done = told.recv_timeout(self.left(started));
        self.fetch(self.left(started))?;
        done.map_err(|_| late(started))
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
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("its thread has panicked: open the store again"))
            }
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

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::io::ErrorKind;
    use std::string::ToString;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::vec::Vec;

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

    #[test]
    fn a_thread_that_panics_is_an_error_now_and_later() {
        let mut aside = Aside::of((), NEVER);
        for _ in 0..2 {
            let asked: Result<(), _> = aside.ask(|()| panic!("as a clock of a user's own may"));
            assert!(asked.unwrap_err().to_string().contains("panicked"));
        }
    }
}
