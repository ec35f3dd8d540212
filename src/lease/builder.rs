//! `LeasedGeneratorBuilder`: everything about a leased generator that has a default.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use std::boxed::Box;
use std::string::String;
use std::sync::{Arc, mpsc};
use std::time::Instant;
use std::{format, process, thread};

use super::bell::Bell;
use super::clock::StoreClock;
use super::error::StoreError;
use super::events::{Events, LeaseEvent};
use super::keeper::{Keeper, Plan, Source};
use super::lease::Lease;
use super::leased::{LeasedGenerator, Shared};
use super::store::{LeaseStore, Missing};
use super::time::{RESTORED_WITHIN, lead_ticks, ttl_ticks};
use super::watch::{Watch, Watched};
use crate::clock::Clock;
use crate::generator::Generator;
use crate::scheme::{Scheme, Standard};
use crate::settings::Wait;

/// How long to leave a store that has granted nothing, where the caller waits for it.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Makes a [`LeasedGenerator`] with more than its store set: [`LeasedGenerator::builder`] starts one.
///
/// ```no_run
/// use std::time::Duration;
///
/// use casflake::lease::{FileStore, LeasedGenerator};
///
/// let store = FileStore::open("/var/lib/ids");
/// let ids: LeasedGenerator =
///     LeasedGenerator::builder(store).ttl(Duration::from_secs(60)).wait_for_worker(Duration::from_secs(10)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder makes no generator until `build` is called"]
pub struct LeasedGeneratorBuilder<T, S = Standard, C = StoreClock> {
    store: T,
    clock: C,
    store_clock: Option<StoreClock>,
    plan: Plan,
    patience: Duration,
    creates: bool,
    events: Events,
    scheme: PhantomData<fn() -> S>,
}

impl<T: LeaseStore + 'static, S: Scheme> LeasedGeneratorBuilder<T, S> {
    pub(crate) fn new(store: T) -> Self {
        let clock = StoreClock::new();
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
        Self { store, clock, store_clock, plan, patience, creates: false, events, scheme: PhantomData }
    }
}

