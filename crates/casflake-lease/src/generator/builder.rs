//! `LeasedGeneratorBuilder`: all optional settings of a leased generator.

#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{fmt, process, thread};

use casflake::{Clock, Scheme, Standard, Wait};

use super::LeasedGenerator;
use super::events::{Events, LeaseEvent};
use super::host::Host;
use super::keeper::run::Runner;
use super::keeper::{Event, Keeper, Next};
use super::process::{Parts, Plan, Process};
use super::shared::Shared;
use super::signal::Signal;
use super::start::run::{First, first_lease};
use super::store_clock::StoreClock;
use super::watch::Watch;
use crate::convert::ttl_within;
use crate::error::StoreError;
use crate::store::LeaseStore;
use crate::terms::lead_ticks;

/// Builds a [`LeasedGenerator`] with settings other than the defaults. [`LeasedGenerator::builder`] returns such a
/// builder.
///
/// ```
/// use std::time::Duration;
///
/// use casflake_lease::{FileStore, LeasedGenerator};
///
/// # use casflake::{Scheme, Standard};
/// # use casflake_lease::LeaseAdmin;
/// # let directory = testkit::Scratch::new();
/// # let directory = directory.path();
/// # FileStore::new(directory).init_immediately(&Standard::LAYOUT, 4)?;
/// let store = FileStore::new(directory); // such as "/var/lib/ids"
/// let ids: LeasedGenerator =
///     LeasedGenerator::builder(store).ttl(Duration::from_secs(60)).wait_for_worker(Duration::from_secs(10)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder makes no generator until `build` is called"]
pub struct LeasedGeneratorBuilder<T, S = Standard, C = StoreClock> {
    store: T,
    host: Host,
    clock: C,
    store_clock: Option<StoreClock>,
    plan: Plan,
    patience: Duration,
    creates: bool,
    events: Events,
    scheme: PhantomData<fn() -> S>,
}

impl<S: Scheme + 'static> LeasedGenerator<S> {
    /// Creates a generator that leases its worker from `store`. Acquires the lease, and uses the default settings of
    /// [`builder`](Self::builder).
    ///
    /// # Errors
    /// Fails with a [`StoreError`] if no lease was granted. The errors are the same as for
    /// [`build`](LeasedGeneratorBuilder::build).
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// let ids: LeasedGenerator = LeasedGenerator::new(FileStore::new(directory.path()))?;
    /// assert!(ids.worker().index() < 4);
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn new(store: impl LeaseStore + 'static) -> Result<Self, StoreError> {
        Self::builder(store).build()
    }

    /// Returns a builder of a generator that leases its worker from `store`.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// use std::time::Duration;
    ///
    /// let store = FileStore::new(directory.path());
    /// let ids: LeasedGenerator = LeasedGenerator::builder(store).owner("web-1").ttl(Duration::from_secs(60)).build()?;
    /// assert!(ids.stats().remaining > Duration::from_secs(30));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn builder<T: LeaseStore + 'static>(store: T) -> LeasedGeneratorBuilder<T, S> {
        LeasedGeneratorBuilder::new(store)
    }
}

impl<T: LeaseStore + 'static, S: Scheme> LeasedGeneratorBuilder<T, S> {
    fn new(store: T) -> Self {
        let host = Host::real();
        let clock = StoreClock::new(host.clone());
        let plan = Plan {
            ttl: Duration::from_secs(30),
            owner: format!("{}:{}", gethostname::gethostname().to_string_lossy(), process::id()),
            wait: Wait::Spin,
            max_wait: Duration::from_millis(100),
            strict: false,
            max_lead: 0,
        };
        let store_clock = Some(clock.clone());
        let (patience, events) = (Duration::ZERO, Events::default());
        Self { store, host, clock, store_clock, plan, patience, creates: false, events, scheme: PhantomData }
    }
}

