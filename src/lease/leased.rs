//! `LeasedGenerator`: a generator that keeps a lease of a worker.

use core::fmt;
use core::time::Duration;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use std::vec::Vec;

use super::bell::Bell;
use super::builder::LeasedGeneratorBuilder;
use super::clock::StoreClock;
use super::error::StoreError;
use super::lease::Lease;
use super::stats::LeaseStats;
use super::store::LeaseStore;
use super::switch::{Ended, Switch};
use super::time::duration;
use super::watch::{Watch, Watched};
use crate::batch::{Batch, BatchError};
use crate::clock::Clock;
use crate::error::{FillError, GenerateError};
use crate::generator::Generator;
use crate::id::Snowflake;
use crate::scheme::{Scheme, Standard};
use crate::worker::WorkerId;

/// A [`Generator`] whose worker is leased: it acquires one from a [store](LeaseStore), issues IDs within the window of
/// ticks that the lease grants, renews it in the background, and acquires another where it is lost.
///
/// ```no_run
/// use casflake::lease::{FileStore, LeasedGenerator};
///
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::open("/var/lib/ids"))?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?; // or drop it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it promises
/// All that the [`Generator`] does, over all workers that it leases one after the other: its IDs keep increasing. And
/// beyond one process: as long as the store keeps what it has acknowledged, or its loss is noticed, no two generators
/// with leases of one store issue the same ID, over crashes, pauses, partitions, restarts and clocks that are set.
/// Those cost time without IDs, in which calls fail with [`LeaseExpired`](GenerateError::LeaseExpired).
///
/// # What it does not
/// * Clones of a virtual machine that run at the same time issue the same IDs, until one of them finds that another
///   renews the same lease: a third of the time to live, and at most what is left of the window. So does one that was
///   restored from a snapshot, within the window of its original, where its wall clock was not set forward.
/// * A `fork` without `exec` issues the same IDs until the millisecond is over; then its calls fail with
///   [`OtherProcess`](GenerateError::OtherProcess). Acquire leases after the fork.
/// * Where a store is set back to an older state without a trace, nobody knows of the leases since. See each store.
///
/// # How it works
/// A thread of its own talks to the store; no call ever does. A call uses the generator of the current lease, of which
/// there is one for each, and pays for two loads more. Each worker that was lost costs 600 bytes until the generator is
/// dropped, so that no call need ever be waited for.
pub struct LeasedGenerator<S = Standard, C = StoreClock> {
    shared: Arc<Shared<S, C>>,
    max_wait: Duration,
    /// Whether its clock is the store's time.
    is_by_store: bool,
    keeper: Mutex<Keeping>,
}

/// The thread that keeps the lease, until somebody has waited for its end; and whether he has given up.
struct Keeping {
    keeper: Option<Keeper>,
    is_given_up: bool,
}

/// How long the end of a generator waits for its store. Those of this crate are bounded themselves.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer than anybody waits, and a time that can be added to any.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The thread that keeps the lease, and what it said when it gave that back.
type Keeper = JoinHandle<Result<(), StoreError>>;

/// What the calls and the keeper share.
pub(crate) struct Shared<S, C> {
    pub(crate) switch: Switch<S, Watched<C>>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) bell: Arc<Bell>,
    status: Mutex<Status>,
}

/// What the keeper has last known, for people, and for the error that a call returns.
#[derive(Debug)]
pub(crate) struct Status {
    lease: Lease,
    acquired: u64,
    renewals: u64,
    failures: u64,
    last_error: Option<String>,
    /// By how much the store's clock was behind, where that was the last failure.
    store_behind: Option<Duration>,
    ids_before: u64,
}

impl Status {
    const fn holding(lease: Lease) -> Self {
        Self { lease, acquired: 1, renewals: 0, failures: 0, last_error: None, store_behind: None, ids_before: 0 }
    }

    pub(crate) fn failed(&mut self, error: &StoreError) {
        self.failures += 1;
        let causes = core::iter::successors(Some(error as &dyn core::error::Error), |error| error.source());
        self.last_error = Some(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "));
        self.store_behind = if let StoreError::StoreClockBehind { by } = error { Some(*by) } else { None };
    }

    pub(crate) fn renewed(&mut self, lease: Lease) {
        self.renewals += 1;
        self.holds(lease);
    }

    pub(crate) const fn is_behind(&mut self, by: Duration) {
        self.store_behind = Some(by);
    }

    fn holds(&mut self, lease: Lease) {
        self.lease = lease;
        self.last_error = None;
        self.store_behind = None;
    }
}

impl<S: Scheme, C: Clock> Shared<S, C> {
    pub(crate) fn new(lease: Lease, first: Generator<S, Watched<C>>, watch: Arc<Watch>, bell: Arc<Bell>) -> Self {
        Self { switch: Switch::new(first), watch, bell, status: Mutex::new(Status::holding(lease)) }
    }

