//! `LeasedGenerator`: a generator with a worker that is leased from a store.

mod builder;
pub(crate) mod call;
mod end;
pub(crate) mod events;
pub(crate) mod host;
pub(crate) mod keeper;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod retry;
pub(crate) mod shared;
pub(crate) mod signal;
pub(crate) mod start;
mod stats;
pub(crate) mod store_clock;
pub(crate) mod switch;
pub(crate) mod watch;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use casflake::{
    Batch, BatchError, Clock, FillError, GenerateError, Generator, IdGenerator, Scheme, Snowflake, Standard, WorkerId,
};

pub use self::builder::LeasedGeneratorBuilder;
pub use self::events::LeaseEvent;
pub(crate) use self::events::noted;
use self::progress::{Filled, Taken};
use self::shared::Shared;
pub use self::stats::LeaseStats;
pub use self::store_clock::StoreClock;
use self::watch::Watched;
use crate::error::StoreError;

/// A [`Generator`] with a leased worker. It acquires a worker from a [store](crate::LeaseStore) and issues IDs within
/// the window of ticks that the lease grants. It renews the lease in the background. If the lease is lost, it acquires
/// another lease.
///
/// ```
/// use casflake_lease::{FileStore, LeasedGenerator};
///
/// # use casflake::{Scheme, Standard};
/// # use casflake_lease::LeaseAdmin;
/// # let directory = testkit::Scratch::new();
/// # let directory = directory.path();
/// # FileStore::new(directory).init_immediately(&Standard::LAYOUT, 4)?;
/// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory))?; // such as "/var/lib/ids"
/// println!("{}", ids.generate()?);
/// ids.shutdown()?; // after the last request is answered; or drop it
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A `LeasedGenerator` has no method like [`Generator::local`], which returns a handle for one thread. For very many
/// IDs use [`fill`](Self::fill).
///
/// # What it promises
/// A `LeasedGenerator` keeps all promises of a [`Generator`], even when it changes from one leased worker to the next:
/// its IDs keep increasing. In addition, no two generators with leases of one store issue the same ID. The condition is
/// that the store keeps all data that it has acknowledged, or that this crate notices the loss of such data. This
/// promise holds even if processes or hosts crash, pause, restart or are cut off, and even if clocks are set. Such
/// faults can cause a time in which no ID is issued. Calls then fail with
/// [`LeaseExpired`](GenerateError::LeaseExpired).
///
/// # What it does not promise
/// * Clones of a virtual machine that run at the same time issue the same IDs until one clone finds that another clone
///   has renewed the same lease. That takes a third of the TTL, but no longer than the rest of the window. If a machine
///   is restored from a snapshot and its wall clock is not set forward, the restored machine also repeats IDs of the
///   original machine. The repetition ends at the latest with the window of the lease.
/// * After a `fork` without `exec`, the child issues the same IDs as its parent until the current millisecond is over.
///   Then calls in the child fail with [`OtherProcess`](GenerateError::OtherProcess). Acquire leases after the fork.
/// * If a store returns to an older state and can't notice this, the store does not know the leases that are newer than
///   that state. See the documentation of each store.
///
/// # On an async runtime
/// [`generate`](Self::generate), [`fill`](Self::fill) and [`generate_batch`](Self::generate_batch) can block the thread
/// that calls them. If the IDs of the current millisecond are used up, these methods block until the next millisecond.
/// If the lease has ended, these methods block for [`max_wait`](LeasedGeneratorBuilder::max_wait) at most. A blocked
/// thread of an async runtime delays all other tasks of the thread, even tasks that need no ID.
/// [`try_generate`](Self::try_generate) never blocks, and its errors say when to try again:
///
/// ```no_run
/// use casflake_lease::LeasedGenerator;
/// use casflake::{GenerateError, Snowflake};
///
/// # mod tokio { pub mod time { pub async fn sleep(_: std::time::Duration) {} } }
/// async fn next_id(ids: &LeasedGenerator) -> Result<Snowflake, GenerateError> {
///     loop {
///         match ids.try_generate() {
///             // The IDs of this millisecond are used up: wait for the next one while other tasks run.
///             Err(GenerateError::Exhausted { retry_after }) => tokio::time::sleep(retry_after).await,
///             // The lease has ended, for example. The client retries after `retry_after`; the server does not wait.
///             outcome => return outcome,
///         }
///     }
/// }
/// ```
///
/// [`new`](Self::new), [`build`](LeasedGeneratorBuilder::build), [`shutdown`](Self::shutdown), [`drain`](Self::drain)
/// and the drop of a generator talk to the store, and can block for seconds. Do these things on a thread that may
/// block, such as in `tokio::task::spawn_blocking`.
///
/// # A leased or a fixed worker
/// Both kinds of generator are an [`IdGenerator`]. A service that leases its worker in production, but uses a fixed
/// worker on a developer's machine, chooses the kind of generator when it starts:
///
/// ```no_run
/// use std::error::Error;
/// use std::sync::Arc;
///
/// use casflake::{Generator, IdGenerator, WorkerId};
/// use casflake_lease::{LeasedGenerator, from_url};
///
/// type Ids = Arc<dyn IdGenerator + Send + Sync>;
///
/// fn ids(store: Option<&str>) -> Result<Ids, Box<dyn Error>> {
///     Ok(match store {
///         Some(url) => Arc::new(LeasedGenerator::new(from_url(url)?)?),
///         None => Arc::new(Generator::new(WorkerId::fixed::<0, 1>())),
///     })
/// }
///
/// let ids = ids(std::env::var("IDS_STORE").ok().as_deref())?;
/// println!("{}", ids.generate()?);
/// # Ok::<(), Box<dyn Error>>(())
/// ```
///
/// The drop of the last `Arc` releases the lease. A program that also calls [`drain`](Self::drain) keeps an
/// `Arc<LeasedGenerator>`, and passes clones of it as `Ids`.
///
/// # How it works
/// A background thread, the keeper, talks to the store; calls of the generator never do. Each lease has a [`Generator`]
/// of its own. A call uses the [`Generator`] of the current lease. Finding that generator costs three additional loads,
/// and more loads after a lease was replaced. The generator of a lost lease takes 600 bytes, and stays in memory until
/// the `LeasedGenerator` is dropped. So the keeper can replace a generator without waiting for the calls that still use
/// it.
pub struct LeasedGenerator<S = Standard, C = StoreClock> {
    shared: Arc<Shared<S, C>>,
    max_wait: Duration,
    /// Whether the clock is a `StoreClock`.
    is_by_store: bool,
    keeper: Mutex<Keeping>,
    /// The id of the keeper's thread. Callbacks run on that thread.
    keeper_thread: ThreadId,
}

