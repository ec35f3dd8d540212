//! The end of a leased generator. `shutdown` ends the generator immediately; `drain` lets the waiting calls finish
//! first.

use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use casflake::Scheme;

use super::{Keeping, LeasedGenerator};
use crate::error::StoreError;

impl<S: Scheme, C> LeasedGenerator<S, C> {
    /// Ends the generator immediately and releases the worker. The store can then grant the worker again immediately.
    /// Later calls to the generator, and calls that are waiting, fail with
    /// [`ShutDown`](casflake::GenerateError::ShutDown). If a call to the store is under way, `shutdown` waits for the
    /// end of that call, 10 s at most. A second `shutdown` has no effect.
    ///
    /// **Call `shutdown` after your program has answered its last request**, or call [`drain`](Self::drain) instead.
    ///
    /// In a fork of the process that acquired the lease, `shutdown` does nothing.
    ///
    /// # Errors
    /// Fails with a [`StoreError`] if the worker was not released, for example because the store was not reached. The
    /// worker then stays taken until the window of its lease ends, for one more TTL at most. The IDs that were issued
    /// are valid nevertheless, so a program that stops should log this error, but not fail because of it.
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

    /// Ends the generator after the waiting calls have ended. Calls that begin after the call of `drain` fail with
    /// [`ShutDown`](casflake::GenerateError::ShutDown). Calls that are waiting for a tick or for the lease continue,
    /// for `within` at most. Then `drain` does the same as [`shutdown`](Self::shutdown).
    ///
    /// A call that has begun, but is not waiting yet, may be refused. A batch may end early, with the IDs that it has
    /// got so far.
    ///
    /// # Errors
    /// The same as for [`shutdown`](Self::shutdown).
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
            // A batch waits for several ticks, one after the other. Between two of these waits it does not count as
            // waiting.
            let mut idle = 0;
            while idle < IDLE_LOOKS && started.elapsed() < within {
                idle = if self.shared.waiting() > 0 { 0 } else { idle + 1 };
                thread::sleep(LOOK);
            }
        }
        self.shutdown()
    }
}

/// `drain` ends the generator after this many checks in a row have found no waiting call. The time between two checks
/// is `LOOK`.
const IDLE_LOOKS: u32 = 3;
const LOOK: Duration = Duration::from_millis(1);

/// The longest time for which `shutdown`, `drain` or the drop of a generator waits for a call to the store. A call to
/// one of this crate's stores usually ends earlier, because each request that the call sends has a time limit of a few
/// seconds. A call that sends several requests can take longer. For example, a renewal in etcd may send five requests
/// of up to 2 s each.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

impl<S, C> LeasedGenerator<S, C> {
    /// Ends the keeper's thread. Before it ends, the thread closes the generator and releases the lease.
    fn stop_keeping(&self) -> Result<(), StoreError> {
        if self.shared.watch.is_fork() {
            return Ok(());
        }
        self.shared.signal.stop();
        // If this is the keeper's thread, the caller is a callback. The thread releases the lease after the callback
        // has returned.
        if thread::current().id() == self.keeper_thread {
            return Ok(());
        }
        // The lock is held until this function returns, so that a second caller does not return before the lease is
        // released.
        let mut keeping = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why| StoreError::unavailable("releasing the lease", why);
        let Some(keeper) = keeping.thread.take() else { return Ok(()) };
        let started = Instant::now();
        let timeout = if keeping.is_given_up { Duration::ZERO } else { SHUTDOWN_TIMEOUT };
        while !keeper.is_finished() {
            if started.elapsed() >= timeout {
                *keeping = Keeping { thread: Some(keeper), is_given_up: true };
                return Err(failed("a call to the store, or a callback of the program, has not ended for 10 s"));
            }
            thread::sleep(LOOK);
        }
        keeper.join().map_err(|_| failed("the thread that keeps it has panicked"))?
    }
}

impl<S, C> Drop for LeasedGenerator<S, C> {
    /// Ends the generator as [`shutdown`](Self::shutdown) does. A failure to release the worker is reported only as an
    /// [event](crate::LeaseEvent).
    fn drop(&mut self) {
        let _ = self.stop_keeping();
    }
}
