//! The thread that keeps a lease: renews it, and replaces it where it is lost.

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

/// What a keeper is told once and for all.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ttl: Duration,
    pub(crate) owner: String,
    pub(crate) wait: Wait,
    pub(crate) max_wait: Duration,
    pub(crate) strict: bool,
    pub(crate) max_lead: u64,
}

/// Where leases come from, and generators that issue by them.
pub(crate) struct Source<C, T> {
    pub(crate) plan: Plan,
    pub(crate) store: T,
    pub(crate) watch: Arc<Watch>,
    pub(crate) clock: C,
    /// `clock` again, where that is the store's time.
    pub(crate) store_clock: Option<StoreClock>,
    /// For the next lease. The same until it is granted, so that a grant whose reply was lost is not granted twice.
    pub(crate) token: Option<Token>,
    /// What the store does if the ID space does not exist. Once a lease was granted it may be remade.
    pub(crate) missing: Missing,
}

impl<C: Clock + Clone, T: LeaseStore> Source<C, T> {
    /// A lease whose window begins after the tick `after`, and its generator.
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
                // Of no use to anybody. If this fails it ends by itself.
                let _ = self.store.release(&grant.lease, None);
                Err(error)
            }
        }
    }

    /// Lets the store create the ID space from now on, unless it has others, beside which this one may be misspelt, or
    /// can't tell. Whether it may.
    pub(crate) fn create_unless_others(&mut self) -> bool {
        let has_none = self.store.others().is_ok_and(|others| others.is_empty());
        if has_none {
            self.missing = Missing::Create;
        }
        has_none
    }

    /// The error that is given up on. If the space does not exist, with the names of those that do.
    pub(crate) fn with_others(&mut self, mut error: StoreError) -> StoreError {
        if let StoreError::NoSpace { others, .. } = &mut error {
            // If they can't be listed the error says enough.
            *others = self.store.others().unwrap_or_default();
        }
        error
    }

    fn generator<S: Scheme>(&self, lease: &Lease, after: Option<u64>) -> Result<Generator<S, Watched<C>>, StoreError> {
        let odd = |why: String| StoreError::corrupt("the lease that was granted", why);
        let worker = WorkerId::<S>::from_index(lease.worker).map_err(|error| odd(error.to_string()))?;
        let clock = Watched::new(self.clock.clone(), Arc::clone(&self.watch));
        let Plan { wait, max_wait, strict, max_lead, .. } = self.plan;
        let builder = GeneratorBuilder::new(worker, clock).wait(wait).max_wait(max_wait).strict(strict);
        let builder = builder.max_lead(max_lead);
        // A store that does not keep to what it was asked must not set this process's IDs back.
        let from = after.map_or(0, |last| last.saturating_add(1)).max(lease.from);
        builder.not_before(from).fence(lease.until).build().map_err(|error| odd(error.to_string()))
    }

    /// `apart`: what the watch has measured before the store was asked. What has jumped since is still to be found.
    fn hear(&mut self, grant: &Grant, apart: u64) {
        match &self.store_clock {
            Some(clock) if self.ahead_of(grant).is_some() => clock.set(grant.unix_ns),
            Some(clock) => clock.follow(grant.unix_ns),
            None => {}
        }
        self.watch.settle(apart);
    }

    /// By how much the store's time, as it is carried on here, is ahead of the store's clock, where that keeps the
    /// window that was granted from being of any use.
    fn ahead_of(&self, grant: &Grant) -> Option<Duration> {
        let ahead = self.store_clock.as_ref()?.nanos().checked_sub(grant.unix_ns)?;
        Some(Duration::from_nanos(ahead)).filter(|ahead| *ahead >= self.plan.ttl)
    }
}

pub(crate) struct Keeper<S, C, T> {
    pub(crate) source: Source<C, T>,
    pub(crate) shared: Arc<Shared<S, C>>,
    /// What it holds, as far as it knows.
    pub(crate) lease: Option<Lease>,
    /// How many renewals were sent since one was answered.
    pub(crate) unanswered: u64,
    /// A lease that the store has forgotten, and since when that is known.
    pub(crate) forgotten: Option<(Instant, Lease)>,
    /// The last tick that was issued by any lease.
    pub(crate) last_tick: Option<u64>,
    pub(crate) events: Events,
}

impl<S: Scheme, C: Clock + Clone, T: LeaseStore> Keeper<S, C, T> {
    /// Keeps the lease until it is told to stop, then gives it back.
    pub(crate) fn run(mut self) -> Result<(), StoreError> {
        let mut next = calmly(|| self.until_renewal()).unwrap_or(self.pause());
        let mut failures = 0;
        while self.rest(next, failures > 0) == Call::Work {
            (next, failures) = match self.keep_calmly() {
                Some(next) => (next, 0),
                None => (self.retry_after(failures), failures + 1),
            };
        }
        self.give_back()
    }

    /// Leaves the store alone for `time`, or until somebody has no lease and rings; but for a moment in any case, and
    /// after a failure for all of it: many who ring must not be a burden to a store that can't help them.
    fn rest(&self, time: Duration, is_failing: bool) -> Call {
        let time = self.jittered(time).max(FIRST_RETRY);
        let deaf = if is_failing { time } else { time.min(self.pause()) };
        match self.shared.signal.sleep(deaf, true) {
            Call::Stop => Call::Stop,
            Call::Work => self.shared.signal.sleep(time - deaf, false),
        }
    }

    /// The longest time between two tries after a failure, and the shortest between two renewals that went well.
    fn pause(&self) -> Duration {
        (self.ttl() / 12).clamp(FIRST_RETRY, Duration::from_secs(1))
    }

