//! The thread that keeps a lease. It renews the lease. If the lease is lost, the thread acquires another lease.

use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use casflake::{Clock, Generator, GeneratorBuilder, Scheme, Wait, WorkerId};

use super::events::Events;
use super::shared::{FIRST_RETRY, Shared};
use super::signal::Call;
use super::store_clock::StoreClock;
use super::watch::{Watch, Watched};
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;
use crate::request::{AcquireRequest, Grant, Missing, Renewal};
use crate::store::LeaseStore;
use crate::token::Token;

/// The settings of a keeper. They stay the same while the keeper runs.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ttl: Duration,
    pub(crate) owner: String,
    pub(crate) wait: Wait,
    pub(crate) max_wait: Duration,
    pub(crate) strict: bool,
    pub(crate) max_lead: u64,
}

/// The store, the clocks and the settings with which a process acquires leases and makes a generator for each lease.
pub(crate) struct Source<C, T> {
    pub(crate) plan: Plan,
    pub(crate) store: T,
    pub(crate) watch: Arc<Watch>,
    pub(crate) clock: C,
    /// The same clock as `clock`, if `clock` is a `StoreClock`; otherwise `None`.
    pub(crate) store_clock: Option<StoreClock>,
    /// The token of the last request for a lease, if that request got no reply that grants a lease. The next request
    /// has the same token. If the store has granted a lease, but the reply was lost, the next request gets this lease,
    /// not a second lease. `None` before the first request, and after each reply that grants a lease.
    pub(crate) token: Option<Token>,
    /// What the store does with a request for a lease if the ID space does not exist. `Create` after the first grant:
    /// if the space is missing then, the space was lost and may be created again.
    pub(crate) missing: Missing,
}

impl<C: Clock + Clone, T: LeaseStore> Source<C, T> {
    /// Acquires a lease whose window begins after the tick `after`. Returns the lease and a generator for it.
    pub(crate) fn acquire<S: Scheme>(
        &mut self,
        after: Option<u64>,
    ) -> Result<(Lease, Generator<S, Watched<C>>), StoreError> {
        let token = match self.token {
            Some(token) => token,
            None => Token::random().map_err(|error| StoreError::unavailable("drawing a random number", error))?,
        };
        self.token = Some(token);
        let request = AcquireRequest {
            after,
            missing: self.missing,
            ..AcquireRequest::new(&S::LAYOUT, token, self.plan.ttl, &*self.plan.owner)
        };
        let apart = self.watch.apart_now();
        let grant = self.store.acquire(&request)?;
        self.token = None;
        self.missing = Missing::Create;
        self.hear(&grant, apart);
        match self.generator(&grant.lease, after) {
            Ok(generator) => Ok((grant.lease, generator)),
            Err(error) => {
                // The lease is of no use, so it is released. If the release fails, the lease expires.
                let _ = self.store.release(&grant.lease, None);
                Err(error)
            }
        }
    }

    /// Asks the store whether it has other spaces than that of this process. If the store answers that there are none,
    /// lets the store create this process's space from now on, and returns true. Otherwise returns false, because the
    /// name of this process's space may be misspelt.
    pub(crate) fn create_unless_others(&mut self) -> bool {
        let has_none = self.store.others().is_ok_and(|others| others.is_empty());
        if has_none {
            self.missing = Missing::Create;
        }
        has_none
    }

    /// Returns `error`. If `error` is `NoSpace`, first adds the names of the store's other spaces to `error`, so that
    /// the caller of `build` sees these names.
    pub(crate) fn with_others(&mut self, mut error: StoreError) -> StoreError {
        if let StoreError::NoSpace { others, .. } = &mut error {
            // If the other spaces can't be listed, the error is helpful enough without their names.
            *others = self.store.others().unwrap_or_default();
        }
        error
    }