/// The state of the keeper's thread. `thread` is `None` after the thread was joined. `is_given_up` is true if a wait
/// for the end of the thread has timed out.
struct Keeping {
    thread: Option<KeeperThread>,
    is_given_up: bool,
}

/// The keeper's thread. It returns the outcome of releasing the lease.
type KeeperThread = JoinHandle<Result<(), StoreError>>;

impl<S, C> LeasedGenerator<S, C> {
    pub(crate) fn of(shared: Arc<Shared<S, C>>, max_wait: Duration, is_by_store: bool, keeper: KeeperThread) -> Self {
        let keeper_thread = keeper.thread().id();
        let keeper = Mutex::new(Keeping { thread: Some(keeper), is_given_up: false });
        Self { shared, max_wait, is_by_store, keeper, keeper_thread }
    }
}

impl<S: Scheme, C: Clock> LeasedGenerator<S, C> {
    /// Returns the next ID, as [`Generator::generate`] does. If the lease has ended, waits until the lease is renewed
    /// or replaced, for [`max_wait`](LeasedGeneratorBuilder::max_wait) at most. Blocks the thread meanwhile, so do not
    /// call this method on a thread of an [async runtime](Self#on-an-async-runtime).
    ///
    /// # Errors
    /// [`LeaseExpired`](GenerateError::LeaseExpired) or [`StoreClockBehind`](GenerateError::StoreClockBehind) if the
    /// lease has ended or was lost, or a clock has jumped, and the lease was not renewed or replaced within `max_wait`;
    /// [`ShutDown`](GenerateError::ShutDown) after [`shutdown`](Self::shutdown) or [`drain`](Self::drain);
    /// [`OtherProcess`](GenerateError::OtherProcess) in a fork; the other errors are the same as for
    /// [`Generator::generate`], but a generator with a [`StoreClock`] returns `StoreClockBehind` instead of
    /// [`ClockBehind`](GenerateError::ClockBehind).
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// let (first, second) = (ids.generate()?, ids.generate()?);
    /// assert!(first < second);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.ask(true, Generator::generate)
    }

    /// Returns the next ID without waiting, as [`Generator::try_generate`] does. Never blocks, however long the store
    /// is unavailable.
    ///
    /// # Errors
    /// The errors of [`generate`](Self::generate), returned immediately, and the errors of [`Generator::try_generate`].
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
    /// match ids.try_generate() {
    ///     Ok(id) => println!("{id}"),
    ///     Err(GenerateError::Exhausted { retry_after }) => println!("the next millisecond is {retry_after:?} away"),
    ///     Err(error) => println!("503: {error}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.ask(false, Generator::try_generate)
    }

    /// Fills `buffer` with IDs in increasing order, as [`Generator::fill`] does. Waits as [`generate`](Self::generate)
    /// does.
    ///
    /// # Errors
    /// The same as for [`generate`](Self::generate). The error tells how many IDs were [`filled`](FillError::filled) in
    /// before the failure.
    ///
    /// # Examples
    /// ```
    /// use casflake::Snowflake;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// let mut rows = [Snowflake::MIN; 100];
    /// ids.fill(&mut rows)?;
    /// assert!(rows.is_sorted());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        let mut filled = Filled::of(buffer);
        let outcome = self.ask(true, |generator| filled.fill_from(generator));
        filled.ended(outcome)
    }

    /// Returns `count` IDs in increasing order, as [`Generator::generate_batch`] does. Waits as
    /// [`generate`](Self::generate) does.
    ///
    /// # Errors
    /// The same as for [`generate`](Self::generate). The error holds the IDs that were issued before the failure. Also
    /// fails if `count` is 0 or more than [`MAX_BATCH`](casflake::MAX_BATCH).
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// let batch = ids.generate_batch(100)?;
    /// assert_eq!(batch.len(), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn generate_batch(&self, count: usize) -> Result<Batch<S>, BatchError<S>> {
        let mut taken = Taken::of(count);
        let outcome = self.ask(true, |generator| taken.take_from(generator));
        taken.ended(outcome)
    }

    /// Calls the closure `ask` with the current generator, without taking a lock. If the generator refuses the call,
    /// returns the result of [`refused`](Self::refused). That method retries the call if the lease is the reason. Fails
    /// after the generator was drained or shut down.
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

    /// Returns the worker that issues IDs now or, if the lease has ended, the worker that issued IDs last.
    #[must_use]
    pub fn worker(&self) -> WorkerId<S> {
        self.shared.switch.current().worker()
    }

    /// Returns the statistics of the generator and its leases so far.
    ///
    /// In a fork of the process, this call can block for ever. The call takes a lock, and a thread of the parent that
    /// does not exist in the fork may have held this lock when the process was forked.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// ids.generate()?;
    /// let stats = ids.stats();
    /// assert_eq!((stats.acquired, stats.generator.ids), (1, 1));
    /// assert!(stats.remaining.as_secs() <= 30 && stats.last_error.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> LeaseStats<S> {
        self.shared.stats()
    }
}

impl<S: Scheme, C: Clock> IdGenerator<S> for LeasedGenerator<S, C> {
    #[inline]
    fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        LeasedGenerator::generate(self)
    }

    #[inline]
    fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        LeasedGenerator::try_generate(self)
    }

    fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        LeasedGenerator::fill(self, buffer)
    }
}

impl<S: Scheme, C: Clock + fmt::Debug> fmt::Debug for LeasedGenerator<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedGenerator").field("generator", self.shared.switch.current()).finish_non_exhaustive()
    }
}
