//! The end of a leased generator: immediately, or after the calls that wait.

use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use casflake::Scheme;

use super::{Keeping, LeasedGenerator};
use crate::error::StoreError;

impl<S: Scheme, C> LeasedGenerator<S, C> {
    /// Ends the generator immediately and releases the worker, which the store can then grant again immediately. Calls
    /// that begin after this, and calls that wait, fail with [`ShutDown`](casflake::GenerateError::ShutDown). Waits for
    /// a call of the store that is under way, 10 s at most. Ending twice is harmless.
    ///
    /// **Call it after the last request is answered**, or [`drain`](Self::drain) the generator.
    ///
    /// In a fork of the process that acquired the lease, this does nothing.
    ///
    /// # Errors
    /// Fails with a [`StoreError`] if the store was not reached. The worker is then free when its window ends, within
    /// the TTL. The IDs that were issued are valid all the same, so a program that stops should log this error and not
    /// fail because of it.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// use casflake::GenerateError;
    ///
    /// ids.shutdown()?;
    /// assert!(matches!(ids.generate(), Err(GenerateError::ShutDown)));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn shutdown(&self) -> Result<(), StoreError> {
        if !self.shared.watch.is_fork() {
            self.shared.switch.end();
            self.shared.signal.tell();
        }
        self.stop_keeping()
    }

    /// Ends the generator in order. Calls that begin after this fail with
    /// [`ShutDown`](casflake::GenerateError::ShutDown). Calls that wait for a tick or for the lease go on, for `within`
    /// at most. Then it [shuts down](Self::shutdown).
    ///
    /// A call that has begun and does not wait yet may be refused, and a batch may be cut short after the IDs that it
    /// has.
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// // On SIGTERM:
    /// if let Err(error) = ids.drain(Duration::from_secs(1)) {
    ///     eprintln!("the worker stays taken until its lease ends: {error:?}");
    /// }
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn drain(&self, within: Duration) -> Result<(), StoreError> {
        if !self.shared.watch.is_fork() {
            self.shared.switch.drain();
            let started = Instant::now();
            // A batch waits for one tick after the other, and does not count as waiting between two waits.
            let mut idle = 0;
            while idle < IDLE_LOOKS && started.elapsed() < within {
                idle = if self.shared.waiting() > 0 { 0 } else { idle + 1 };
                thread::sleep(LOOK);
            }
        }
        self.shutdown()
    }
}

/// A generator that is drained ends after this many looks in a row that found no waiting call, `LOOK` apart.
const IDLE_LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_millis(1);

/// How long the end of a generator waits for its store. The calls of this crate's stores are bounded themselves.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

impl<S, C> LeasedGenerator<S, C> {
    /// Ends the keeper's thread, which closes the generator and releases the lease.
    fn stop_keeping(&self) -> Result<(), StoreError> {
        if self.shared.watch.is_fork() {
            return Ok(());
        }
        self.shared.signal.stop();
        // The caller is a callback. The thread that it runs on releases the lease after the callback has returned.
        if thread::current().id() == self.keeper_thread {
            return Ok(());
        }
        // Locked to the end, so that a second caller does not return before the lease is released.
        let mut keeping = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why| StoreError::unavailable("releasing the lease", why);
        let Some(keeper) = keeping.thread.take() else { return Ok(()) };
        let started = Instant::now();
        let timeout = if keeping.is_given_up { Duration::ZERO } else { SHUTDOWN_TIMEOUT };
        while !keeper.is_finished() {
            if started.elapsed() >= timeout {
                *keeping = Keeping { thread: Some(keeper), is_given_up: true };
                return Err(failed("a call of the store has not ended for 10 s"));
            }
            thread::sleep(LOOK);
        }
        keeper.join().map_err(|_| failed("the thread that keeps it has panicked"))?
    }
}

impl<S, C> Drop for LeasedGenerator<S, C> {
    /// Ends the generator as [`shutdown`](Self::shutdown) does. A failure is reported only as an
    /// [event](crate::LeaseEvent).
    fn drop(&mut self) {
        let _ = self.stop_keeping();
    }
}