impl<T: LeaseStore + 'static, S: Scheme + 'static, C: Clock + Clone + Send + Sync + 'static>
    LeasedGeneratorBuilder<T, S, C>
{
    /// Sets the clock of the IDs to a clock of this host. By default, IDs contain the store's time. The lease's window
    /// is in the store's time, so no ID is issued while `clock` reads a time outside the window. Keep `clock` and the
    /// store's clock in step: they must differ by less than a third of the TTL.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let store = FileStore::new(directory.path());
    /// use casflake::SystemClock;
    ///
    /// let ids: LeasedGenerator<Standard, SystemClock> = LeasedGenerator::builder(store).clock(SystemClock).build()?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn clock<D: Clock + Clone>(self, clock: D) -> LeasedGeneratorBuilder<T, S, D> {
        let Self { store, host, plan, patience, creates, events, scheme, .. } = self;
        LeasedGeneratorBuilder { store, host, clock, store_clock: None, plan, patience, creates, events, scheme }
    }

    /// Sets the TTL: how long a lease lasts if it is not renewed. The keeper renews the lease after each third of the
    /// TTL. The default is 30 s, the maximum is [`MAX_TTL`](crate::MAX_TTL).
    ///
    /// If an outage of the store is some seconds shorter than two thirds of the TTL, no call of `generate` fails because
    /// of it: the lease lasts until the store is back and the keeper has tried again. If a process is killed, its worker
    /// stays taken for the rest of the window, which can be the whole TTL.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let store = FileStore::new(directory.path());
    /// use std::time::Duration;
    ///
    /// use casflake_lease::StoreError;
    ///
    /// let builder = LeasedGenerator::<Standard>::builder(store).ttl(Duration::from_secs(121));
    /// assert!(matches!(builder.build(), Err(StoreError::Ttl { .. })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.plan.ttl = ttl;
        self
    }

    /// Sets the name of the holder. A list of leases shows this name to people. The default is the host's name and the
    /// process ID, such as `web-1:4711`.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.plan.owner = owner.into();
        self
    }

    /// Sets how long [`build`](Self::build) retries if no worker is free or the store is unavailable. By default
    /// `build` does not retry. If the ID space does not exist, `build` retries for 40 s at most. If any running process
    /// has ever had a lease of the space, that process restores the space within these 40 s.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let store = FileStore::new(directory.path());
    /// use std::time::Duration;
    ///
    /// // While other processes start and stop, all workers may be leased for a while.
    /// let ids: LeasedGenerator =
    ///     LeasedGenerator::builder(store).wait_for_worker(Duration::from_secs(60)).build()?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub const fn wait_for_worker(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Lets [`build`](Self::build) create the ID space if the store reports that neither this nor any other ID space
    /// exists. Without this setting, `build` fails with [`NoSpace`](StoreError::NoSpace), and an operator has to create
    /// the space. The new space grants its first lease 150 s ([`MAX_TTL`](crate::MAX_TTL) +
    /// [`CLOCK_SLACK`](crate::CLOCK_SLACK)) after it was created, at the earliest. To let `build` wait until then, set
    /// [`wait_for_worker`](Self::wait_for_worker) to more than 150 s.
    ///
    /// **If the name of the space or the URL of the store is misspelt, the process then creates a second ID space. The
    /// processes of the second space issue the same IDs as the processes of the first space.** It is safer if an
    /// operator creates the space once, with [`LeaseAdmin::init`](crate::LeaseAdmin::init).
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{FileStore, LeasedGenerator, StoreError};
    ///
    /// # let directory = testkit::Scratch::new();
    /// let store = FileStore::new(directory.path());
    /// match LeasedGenerator::<casflake::Standard>::builder(store).create_if_missing().build() {
    ///     // The space exists now, and grants leases in 150 s.
    ///     Err(StoreError::NotYet { retry_after, .. }) => assert!(retry_after.as_secs() <= 150),
    ///     // In a container's own file system no process creates a space.
    ///     other => assert!(matches!(other, Err(StoreError::NoSpace { .. }))),
    /// }
    /// ```
    pub const fn create_if_missing(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Sets how a call waits for the next tick. This is the same setting as
    /// [`GeneratorBuilder::wait`](casflake::GeneratorBuilder::wait).
    pub const fn wait(mut self, wait: Wait) -> Self {
        self.plan.wait = wait;
        self
    }

    /// Sets the longest time that a call waits for one tick to begin, as
    /// [`GeneratorBuilder::max_wait`](casflake::GeneratorBuilder::max_wait) does. A call that needs several ticks may
    /// wait this long for each of them. If the lease has ended, this is also the longest time that a call waits until
    /// the lease is renewed or replaced. The default is 100 ms.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let store = FileStore::new(directory.path());
    /// use std::time::Duration;
    ///
    /// // A request that may take 2 s can wait for a lease that is renewed late.
    /// let ids: LeasedGenerator = LeasedGenerator::builder(store).max_wait(Duration::from_secs(1)).build()?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.plan.max_wait = max_wait;
        self
    }

    /// Sets whether all calls fail while the clock is before the last ID's tick by more than
    /// [`max_lead`](Self::max_lead) ticks. This is the same setting as
    /// [`GeneratorBuilder::strict`](casflake::GeneratorBuilder::strict).
    pub const fn strict(mut self, strict: bool) -> Self {
        self.plan.strict = strict;
        self
    }

    /// Sets the longest lead, in ticks. If all earlier ticks are used up, a call may use a future tick that is ahead of
    /// the clock by at most this lead. This is the same setting as
    /// [`GeneratorBuilder::max_lead`](casflake::GeneratorBuilder::max_lead). The default is 0. The maximum is the
    /// number of ticks in [`MAX_LEAD`](crate::MAX_LEAD), 1 s. The generator uses no tick after the window of its lease.
    /// So no other process uses these future ticks, as long as the store keeps its data.
    ///
    /// If a lead is allowed, the last IDs of a process can be up to one second ahead of the clock. So an operator must
    /// wait for one second after a process has ended. Only then may the operator
    /// [`reclaim`](crate::LeaseAdmin::reclaim) the worker of that process, or call
    /// [`init_immediately`](crate::LeaseAdmin::init_immediately) on a store that has lost data. After either call, the
    /// next window begins immediately.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator};
    /// # let directory = testkit::Scratch::new();
    /// # FileStore::new(directory.path()).init_immediately(&Standard::LAYOUT, 4)?;
    /// # let store = FileStore::new(directory.path());
    /// use casflake_lease::StoreError;
    ///
    /// let builder = LeasedGenerator::<Standard>::builder(store).max_lead(1001);
    /// assert!(matches!(builder.build(), Err(StoreError::Lead { value: 1001, max: 1000 })));
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub const fn max_lead(mut self, ticks: u64) -> Self {
        self.plan.max_lead = ticks;
        self
    }

    /// Sets a callback for the events of the lease. The callback is for logs and alarms of programs that do not use
    /// `tracing`.
    ///
    /// The thread that calls [`build`](Self::build) calls the callback for all events up to and including the first
    /// `Acquired`. The keeper's thread calls the callback for all later events. The lease is not renewed while the
    /// callback runs, so the callback must return within milliseconds. The callback may call `stats`. The callback may
    /// also call `shutdown`. That call then does not wait: the keeper releases the worker after the callback has
    /// returned. The callback should not call `generate` or `drain`, because these calls would wait for a renewal that
    /// can't happen before the callback returns. A panic in the callback is caught.
    ///
    /// # Examples
    /// ```
    /// use casflake_lease::{FileStore, LeaseEvent, LeasedGenerator};
    ///
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::LeaseAdmin;
    /// # let directory = testkit::Scratch::new();
    /// # let directory = directory.path();
    /// # FileStore::new(directory).init_immediately(&Standard::LAYOUT, 4)?;
    /// let ids: LeasedGenerator = LeasedGenerator::builder(FileStore::new(directory))
    ///     .on_event(|event| match event {
    ///         LeaseEvent::Renewed { .. } => {}
    ///         event => eprintln!("ids: {event}"),
    ///     })
    ///     .build()?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    pub fn on_event(mut self, callback: impl FnMut(&LeaseEvent<'_>) + Send + 'static) -> Self {
        self.events.call(Box::new(callback));
        self
    }

    /// Acquires a lease and starts the thread that keeps it.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; [`StoreError::Ttl`] if the TTL is out of range;
    /// [`StoreError::Lead`] if `max_lead` is longer than [`MAX_LEAD`](crate::MAX_LEAD); [`StoreError::Refused`] if the
    /// store refuses the caller (then `build` does not retry); [`StoreError::Unavailable`] if the store can't be
    /// reached or the thread can't be started; any other [`StoreError`] if no lease was granted.
    pub fn build(self) -> Result<LeasedGenerator<S, C>, StoreError> {
        let Self { mut store, host, clock, store_clock, plan, patience, creates, mut events, .. } = self;
        ttl_within(plan.ttl)?;
        let max = lead_ticks(&S::LAYOUT);
        if plan.max_lead > max {
            return Err(StoreError::Lead { value: plan.max_lead, max });
        }
        // The thread is started before the lease is acquired. So if no thread can be started, no worker is left taken.
        let (hand_over, handed_over) = mpsc::channel::<(Runner<S, C, T>, Next)>();
        let keep = move || handed_over.recv().map_or(Ok(()), |(runner, next)| runner.run(next));
        let thread = thread::Builder::new().name("casflake-lease".into()).spawn(keep);
        let thread = thread.map_err(|error| StoreError::unavailable("starting a thread", error))?;
        let (max_wait, is_by_store) = (plan.max_wait, store_clock.is_some());
        let signal = Arc::new(Signal::default());
        let watch = Arc::new(Watch::new(host.clone(), Arc::clone(&signal)));
        let mut parts = Parts { plan, host, watch: Arc::clone(&watch), clock, store_clock, apart: 0 };
        let First { lease, generator, behind } = first_lease(&mut store, &mut parts, patience, creates, &mut events)?;
        let shared = Arc::new(Shared::new(lease, generator, watch, signal));
        let keeper = Keeper::of(parts.plan.ttl, lease, behind);
        let process = Process { parts, shared: Arc::clone(&shared), events };
        let mut runner = Runner { keeper, process, store };
        let next = runner.step(Event::Looked);
        hand_over.send((runner, next)).map_err(|_| StoreError::unavailable("starting a thread", "it has ended"))?;
        Ok(LeasedGenerator::of(shared, max_wait, is_by_store, thread))
    }
}

impl<T: fmt::Debug, S, C: fmt::Debug> fmt::Debug for LeasedGeneratorBuilder<T, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedGeneratorBuilder")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .field("plan", &self.plan)
            .field("patience", &self.patience)
            .field("creates", &self.creates)
            .field("events", &self.events)
            .finish()
    }
}
