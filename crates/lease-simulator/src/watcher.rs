//! `Watcher`: the verdict on a keeper: its requests, their answers, and the effects of its steps.

use std::sync::Arc;
use std::time::Duration;

use casflake::Scheme;
use casflake_lease::_simulation::{Effect, Shared};
use casflake_lease::{Grant, LostReason, StoreError, Terms, Token};

use crate::host::{Ids, SimClock};
use crate::process::{Proc, Waits};
use crate::request::{Answer, Request};
use crate::scenario::MS;
use crate::story::{shown, shown_lease, shown_request};
use crate::violation::Kind;
use crate::world::World;

/// L20: the shortest time between an answer and the next request.
const FIRST_RETRY_NS: u64 = 20 * MS;

#[derive(Default)]
pub(crate) struct Watcher {
    /// Whether the last request was a renewal.
    pub(crate) is_renewal: bool,
    /// How long `build` pauses.
    pub(crate) pause: Duration,
    request: Option<Request>,
    /// The true time of the last answer.
    answered: Option<u64>,
    /// Whether the last answer was that the lease is lost. The next request may follow without a rest.
    is_lost: bool,
    /// The token of a request for a lease that was not granted yet.
    token: Option<Token>,
    /// How far the clocks of the host were apart when the request was sent.
    apart: i64,
    /// The end of the window that was renewed by the last answer.
    renewed: Option<u64>,
    /// Whether the last loss takes the window away immediately, so that no ID may follow the close.
    is_revoked: bool,
}

impl Watcher {
    /// Judges a request that is about to be sent.
    pub(crate) fn sends(&mut self, world: &World, process: &Proc, request: &Request, is_kept: bool) {
        let name = &process.plan.owner;
        world.tell(|| format!("{name} {}", shown_request(request)));
        self.apart = process.apart(world);
        if is_kept && !matches!(request, Request::Release(..)) {
            let passed = self.answered.map_or(u64::MAX, |answered| world.now.get().saturating_sub(answered));
            if passed < FIRST_RETRY_NS && !self.is_lost {
                world.broken(Kind::TooSoon, || format!("{name} asks again after {passed} ns"));
            }
        }
        self.is_lost = false;
        if let Request::Acquire(request) = request {
            if self.token.is_some_and(|token| token != request.token) {
                world.broken(Kind::TokenChanged, || {
                    format!("{name} asks with {:?}, not {:?}", request.token, self.token)
                });
            }
            self.token = Some(request.token);
            world.ledger.borrow_mut().tokens.insert(request.token);
        }
    }

    /// Notes the request that was carried out.
    pub(crate) fn sent(&mut self, request: Request) {
        self.is_renewal = matches!(request, Request::Renew(_));
        self.request = Some(request);
    }

    /// Judges the answer, and notes what the process knows from now on.
    pub(crate) fn answered(&mut self, world: &World, process: &Proc, answer: &Answer) {
        let name = &process.plan.owner;
        self.answered = Some(world.now.get());
        world.tell(|| match answer {
            Answer::Granted(Ok(grant)) => format!("{name} hears: {}", shown_lease(&grant.lease)),
            Answer::Granted(Err(error)) | Answer::Released(Err(error)) | Answer::Listed(Err(error)) => {
                format!("{name} hears: {}", shown(error))
            }
            Answer::Released(Ok(())) => format!("{name} hears: released"),
            Answer::Listed(Ok(names)) => format!("{name} hears: other spaces {names:?}"),
        });
        match (answer, &self.request) {
            (Answer::Granted(Ok(grant)), Some(Request::Acquire(_))) => {
                self.token = None;
                process.account.borrow_mut().granted(&grant.lease);
                self.is_trusted(world, process);
                judge_ttl(world, process, grant, false);
            }
            (Answer::Granted(Ok(grant)), Some(Request::Renew(_))) => {
                let max_until = Ids::LAYOUT.max_tick() + 1;
                let is_held = process.account.borrow_mut().renewed(&grant.lease, max_until);
                if is_held {
                    self.is_trusted(world, process);
                    judge_ttl(world, process, grant, true);
                    self.renewed = Some(grant.lease.until()).filter(|until| *until <= max_until);
                }
            }
            (Answer::Granted(Err(StoreError::Lost { reason, .. })), Some(Request::Renew(renewal))) => {
                self.is_lost = true;
                self.is_revoked = *reason != LostReason::StoreChanged;
                judge_loss(world, process, *reason, renewal.lease.until());
            }
            _ => {}
        }
    }