impl<T: LeaseStore + 'static, S: Scheme + 'static, C: Clock + Clone + Send + Sync + 'static>
    LeasedGeneratorBuilder<T, S, C>
{
    /// Takes a clock of this host instead of the store's time. Where it is not within the lease's window by the store's
    /// time, no ID is issued: keep it in step with the store's, better than to a third of the time to live.
    pub fn clock<D: Clock + Clone>(self, clock: D) -> LeasedGeneratorBuilder<T, S, D> {
        let Self { store, plan, patience, creates, events, scheme, .. } = self;
        LeasedGeneratorBuilder { store, clock, store_clock: None, plan, patience, creates, events, scheme }
    }

    /// How long a lease lasts that is not renewed; it is renewed each third of this. 30 s unless set, and
    /// [`MAX_TTL`](super::MAX_TTL) at most.
    ///
    /// So long the store can be away and nobody notices (less the third); and so long a worker stays taken whose
    /// process was killed.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.plan.ttl = ttl;
        self
    }

    /// Who holds the lease, for people who look at the list. The host's name and the process's number unless set.
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.plan.owner = owner.into();
        self
    }

    /// How long [`build`](Self::build) goes on asking for a worker where none is free or the store is away. It asks
    /// once unless set. For an ID space that does not exist it asks for 40 s at most: by then a process that was granted
    /// a lease of it has restored it.
    pub const fn wait_for_worker(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Lets [`build`](Self::build) create the ID space if it does not exist, and the store tells that it has no other one:
    /// else it fails with [`NoSpace`](StoreError::NoSpace), and an operator has to create the space. The space grants after
    /// [`MAX_TTL`](super::MAX_TTL) + [`CLOCK_SLACK`](super::CLOCK_SLACK), 150 s: to stay in `build` until then, let it
    /// [wait](Self::wait_for_worker) for longer.
    ///
    /// **A process whose store is misspelt then creates a second ID space, which issues the IDs of the first again.** To
    /// create a space once, by an operator, [`LeaseAdmin::create`](super::LeaseAdmin::create) is safer.
    pub const fn create_if_missing(mut self) -> Self {
        self.creates = true;
        self
    }

    /// What a call does while it waits for the next tick, as
    /// [`GeneratorBuilder::wait`](crate::GeneratorBuilder::wait).
    pub const fn wait(mut self, wait: Wait) -> Self {
        self.plan.wait = wait;
        self
    }

    /// How long a call waits for a tick to begin, as [`GeneratorBuilder::max_wait`](crate::GeneratorBuilder::max_wait),
    /// and for a lease that has ended to be renewed or replaced. 100 ms unless set.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.plan.max_wait = max_wait;
        self
    }

    /// As [`GeneratorBuilder::strict`](crate::GeneratorBuilder::strict).
    pub const fn strict(mut self, strict: bool) -> Self {
        self.plan.strict = strict;
        self
    }

    /// How many ticks of the future calls may use where those before are used up, as
    /// [`GeneratorBuilder::max_lead`](crate::GeneratorBuilder::max_lead). 0 unless set, and the ticks of
    /// [`MAX_LEAD`](super::MAX_LEAD), 1 s, at most. The window of the lease bounds it, too, so no other process issues these
    /// ticks while the store keeps what it knows.
    ///
    /// An operator who frees the worker of a process that was killed, or vouches for a store that has lost something, does so
    /// a second after the process has ended: [`reclaim`](super::LeaseAdmin::reclaim) and
    /// [`initialise`](super::LeaseAdmin::initialise) begin the next window immediately.
    pub const fn max_lead(mut self, ticks: u64) -> Self {
        self.plan.max_lead = ticks;
        self
    }

    /// Calls `callback` with each thing that happens to the lease: for logs and alarms of programs without `tracing`.
    ///
    /// The thread that keeps the lease calls it, and [`build`](Self::build) while it waits for a worker. The lease is not
    /// renewed meanwhile, so it must return within milliseconds: it may ask for `stats`, and `shutdown` takes effect when it
    /// has returned; `generate` and `drain` in it wait for a renewal that can't come. A panic in it is caught.
    ///
    /// ```no_run
    /// use casflake::lease::{FileStore, LeaseEvent, LeasedGenerator};
    ///
    /// let ids: LeasedGenerator = LeasedGenerator::builder(FileStore::open("/var/lib/ids"))
    ///     .on_event(|event| match event {
    ///         LeaseEvent::Renewed { .. } => {}
    ///         event => eprintln!("ids: {event}"),
    ///     })
    ///     .build()?;
    /// # Ok::<(), casflake::lease::StoreError>(())
    /// ```
    pub fn on_event(mut self, callback: impl FnMut(&LeaseEvent<'_>) + Send + 'static) -> Self {
        self.events.call(Box::new(callback));
        self
    }

    /// Acquires a lease, and starts the thread that keeps it.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; [`StoreError::Ttl`] if the time to live is out of range;
    /// [`StoreError::Lead`] if `max_lead` is longer than [`MAX_LEAD`](super::MAX_LEAD); [`StoreError::Refused`] if the store refuses
    /// the caller, immediately however long it waits for a worker; [`StoreError::Unavailable`] if the store can't be asked or no thread can be started; any other [`StoreError`] if
    /// no lease was granted.
    pub fn build(self) -> Result<LeasedGenerator<S, C>, StoreError> {
        let Self { store, clock, store_clock, plan, patience, creates, mut events, .. } = self;
        ttl_ticks(&S::LAYOUT, plan.ttl)?;
        let max = lead_ticks(&S::LAYOUT);
        if plan.max_lead > max {
            return Err(StoreError::Lead { value: plan.max_lead, max });
        }
        // First of all, so that no lease is left to nobody where there is no thread to keep it.
        let (hand_over, handed_over) = mpsc::channel::<Keeper<S, C, T>>();
        let keep = move || handed_over.recv().map_or(Ok(()), Keeper::run);
        let thread = thread::Builder::new().name("casflake-lease".into()).spawn(keep);
        let thread = thread.map_err(|error| StoreError::unavailable("starting a thread", error))?;
        let (max_wait, is_by_store) = (plan.max_wait, store_clock.is_some());
        let bell = Arc::new(Bell::default());
        let watch = Arc::new(Watch::new(Arc::clone(&bell)));
        let mut source = Source {
            plan,
            store,
            watch: Arc::clone(&watch),
            clock,
            store_clock,
            token: None,
            missing: Missing::Refuse,
        };
        let (lease, generator) = first_lease(&mut source, patience, creates, &mut events)?;
        let shared = Arc::new(Shared::new(lease, generator, watch, bell));
        events.acquired(&lease, shared.remaining(), Instant::now());
        let keeper = Keeper {
            source,
            shared: Arc::clone(&shared),
            lease: Some(lease),
            unanswered: 0,
            forgotten: None,
            last_tick: None,
            events,
        };
        hand_over.send(keeper).map_err(|_| StoreError::unavailable("starting a thread", "it has ended"))?;
        Ok(LeasedGenerator::of(shared, max_wait, is_by_store, thread))
    }
}

/// Acquires a lease, and asks on for `patience` if none is granted; for less if the space does not exist.
fn first_lease<S: Scheme, C: Clock + Clone, T: LeaseStore>(
    source: &mut Source<C, T>,
    patience: Duration,
    creates: bool,
    events: &mut Events,
) -> Result<(Lease, Generator<S, Watched<C>>), StoreError> {
    let started = Instant::now();
    let (mut missing_since, mut may_create, mut is_named) = (None, creates, false);
    loop {
        let mut error = match source.acquire(None) {
            Ok(acquired) => return Ok(acquired),
            Err(error) => error,
        };
        let mut left = patience.saturating_sub(started.elapsed());
        let mut is_passing = error.is_retryable();
        let is_missing = matches!(error, StoreError::NoSpace { .. });
        if is_missing {
            // A store is asked once for all its spaces, and if it can't tell there may be others.
            if core::mem::take(&mut may_create) && source.create_unless_others() {
                continue;
            }
            // It may be lost, and about to be restored.
            let since = *missing_since.get_or_insert_with(Instant::now);
            left = left.min(RESTORED_WITHIN.saturating_sub(since.elapsed()));
            is_passing = true;
        }
        if left.is_zero() || !is_passing {
            return Err(source.with_others(error));
        }
        // Once, because it takes a store a while to name the others.
        if is_missing && !core::mem::replace(&mut is_named, true) {
            error = source.with_others(error);
        }
        events.waiting(&error, Instant::now());
        thread::sleep(BETWEEN_TRIES.min(left));
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
