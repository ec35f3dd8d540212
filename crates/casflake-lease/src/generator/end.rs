//! How a leased generator ends: immediately, or after the calls that wait.

use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use casflake::Scheme;

use super::{Keeping, LeasedGenerator};
use crate::error::StoreError;

impl<S: Scheme, C> LeasedGenerator<S, C> {
    /// Ends the generator immediately and gives the worker back to the store, which can grant it again immediately. Calls that
    /// begin after this, and calls that wait, fail with [`ShutDown`](casflake::GenerateError::ShutDown). Waits for a call of the
    /// store that is under way, 10 s at most. Ending twice is harmless.
    ///
    /// **Call it after the last request is answered**, or [`drain`](Self::drain) the generator.
    ///
    /// In a fork of the process that acquired the lease this does nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be told: the worker is free when its window ends, within the time to live. The
    /// IDs are good all the same. So a program that stops logs this, and does not fail for it.
    pub fn shutdown(&self) -> Result<(), StoreError> {
        if !self.shared.watch.is_fork() {
            self.shared.switch.end();
            self.shared.signal.tell();
        }
        self.stop_keeping()
    }

    /// Ends the generator in order: calls that begin after this fail with [`ShutDown`](casflake::GenerateError::ShutDown), and
    /// calls that wait for a tick or for the lease go on, for `within` at most. Then it [shuts down](Self::shutdown).
    ///
    /// A call that has begun and does not wait yet may be refused, and a batch may be cut short after the IDs that it holds.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use casflake_lease::{FileStore, LeasedGenerator};
    ///
    /// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new("/var/lib/ids"))?;
    /// // When SIGTERM comes:
    /// if let Err(error) = ids.drain(Duration::from_secs(1)) {
    ///     eprintln!("the worker stays taken until its lease ends: {error:?}");
    /// }
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub fn drain(&self, within: Duration) -> Result<(), StoreError> {
        if !self.shared.watch.is_fork() {
            self.shared.switch.drain();
            let started = Instant::now();
            // A batch waits for one tick after the other, and between them for nothing.
            let mut idle = 0;
            while idle < IDLE_LOOKS && started.elapsed() < within {
                idle = if self.shared.waiting() > 0 { 0 } else { idle + 1 };
                thread::sleep(LOOK);
            }
        }
        self.shutdown()
    }
}

/// How often in a row a generator that is drained has no call that waits before it ends, and how long between two looks.
const IDLE_LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_millis(1);

/// How long the end of a generator waits for its store. Those of this crate are bounded themselves.
const PATIENCE: Duration = Duration::from_secs(10);

impl<S, C> LeasedGenerator<S, C> {
    /// Ends the thread that keeps the lease, which closes the generator and gives the lease back.
    fn stop_keeping(&self) -> Result<(), StoreError> {
        if self.shared.watch.is_fork() {
            return Ok(());
        }
        self.shared.signal.stop();
        // A callback has ended the generator. Its thread gives the lease back when the callback has returned.
        if thread::current().id() == self.keeper_thread {
            return Ok(());
        }
        // Locked to the end, so that a second caller does not return before the lease is given back.
        let mut keeping = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why| StoreError::unavailable("releasing the lease", why);
        let Some(keeper) = keeping.thread.take() else { return Ok(()) };
        let started = Instant::now();
        let patience = if keeping.is_given_up { Duration::ZERO } else { PATIENCE };
        while !keeper.is_finished() {
            if started.elapsed() >= patience {
                *keeping = Keeping { thread: Some(keeper), is_given_up: true };
                return Err(failed("a call of the store has not ended for 10 s"));
            }
            thread::sleep(LOOK);
        }
        keeper.join().map_err(|_| failed("the thread that keeps it has panicked"))?
    }
}

impl<S, C> Drop for LeasedGenerator<S, C> {
    /// As [`shutdown`](Self::shutdown), but no caller learns of a failure: only the [event](crate::LeaseEvent) does.
    fn drop(&mut self) {
        let _ = self.stop_keeping();
    }
}