    fn is_trusted(&self, world: &World, process: &Proc) {
        process.note_clocks(world);
        process.account.borrow_mut().apart = self.apart;
        process.note_clocks(world);
    }

    /// Notes an effect that is about to be carried out.
    pub(crate) fn effect(&self, world: &World, process: &Proc, effect: &Effect) {
        let mut account = process.account.borrow_mut();
        match effect {
            Effect::Renewed { .. } => account.renewals += 1,
            Effect::Failed { .. } | Effect::Lost { .. } => account.failures += 1,
            Effect::SetClock { .. } => {
                drop(account);
                process.remember_reading(world);
            }
            _ => {}
        }
    }

    /// Judges a step whose effects were carried out. `before` are the calls that waited before it.
    pub(crate) fn stepped(
        &mut self,
        world: &World,
        process: &Proc,
        shared: &Arc<Shared<Ids, SimClock>>,
        event: &str,
        before: &[Waits],
    ) {
        let name = &process.plan.owner;
        if let Some(until) = self.renewed.take() {
            let fence = shared.switch.current().fence();
            if fence < until {
                world.broken(Kind::Fence, || format!("{name} was granted up to {until}, but its fence is {fence}"));
            }
        }
        if event == "looked" {
            let news = shared.signal.news();
            if before.iter().any(|waits| waits.seen == news) {
                world.broken(Kind::Unwoken, || format!("{name} has a lease, but does not tell its calls"));
            }
        }
        if event == "closed" && self.is_revoked {
            self.is_revoked = false;
            let calls = world.ledger.borrow().calls;
            process.account.borrow_mut().revoke(calls);
        }
    }
}

/// L17: the TTL that the program has chosen has reached the store.
fn judge_ttl(world: &World, process: &Proc, grant: &Grant, is_renewal: bool) {
    let terms = Terms::of(&Ids::LAYOUT);
    let Some(now_tick) = terms.tick_at(grant.unix_ns / MS) else { return };
    let highest = terms.tick_at(world.store.borrow().highest_ns / MS).unwrap_or(now_tick).max(now_tick);
    let until = grant.lease.until();
    let by_ttl = |now_tick| terms.until(now_tick, terms.ticks(process.plan.ttl));
    // A repeated request is granted the lease of the first, and a renewal never lowers the end.
    let is_wrong = if is_renewal { until < by_ttl(now_tick) } else { until > by_ttl(highest) && until <= terms.end };
    if is_wrong {
        let name = &process.plan.owner;
        world.broken(Kind::Setting, || format!("{name} has a window to {until}, not {}", by_ttl(now_tick)));
    }
}

/// Judges a loss. If no data was lost, the only true reason is `Taken`, after the window has passed on the store's clock.
fn judge_loss(world: &World, process: &Proc, reason: LostReason, until: u64) {
    let ledger = world.ledger.borrow();
    if ledger.has_lost || ledger.is_ruined {
        return;
    }
    let is_over = |tick: u64| tick >= until;
    let highest = Terms::of(&Ids::LAYOUT).tick_at(world.store.borrow().highest_ns / MS);
    let is_false = match reason {
        LostReason::Taken => !highest.is_some_and(is_over),
        _ => true,
    };
    if is_false {
        world.broken(Kind::FalseLoss, || format!("{} is told {reason:?}", process.plan.owner));
    }
}