    /// As [`keep`](Self::keep); `None` where it has failed, of which everybody is told. A store that panics has failed,
    /// in its errors, too, and whether it has renewed the lease is not known.
    fn keep_calmly(&mut self) -> Option<Duration> {
        let kept = calmly(|| {
            self.notice_the_end(self.shared.remaining());
            self.keep().inspect_err(|error| self.failed(error)).ok()
        });
        kept.unwrap_or_else(|| {
            self.unanswered += 1;
            self.failed(&StoreError::unavailable("asking the store of leases", "it has panicked"));
            None
        })
    }

    /// Takes note that the store has failed.
    fn failed(&mut self, error: &StoreError) {
        self.shared.book(|status| status.failed(error, self.pause()));
        // What has panicked may have been the clock.
        let remaining = calmly(|| self.shared.remaining()).unwrap_or_default();
        if !self.shared.switch.has_ended() {
            self.events.failed(self.worker(), remaining, error, Instant::now());
        }
        self.notice_the_end(remaining);
    }

    /// Reports that nothing is left of the lease, unless the generator was ended.
    fn notice_the_end(&mut self, remaining: Duration) {
        if remaining.is_zero() && !self.shared.switch.has_ended() {
            self.events.ended(self.worker());
        }
    }

    /// The index of the worker that issues, or has issued last.
    fn worker(&self) -> u64 {
        self.shared.switch.current().worker().index()
    }

    /// Renews the lease, or acquires one. How long to leave it at that.
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
        if !self.left_of_the_forgotten().is_zero() {
            self.look_after_the_forgotten();
        }
        let left = self.left_of_the_forgotten();
        if left.is_zero() { self.replace() } else { Ok(left.min(self.ttl() / 3)) }
    }

    /// Asks for the lease that the store has forgotten, and whose window is being used up: if the space is lost once more
    /// it is restored by this, and if an operator has vouched that no lease is in use, this one ends now.
    fn look_after_the_forgotten(&mut self) {
        let Some((_, lease)) = self.forgotten else { return };
        let answer = self.source.store.renew(&self.renewal(&lease));
        if let Err(StoreError::Lost { worker, reason }) = answer
            && reason != LostReason::StoreChanged
        {
            self.lost(worker, reason);
        }
    }

    /// How long the window lasts of a lease that the store has forgotten: it is nobody else's. A host's clock that is
    /// behind may think that it lasts for long; no window of now lasts longer than the time to live.
    fn left_of_the_forgotten(&self) -> Duration {
        let passed = self.forgotten.map_or(Duration::MAX, |(since, _)| since.elapsed());
        self.shared.remaining().min(self.ttl().saturating_sub(passed))
    }

    /// Acquires a lease in place of the one before, and issues by it.
    fn replace(&mut self) -> Result<Duration, StoreError> {
        self.close();
        let (lease, generator) = self.source.acquire(self.last_tick)?;
        self.unanswered = 0;
        self.lease = Some(lease);
        if self.shared.begin(lease, generator).is_err() {
            // Ended meanwhile: nothing was issued by it.
            self.source.store.release(&lease, None)?;
            self.lease = None;
            return Ok(Duration::ZERO);
        }
        self.shared.signal.tell();
        self.events.acquired(&lease, self.shared.remaining(), Instant::now());
        Ok(self.until_renewal())
    }

    /// A third of the time to live, or of what is left of it where the renewal was slow.
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

    /// Moves the fence. How long until the next renewal.
    fn renewed(&mut self, grant: &Grant, apart: u64) -> Duration {
        self.unanswered = 0;
        self.lease = Some(grant.lease);
        // A fence that does not fit the layout was granted by no store that keeps to the rules, and is not used. It is
        // moved before the clock is, which may go far forward.
        let _ = self.shared.switch.current().extend_fence(grant.lease.until);
        let behind = self.source.ahead_of(grant);
        self.source.hear(grant, apart);
        self.shared.book(|status| status.renewed(grant.lease));
        self.shared.signal.tell();
        self.events.renewed(&grant.lease, self.shared.remaining(), Instant::now());
        if let Some(by) = behind {
            self.shared.book(|status| status.is_behind(by));
        }
        self.until_renewal()
    }

    fn lost(&mut self, worker: u64, reason: LostReason) {
        let lease = self.lease.take();
        self.forgotten = lease.filter(|_| reason == LostReason::StoreChanged).map(|lease| (Instant::now(), lease));
        let error = StoreError::Lost { worker, reason };
        self.shared.book(|status| status.failed(&error, self.pause()));
        self.events.lost(worker, reason);
        if self.forgotten.is_none() {
            self.close();
        }
    }

    /// Lets no ID be issued any more, then gives the worker back.
    fn give_back(mut self) -> Result<(), StoreError> {
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

    /// `time` less up to a tenth of it, so that many processes that began at once do not ask at once for ever.
    fn jittered(&self, time: Duration) -> Duration {
        let tenths = Token::random().map_or(0, |token| token.pick(101));
        time - time * u32::try_from(tenths).unwrap_or(0) / 1000
    }
}

/// Does what may panic: a store, a clock and a callback are the program's. `None` if it has.
fn calmly<R>(work: impl FnOnce() -> R) -> Option<R> {
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Whether `renewed` is `lease` and no other.
fn is_renewed(lease: &Lease, renewed: &Lease) -> bool {
    (lease.worker, lease.from, lease.token) == (renewed.worker, renewed.from, renewed.token)
}