    pub(crate) fn book(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status());
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues by `generator` from now on.
    pub(crate) fn begin(&self, lease: Lease, generator: Generator<S, Watched<C>>) -> Result<(), Ended> {
        // For all of it, so that nobody who asks for the statistics counts a generator's IDs twice, or not at all.
        let mut status = self.status();
        let before = self.switch.current().stats().ids;
        self.switch.publish(generator)?;
        status.acquired += 1;
        status.ids_before += before;
        status.holds(lease);
        Ok(())
    }

    /// How long the window still lasts by the generator's own clock; 0 where nothing is issued.
    pub(crate) fn remaining(&self) -> Duration {
        let generator = self.switch.current();
        if generator.is_closed() {
            return Duration::ZERO;
        }
        let now = u64::try_from(generator.reading()).unwrap_or(0);
        duration(&S::LAYOUT, generator.fence().saturating_sub(now))
    }
}

impl<S: Scheme + 'static> LeasedGenerator<S> {
    /// Acquires a lease from `store`, with the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    /// No lease was granted: see [`StoreError`].
    pub fn new(store: impl LeaseStore + 'static) -> Result<Self, StoreError> {
        Self::builder(store).build()
    }

    /// Starts a generator with a lease from `store`, to set more.
    pub fn builder<T: LeaseStore + 'static>(store: T) -> LeasedGeneratorBuilder<T, S> {
        LeasedGeneratorBuilder::new(store)
    }
}

impl<S, C> LeasedGenerator<S, C> {
    pub(crate) const fn of(shared: Arc<Shared<S, C>>, max_wait: Duration, is_by_store: bool, keeper: Keeper) -> Self {
        let keeper = Mutex::new(Keeping { keeper: Some(keeper), is_given_up: false });
        Self { shared, max_wait, is_by_store, keeper }
    }
}

impl<S: Scheme, C: Clock> LeasedGenerator<S, C> {
    /// The next ID, as [`Generator::generate`]. Where the lease has ended, it waits for it to be renewed or replaced,
    /// for [`max_wait`](LeasedGeneratorBuilder::max_wait) at most.
    ///
    /// # Errors
    /// [`GenerateError`]: [`LeaseExpired`](GenerateError::LeaseExpired) and its like, and as [`Generator::generate`].
    #[inline]
    pub fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.ask(true, Generator::generate)
    }

    /// The next ID, without waiting, as [`Generator::try_generate`].
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and as [`Generator::try_generate`].
    #[inline]
    pub fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.ask(false, Generator::try_generate)
    }

    /// Fills `buffer` with IDs in increasing order, as [`Generator::fill`]; waits as [`generate`](Self::generate) does.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and how many IDs were [`filled`](FillError::filled) in before.
    pub fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        let mut filled = 0;
        self.ask(true, |generator| {
            let Some(rest) = buffer.get_mut(filled..) else { return Ok(()) };
            generator.fill(rest).map_err(|error| {
                filled += error.filled();
                error.cause()
            })
        })
        .map_err(|cause| FillError { filled, cause })
    }

    /// `count` IDs in increasing order, as [`Generator::generate_batch`]; waits as [`generate`](Self::generate) does.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), with the IDs that were issued before; or a `count` of 0 or over
    /// [`MAX_BATCH`](crate::MAX_BATCH).
    pub fn generate_batch(&self, count: usize) -> Result<Batch<S>, BatchError<S>> {
        let mut ids: Vec<Snowflake<S>> = Vec::new();
        let outcome = self.ask(true, |generator| match generator.generate_batch(count - ids.len()) {
            Ok(batch) if ids.is_empty() => {
                ids = batch.into_vec();
                Ok(())
            }
            Ok(batch) => {
                ids.extend(&batch);
                Ok(())
            }
            Err(error) => {
                ids.extend(error.issued());
                Err(error.cause())
            }
        });
        let batch = Batch::from_vec(ids);
        match outcome {
            Ok(()) => Ok(batch),
            Err(cause) => Err(BatchError::new(cause, batch)),
        }
    }

    /// Asks the current generator, without a lock, and where that can't answer for want of a lease, the next one.
    #[inline]
    fn ask<T>(
        &self,
        waits: bool,
        mut ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        match ask(self.shared.switch.current()) {
            Ok(done) => Ok(done),
            Err(error) => self.refused(error, waits, ask),
        }
    }

    /// What to make of it that the generator has refused. By itself, so that an answer need not be put where an error
    /// would fit: that makes a call dearer by half.
    #[cold]
    fn refused<T>(
        &self,
        error: GenerateError,
        waits: bool,
        ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        match error {
            GenerateError::Closed | GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } => {
                self.retry(waits, ask)
            }
            error => Err(self.named(error)),
        }
    }

    /// Asks the current generator until what it answers is no matter of its lease; or once, but where a call `waits`,
    /// and for no longer than it may.
    fn retry<T>(
        &self,
        waits: bool,
        mut ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        let shared = &*self.shared;
        // The locks below may be held by a thread that this process does not have.
        if shared.watch.is_fork() {
            return Err(GenerateError::OtherProcess);
        }
        let mut deadline = None;
        loop {
            // Before the question, so that what is new after the answer ends the wait for it.
            let (news, count) = (shared.bell.news(), shared.switch.count());
            let generator = shared.switch.current();
            let error = match ask(generator) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match error {
                GenerateError::Closed if shared.switch.has_ended() => return Err(error),
                GenerateError::Closed if shared.switch.count() != count => continue,
                GenerateError::Closed | GenerateError::Fenced { .. } => {}
                // What a clock reads that is not to be believed.
                GenerateError::OutOfTicks { .. } if !is_out_of_ticks(generator) => {}
                error => return Err(self.named(error)),
            }
            shared.bell.ring();
            let wait = if waits { self.max_wait.min(CENTURY) } else { Duration::ZERO };
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + wait);
            if !shared.bell.wait_for_news(news, deadline) {
                return Err(self.expired());
            }
        }
    }

    /// The generator's error, by the name of the clock that it has looked at.
    const fn named(&self, error: GenerateError) -> GenerateError {
        match error {
            GenerateError::ClockBehind { by } if self.is_by_store => GenerateError::StoreClockBehind { by },
            error => error,
        }
    }

    /// What a call is told that has no lease.
    fn expired(&self) -> GenerateError {
        let status = self.shared.status();
        match status.store_behind {
            Some(by) => GenerateError::StoreClockBehind { by },
            None => GenerateError::LeaseExpired { until: status.lease.until },
        }
    }

    /// The worker that issues, or has issued last.
    #[must_use]
    pub fn worker(&self) -> WorkerId<S> {
        self.shared.switch.current().worker()
    }

    /// What the generator and its leases have done so far.
    ///
    /// In a fork of the process this can wait for ever, for a thread that the fork does not have.
    #[must_use]
    pub fn stats(&self) -> LeaseStats<S> {
        // First, so that what remains is of that lease or of a later renewal.
        let status = self.shared.status();
        let remaining = if self.shared.watch.has_jumped() { Duration::ZERO } else { self.shared.remaining() };
        let generator = self.shared.switch.current();
        LeaseStats {
            worker: generator.worker(),
            lease: status.lease,
            remaining,
            acquired: status.acquired,
            renewals: status.renewals,
            failures: status.failures,
            last_error: status.last_error.clone(),
            ids_before: status.ids_before,
            generator: generator.stats(),
        }
    }
}

