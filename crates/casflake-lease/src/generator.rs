//! `LeasedGenerator`: a generator that keeps a lease of a worker.

mod builder;
mod end;
mod events;
mod keeper;
mod shared;
mod signal;
mod stats;
mod store_clock;
#[allow(unreachable_pub, reason = "public for the models on loom alone")]
mod switch;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use casflake::{Batch, BatchError, Clock, FillError, GenerateError, Generator, Scheme, Snowflake, Standard, WorkerId};

pub use self::builder::LeasedGeneratorBuilder;
pub use self::events::LeaseEvent;
pub(crate) use self::events::noted;
use self::shared::Shared;
pub use self::stats::LeaseStats;
pub use self::store_clock::StoreClock;
#[cfg(all(loom, feature = "_loom"))]
pub use self::switch::{Ended, Switch};
use self::watch::Watched;
use crate::error::StoreError;

/// A [`Generator`] whose worker is leased: it acquires one from a [store](crate::LeaseStore), issues IDs within the window
/// of ticks that the lease grants, renews it in the background, and acquires another where it is lost.
///
/// ```no_run
/// use casflake_lease::{FileStore, LeasedGenerator};
///
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new("/var/lib/ids"))?;
/// println!("{}", ids.generate()?);
/// ids.shutdown()?; // after the last request is answered; or drop it
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
/// # On an async runtime
/// [`generate`](Self::generate), [`fill`](Self::fill) and [`generate_batch`](Self::generate_batch) block the thread that
/// calls them: for the rest of a millisecond if its IDs are used up, and for
/// [`max_wait`](LeasedGeneratorBuilder::max_wait) if the lease has ended. On a thread of an async runtime that holds up every
/// other task, even one that needs no ID. [`try_generate`](Self::try_generate) never blocks, and its errors say when to
/// try again:
///
/// ```no_run
/// use casflake_lease::LeasedGenerator;
/// use casflake::{GenerateError, Snowflake};
///
/// # mod tokio { pub mod time { pub async fn sleep(_: std::time::Duration) {} } }
/// async fn next_id(ids: &LeasedGenerator) -> Result<Snowflake, GenerateError> {
///     loop {
///         match ids.try_generate() {
///             // The IDs of this millisecond are used up: wait for the next one, and let other tasks run.
///             Err(GenerateError::Exhausted { retry_after }) => tokio::time::sleep(retry_after).await,
///             // The lease has ended, for one. The client tries again after `retry_after`, the server does not wait.
///             outcome => return outcome,
///         }
///     }
/// }
/// ```
///
/// [`new`](Self::new), [`build`](LeasedGeneratorBuilder::build), [`shutdown`](Self::shutdown), [`drain`](Self::drain) and
/// the drop of a generator talk to the store, and block for seconds: call them from a thread on which blocking is allowed,
/// as `tokio::task::spawn_blocking` has.
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
    /// The thread that keeps the lease, which a callback runs on.
    keeper_thread: ThreadId,
}

/// The thread that keeps the lease, until its end was waited for; and whether a wait was too long.
struct Keeping {
    thread: Option<KeeperThread>,
    is_given_up: bool,
}

/// Longer than anybody waits, and a time that can be added to any.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The thread that keeps the lease, and what it said when it gave that back.
type KeeperThread = JoinHandle<Result<(), StoreError>>;

impl<S, C> LeasedGenerator<S, C> {
    pub(crate) fn of(shared: Arc<Shared<S, C>>, max_wait: Duration, is_by_store: bool, keeper: KeeperThread) -> Self {
        let keeper_thread = keeper.thread().id();
        let keeper = Mutex::new(Keeping { thread: Some(keeper), is_given_up: false });
        Self { shared, max_wait, is_by_store, keeper, keeper_thread }
    }
}

impl<S: Scheme, C: Clock> LeasedGenerator<S, C> {
    /// Returns the next ID, as [`Generator::generate`]. If the lease has ended, waits for it to be renewed or replaced, for
    /// [`max_wait`](LeasedGeneratorBuilder::max_wait) at most. Blocks the thread meanwhile: not for a thread of an [async
    /// runtime](Self#on-an-async-runtime).
    ///
    /// # Errors
    /// [`LeaseExpired`](GenerateError::LeaseExpired) or [`StoreClockBehind`](GenerateError::StoreClockBehind) if the lease has
    /// ended and was not renewed in time; [`ShutDown`](GenerateError::ShutDown) after [`shutdown`](Self::shutdown) or
    /// [`drain`](Self::drain); [`OtherProcess`](GenerateError::OtherProcess) in a fork; others as [`Generator::generate`].
    #[inline]
    pub fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.ask(true, Generator::generate)
    }

    /// Returns the next ID without waiting, as [`Generator::try_generate`]. Never blocks, however long the store is away.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), but immediately; and as [`Generator::try_generate`].
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
                error.error()
            })
        })
        .map_err(|error| FillError::new(filled, error))
    }

    /// `count` IDs in increasing order, as [`Generator::generate_batch`]; waits as [`generate`](Self::generate) does.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), with the IDs that were issued before; or a `count` of 0 or over
    /// [`MAX_BATCH`](casflake::MAX_BATCH).
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
                Err(error.error())
            }
        });
        let batch = Batch::from(ids);
        match outcome {
            Ok(()) => Ok(batch),
            Err(error) => Err(BatchError::new(error, batch)),
        }
    }

    /// Asks the current generator, without a lock, and where that can't answer for want of a lease, the next one.
    #[inline]
    fn ask<T>(
        &self,
        waits: bool,
        mut ask: impl FnMut(&Generator<S, Watched<C>>) -> Result<T, GenerateError>,
    ) -> Result<T, GenerateError> {
        match self.shared.switch.open().map(&mut ask) {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) => self.refused(error, waits, ask),
            None => self.shut_down(),
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

    /// Refuses a call that begins when the generator is drained or shut down.
    #[cold]
    fn shut_down<T>(&self) -> Result<T, GenerateError> {
        Err(if self.shared.watch.is_fork() { GenerateError::OtherProcess } else { GenerateError::ShutDown })
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
        let _caller = shared.signal.enter();
        let mut deadline = None;
        loop {
            // Before the question, so that what is new after the answer ends the wait for it.
            let (news, count) = (shared.signal.news(), shared.switch.count());
            let generator = shared.switch.current();
            let error = match ask(generator) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match error {
                GenerateError::Closed if shared.switch.has_ended() => return Err(GenerateError::ShutDown),
                GenerateError::Closed if shared.switch.count() != count => continue,
                GenerateError::Closed | GenerateError::Fenced { .. } => {}
                // What a clock reads that is not to be believed.
                GenerateError::OutOfTicks { .. } if !is_out_of_ticks(generator) => {}
                error => return Err(self.named(error)),
            }
            shared.signal.ring();
            let wait = if waits { self.max_wait.min(CENTURY) } else { Duration::ZERO };
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + wait);
            if !shared.signal.wait_for_news(news, deadline) {
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
        self.shared.expired()
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
        self.shared.stats()
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
    generator.last_tick() == Some(last) || S::LAYOUT.tick_at(generator.clock().clock.unix_ms()).is_none()
}