    fn generator<S: Scheme>(&self, lease: &Lease, after: Option<u64>) -> Result<Generator<S, Watched<C>>, StoreError> {
        let corrupt = |why: String| StoreError::corrupt("the lease that was granted", why);
        let worker = WorkerId::<S>::from_index(lease.worker).map_err(|error| corrupt(error.to_string()))?;
        let clock = Watched::new(self.clock.clone(), Arc::clone(&self.watch));
        let Plan { wait, max_wait, strict, max_lead, .. } = self.plan;
        let builder = GeneratorBuilder::new(worker, clock).wait(wait).max_wait(max_wait).strict(strict);
        let builder = builder.max_lead(max_lead);
        // Even if a store ignores `after` in the request, the IDs of this process must not decrease.
        let from = after.map_or(0, |last| last.saturating_add(1)).max(lease.from);
        builder.not_before(from).fence(lease.until).build().map_err(|error| corrupt(error.to_string()))
    }

    /// Moves the `StoreClock`, if there is one, forward to the store's clock. Moves the `StoreClock` back only if the
    /// `StoreClock` is ahead of the store's clock by a TTL or more. Then lets the watch trust the clocks again. `apart`
    /// is the result of a call to `Watch::apart_now` before the request was sent to the store. If a clock has jumped
    /// since that call, the watch still notices the jump.
    fn hear(&mut self, grant: &Grant, apart: u64) {
        match &self.store_clock {
            Some(clock) if self.ahead_of(grant).is_some() => clock.set(grant.unix_ns),
            Some(clock) => clock.follow(grant.unix_ns),
            None => {}
        }
        self.watch.settle(apart);
    }

    /// Returns the time by which the `StoreClock` is ahead of the store's clock (`grant.unix_ns`). Returns `None` if
    /// this time is shorter than a TTL, or if there is no `StoreClock`. If the `StoreClock` is ahead by a TTL or more,
    /// it is past the end of each window that the store grants now.
    fn ahead_of(&self, grant: &Grant) -> Option<Duration> {
        let ahead = self.store_clock.as_ref()?.nanos().checked_sub(grant.unix_ns)?;
        Some(Duration::from_nanos(ahead)).filter(|ahead| *ahead >= self.plan.ttl)
    }
}

pub(crate) struct Keeper<S, C, T> {
    pub(crate) source: Source<C, T>,
    pub(crate) shared: Arc<Shared<S, C>>,
    /// The lease that this keeper renews. `None` if the keeper knows that it holds no lease.
    pub(crate) lease: Option<Lease>,
    /// The number of renewals of `lease` that failed with an error other than `Lost`, or panicked, since the last grant
    /// or successful renewal. The store may have written any of these renewals, because perhaps only the reply was
    /// lost.
    pub(crate) unanswered: u64,
    /// A lease that the store no longer knows, and the moment at which the keeper learned this.
    pub(crate) forgotten: Option<(Instant, Lease)>,
    /// The last tick in which any of the closed generators issued an ID.
    pub(crate) last_tick: Option<u64>,
    pub(crate) events: Events,
}

impl<S: Scheme, C: Clock + Clone, T: LeaseStore> Keeper<S, C, T> {
    /// Keeps the lease until the signal says to stop, then releases the lease.
    pub(crate) fn run(mut self) -> Result<(), StoreError> {
        let mut next = catching_panics(|| self.until_renewal()).unwrap_or(self.pause());
        let mut failures = 0;
        while self.rest(next, failures > 0) == Call::Work {
            (next, failures) = match self.keep_catching_panics() {
                Some(next) => (next, 0),
                None => (self.retry_after(failures), failures + 1),
            };
        }
        self.release()
    }

    /// Waits for about `time` before the next call to the store. Returns `Stop` if the keeper must stop, otherwise
    /// `Work`. A call to the generator that finds no lease rings the signal, to wake the keeper. After a success, a
    /// ring ends the wait, but not before the keeper has waited for the time that `pause` returns. After a failure
    /// (`is_failing`), a ring does not end the wait. Without these limits, many rings would cause many calls to a store
    /// that can't grant a lease.
    fn rest(&self, time: Duration, is_failing: bool) -> Call {
        let time = self.jittered(time).max(FIRST_RETRY);
        let deaf = if is_failing { time } else { time.min(self.pause()) };
        match self.shared.signal.sleep(deaf, true) {
            Call::Stop => Call::Stop,
            Call::Work => self.shared.signal.sleep(time - deaf, false),
        }
    }

    /// Returns a twelfth of the TTL, but at least `FIRST_RETRY` and at most 1 s. After a failure, the keeper waits at
    /// most this long. After a success, a call that has no lease can wake the keeper only after this time.
    fn pause(&self) -> Duration {
        (self.ttl() / 12).clamp(FIRST_RETRY, Duration::from_secs(1))
    }