impl<S: Scheme, C> LeasedGenerator<S, C> {
    /// Ends the generator: calls fail at once from now on, those that wait as well; then the worker is given back to
    /// the store, at once free for others. Waits for a call of the store that is under way, 10 s at most. Ending twice
    /// is harmless.
    ///
    /// In a fork of the process that acquired the lease this does nothing.
    ///
    /// # Errors
    /// The store could not be told, so that the worker is free when the window has passed.
    pub fn shutdown(&self) -> Result<(), StoreError> {
        if !self.shared.watch.is_fork() {
            self.shared.switch.end();
            self.shared.bell.tell();
        }
        self.stop_keeping()
    }
}

impl<S, C> LeasedGenerator<S, C> {
    /// Ends the thread that keeps the lease, which closes the generator and gives the lease back.
    fn stop_keeping(&self) -> Result<(), StoreError> {
        if self.shared.watch.is_fork() {
            return Ok(());
        }
        self.shared.bell.stop();
        // Locked to the end, so that who comes second does not go before the lease is given back.
        let mut keeping = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why| StoreError::unavailable("releasing the lease", why);
        let given_up = || failed("a call of the store has not ended for 10 s");
        let Some(keeper) = keeping.keeper.take() else {
            return if keeping.is_given_up { Err(given_up()) } else { Ok(()) };
        };
        let started = Instant::now();
        while !keeper.is_finished() {
            if started.elapsed() > PATIENCE {
                keeping.is_given_up = true;
                return Err(given_up());
            }
            thread::sleep(Duration::from_millis(1));
        }
        keeper.join().map_err(|_| failed("the thread that keeps it has panicked"))?
    }
}

impl<S, C> Drop for LeasedGenerator<S, C> {
    /// As [`shutdown`](Self::shutdown), but that nobody is told of a failure.
    fn drop(&mut self) {
        let _ = self.stop_keeping();
    }
}

impl<S: Scheme, C: Clock + fmt::Debug> fmt::Debug for LeasedGenerator<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedGenerator").field("generator", self.shared.switch.current()).finish_non_exhaustive()
    }
}

/// Whether the layout's last tick has passed indeed.
fn is_out_of_ticks<S: Scheme, C: Clock>(generator: &Generator<S, Watched<C>>) -> bool {
    let last = S::LAYOUT.max_tick();
    generator.last_tick() == Some(last) || S::LAYOUT.tick_at(generator.clock().clock.unix_millis()).is_none()
}
