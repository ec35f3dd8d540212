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

/// The settings of a keeper, which do not change.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ttl: Duration,
    pub(crate) owner: String,
    pub(crate) wait: Wait,
    pub(crate) max_wait: Duration,
    pub(crate) strict: bool,
    pub(crate) max_lead: u64,
}

/// Acquires leases, and makes a generator for each lease.
pub(crate) struct Source<C, T> {
    pub(crate) plan: Plan,
    pub(crate) store: T,
    pub(crate) watch: Arc<Watch>,
    pub(crate) clock: C,
    /// The same clock as `clock`, if `clock` is a `StoreClock`; otherwise `None`.
    pub(crate) store_clock: Option<StoreClock>,
    /// The token for the next lease. It stays the same until a lease is granted. So if the reply to a grant is lost,
    /// the next request gets the same lease, not a second one.
    pub(crate) token: Option<Token>,
    /// Whether the store may create the ID space if the space does not exist. After the first grant, the store may
    /// create a lost space again.
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

    /// Lets the store create the ID space from now on, but only if the store is known to have no other spaces. If it
    /// has other spaces, the name of this space may be misspelt. Returns whether the store may create the space.
    pub(crate) fn create_unless_others(&mut self) -> bool {
        let has_none = self.store.others().is_ok_and(|others| others.is_empty());
        if has_none {
            self.missing = Missing::Create;
        }
        has_none
    }

    /// Returns the error for the caller of `build`. If the error is that the space does not exist, adds the names of
    /// the spaces that do exist.
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

    /// Sets the `StoreClock` from the answer of the store. `apart` is the value of `Watch::apart_now` before the store
    /// was asked, so that a jump of a clock since then is still noticed.
    fn hear(&mut self, grant: &Grant, apart: u64) {
        match &self.store_clock {
            Some(clock) if self.ahead_of(grant).is_some() => clock.set(grant.unix_ns),
            Some(clock) => clock.follow(grant.unix_ns),
            None => {}
        }
        self.watch.settle(apart);
    }

    /// Returns how far the `StoreClock` is ahead of the store's clock at `grant`, if it is ahead by a TTL or more, so
    /// that a window that ends a TTL after the store's clock is of no use. Otherwise returns `None`.
    fn ahead_of(&self, grant: &Grant) -> Option<Duration> {
        let ahead = self.store_clock.as_ref()?.nanos().checked_sub(grant.unix_ns)?;
        Some(Duration::from_nanos(ahead)).filter(|ahead| *ahead >= self.plan.ttl)
    }
}

pub(crate) struct Keeper<S, C, T> {
    pub(crate) source: Source<C, T>,
    pub(crate) shared: Arc<Shared<S, C>>,
    /// The lease that this keeper holds, as far as the keeper knows.
    pub(crate) lease: Option<Lease>,
    /// The number of renewals that were sent since a renewal was last answered.
    pub(crate) unanswered: u64,
    /// A lease that the store no longer knows, and the moment at which the keeper learned this.
    pub(crate) forgotten: Option<(Instant, Lease)>,
    /// The last tick in which an ID was issued, with any lease.
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

    /// Waits for `time` before the next call of the store. A call of the generator that finds no lease rings the
    /// signal, which ends the wait early. But a ring does not end the wait before the time of `pause` is over, and
    /// after a failure it does not end the wait at all. Otherwise many ringing calls would burden a store that can't
    /// help them.
    fn rest(&self, time: Duration, is_failing: bool) -> Call {
        let time = self.jittered(time).max(FIRST_RETRY);
        let deaf = if is_failing { time } else { time.min(self.pause()) };
        match self.shared.signal.sleep(deaf, true) {
            Call::Stop => Call::Stop,
            Call::Work => self.shared.signal.sleep(time - deaf, false),
        }
    }

    /// Returns the longest time between two attempts after a failure. This is also the shortest time between two
    /// successful renewals.
    fn pause(&self) -> Duration {
        (self.ttl() / 12).clamp(FIRST_RETRY, Duration::from_secs(1))
    }

    /// Calls [`keep`](Self::keep). If it fails, reports the failure and returns `None`. A panic of the store, or of the
    /// `Display` of its error, also counts as a failure. After a panic it is unknown whether the lease was renewed.
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

    /// If the window has ended and the generator was not ended, reports that the window has ended.
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

    /// Renews the lease, or acquires a lease if there is none. Returns how long to wait before the next call of the
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
                        format!("{lease:?} is now {other:?}"),
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

    /// Tries to renew the lease that the store no longer knows, while the generator still uses up the window of that
    /// lease. If the space is lost once more, this call restores the space. If an operator has vouched that no lease is
    /// in use, the lease ends now.
    fn renew_forgotten(&mut self) {
        let Some((_, lease)) = self.forgotten else { return };
        let answer = self.source.store.renew(&self.renewal(&lease));
        if let Err(StoreError::Lost { worker, reason }) = answer
            && reason != LostReason::StoreChanged
        {
            self.lost(worker, reason);
        }
    }

    /// Returns how long the window of the lease in `forgotten` still lasts. The generator may use up this window,
    /// because no other process can have the same window. If the host's clock is behind, the window seems to last
    /// longer than it really does, so the result is at most the rest of the TTL since the keeper learned of the loss.
    fn forgotten_remaining(&self) -> Duration {
        let passed = self.forgotten.map_or(Duration::MAX, |(since, _)| since.elapsed());
        self.shared.remaining().min(self.ttl().saturating_sub(passed))
    }

    /// Acquires a lease to replace the previous lease, and lets its generator issue IDs.
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

    /// Returns how long to wait until the next renewal: a third of the TTL, or, if the last renewal was slow, a third
    /// of the rest of the window.
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

    /// Moves the fence to the new end of the window. Returns how long to wait until the next renewal.
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

    /// Returns `time` minus a random part of up to a tenth, so that processes that started at the same time do not send
    /// their requests at the same time.
    fn jittered(&self, time: Duration) -> Duration {
        let tenths = Token::random().map_or(0, |token| token.pick(101));
        time - time * u32::try_from(tenths).unwrap_or(0) / 1000
    }
}

/// Runs `work`. Returns `None` if it panicked: the store, the clock and the callback are code of the program, and may
/// panic.
fn catching_panics<R>(work: impl FnOnce() -> R) -> Option<R> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Returns whether `renewed` is a renewal of `lease`.
fn is_renewed(lease: &Lease, renewed: &Lease) -> bool {
    (lease.worker, lease.from, lease.token) == (renewed.worker, renewed.from, renewed.token)
}