    /// Calls [`keep`](Self::keep), and returns how long to wait. If `keep` fails or panics, reports the failure and
    /// returns `None`. The store may panic, and so may the clock or the `Display` form of an error of the store. The
    /// store may have renewed the lease before the panic, so the panic is counted in `unanswered`.
    fn keep_catching_panics(&mut self) -> Option<Duration> {
        let kept = catching_panics(|| {
            self.report_end(self.shared.remaining());
            self.keep().inspect_err(|error| self.failed(error)).ok()
        });
        kept.unwrap_or_else(|| {
            self.unanswered += 1;
            self.failed(&StoreError::unavailable("asking the store of leases", "it has panicked"));
            None
        })
    }

    /// Records and reports that the store failed.
    fn failed(&mut self, error: &StoreError) {
        self.shared.record(|status| status.failed(error, self.pause()));
        // This may panic again, because the failure may have been a panic of the clock.
        let remaining = catching_panics(|| self.shared.remaining()).unwrap_or_default();
        if !self.shared.switch.has_ended() {
            self.events.failed(self.worker(), remaining, error, Instant::now());
        }
        self.report_end(remaining);
    }

    /// Reports that the window has ended, if `remaining` is 0. Reports nothing after the generator was ended by a
    /// shutdown, because then no further lease will follow.
    fn report_end(&mut self, remaining: Duration) {
        if remaining.is_zero() && !self.shared.switch.has_ended() {
            self.events.ended(self.worker());
        }
    }

    /// Returns the index of the worker that issues IDs now or, if the lease has ended, of the worker that issued IDs
    /// last.
    fn worker(&self) -> u64 {
        self.shared.switch.current().worker().index()
    }

    /// Renews the lease, or acquires a lease if there is none. Returns how long to wait before the next call to the
    /// store.
    fn keep(&mut self) -> Result<Duration, StoreError> {
        if let Some(lease) = self.lease {
            let apart = self.source.watch.apart_now();
            match self.source.store.renew(&self.renewal(&lease)) {
                Ok(grant) if is_renewed(&lease, &grant.lease) => return Ok(self.renewed(&grant, apart)),
                Ok(Grant { lease: other, .. }) => {
                    self.unanswered += 1;
                    return Err(StoreError::corrupt(
                        "the lease that was renewed",
                        format!("the store was asked to renew {lease:?}, but returned {other:?}"),
                    ));
                }
                Err(StoreError::Lost { worker, reason }) => self.lost(worker, reason),
                Err(error) => {
                    self.unanswered += 1;
                    return Err(error);
                }
            }
        }
        if !self.forgotten_remaining().is_zero() {
            self.renew_forgotten();
        }
        let left = self.forgotten_remaining();
        if left.is_zero() { self.replace() } else { Ok(left.min(self.ttl() / 3)) }
    }

    /// Asks the store to renew the lease in `forgotten`, while the generator uses up the window of that lease. If the
    /// space was lost again, the request restores the space. If the store answers `Lost` with the reason
    /// `StoreChanged`, the generator goes on. If the store answers `Lost` with another reason, closes the generator
    /// now. `Initialised` is such a reason: an operator has vouched that no lease was in use.
    fn renew_forgotten(&mut self) {
        let Some((_, lease)) = self.forgotten else { return };
        let answer = self.source.store.renew(&self.renewal(&lease));
        if let Err(StoreError::Lost { worker, reason }) = answer
            && reason != LostReason::StoreChanged
        {
            self.lost(worker, reason);
        }
    }

    /// Returns how long the generator may still use the window of the lease in `forgotten`, or 0 if `forgotten` is
    /// `None`. The generator may use up this window, because no other process can have the same worker during this
    /// window. But the generator must stop within a TTL after the keeper learned that the store has forgotten the
    /// lease. Without this limit, a generator whose clock is behind the true time would use the window for too long.
    fn forgotten_remaining(&self) -> Duration {
        let passed = self.forgotten.map_or(Duration::MAX, |(since, _)| since.elapsed());
        self.shared.remaining().min(self.ttl().saturating_sub(passed))
    }

    /// Closes the current generator, acquires a new lease, and lets the new lease's generator issue IDs. Returns how
    /// long to wait before the next call to the store.
    fn replace(&mut self) -> Result<Duration, StoreError> {
        self.close();
        let (lease, generator) = self.source.acquire(self.last_tick)?;
        self.unanswered = 0;
        self.lease = Some(lease);
        if self.shared.begin(lease, generator).is_err() {
            // The generator was ended meanwhile, so no ID was issued with this lease.
            self.source.store.release(&lease, None)?;
            self.lease = None;
            return Ok(Duration::ZERO);
        }
        self.shared.signal.tell();
        self.events.acquired(&lease, self.shared.remaining(), Instant::now());
        Ok(self.until_renewal())
    }

    /// Returns how long to wait until the next renewal: a third of the rest of the window, but at least a twelfth of
    /// the TTL and at most a third of the TTL. If the last renewal was slow, the rest of the window is shorter than the
    /// TTL.
    fn until_renewal(&self) -> Duration {
        (self.shared.remaining().min(self.ttl()) / 3).max(self.ttl() / 12)
    }

    fn close(&mut self) {
        self.last_tick = self.last_tick.max(self.shared.switch.current().close());
    }

    /// Returns the request to renew `lease`.
    fn renewal(&self, lease: &Lease) -> Renewal {
        Renewal { unanswered: self.unanswered, ..Renewal::new(&S::LAYOUT, *lease, self.ttl()) }
    }

    fn ttl(&self) -> Duration {
        self.source.plan.ttl
    }

    /// Moves the fence to the new end of the window, passes `apart` on to `Source::hear`, and records the renewal.
    /// Returns how long to wait until the next renewal.
    fn renewed(&mut self, grant: &Grant, apart: u64) -> Duration {
        self.unanswered = 0;
        self.lease = Some(grant.lease);
        // A store that obeys the protocol never returns an end that does not fit the layout. If a store does return
        // such an end, the fence is not moved. The fence is moved before the clock is set, because the clock may move
        // far forward.
        let _ = self.shared.switch.current().extend_fence(grant.lease.until);
        let behind = self.source.ahead_of(grant);
        self.source.hear(grant, apart);
        self.shared.record(|status| status.renewed(grant.lease));
        self.shared.signal.tell();
        self.events.renewed(&grant.lease, self.shared.remaining(), Instant::now());
        if let Some(by) = behind {
            self.shared.record(|status| status.is_behind(by));
        }
        self.until_renewal()
    }

    fn lost(&mut self, worker: u64, reason: LostReason) {
        let lease = self.lease.take();
        self.forgotten = lease.filter(|_| reason == LostReason::StoreChanged).map(|lease| (Instant::now(), lease));
        let error = StoreError::Lost { worker, reason };
        self.shared.record(|status| status.failed(&error, self.pause()));
        self.events.lost(worker, reason);
        if self.forgotten.is_none() {
            self.close();
        }
    }

    /// Stops the generator for good, then releases the worker.
    fn release(mut self) -> Result<(), StoreError> {
        let last = self.shared.switch.end();
        self.shared.signal.tell();
        let Some(lease) = self.lease else { return Ok(()) };
        let released = self.source.store.release(&lease, last);
        match &released {
            Ok(()) => self.events.released(lease.worker),
            Err(error) => self.events.not_released(lease.worker, error),
        }
        released
    }

    fn retry_after(&self, failures: u32) -> Duration {
        (FIRST_RETRY * 2_u32.saturating_pow(failures.min(8))).min(self.pause())
    }

    /// Returns `time`, shortened at random by 0 % to 10 %, so that processes that started at the same time do not send
    /// their requests at the same time.
    fn jittered(&self, time: Duration) -> Duration {
        let tenths = Token::random().map_or(0, |token| token.pick(101));
        time - time * u32::try_from(tenths).unwrap_or(0) / 1000
    }
}

/// Runs `work`. Returns `None` if `work` panicked. The program may bring its own store and its own clock, and these may
/// panic.
fn catching_panics<R>(work: impl FnOnce() -> R) -> Option<R> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Returns whether `renewed` is a renewal of `lease`.
fn is_renewed(lease: &Lease, renewed: &Lease) -> bool {
    (lease.worker, lease.from, lease.token) == (renewed.worker, renewed.from, renewed.token)
}
