//! A call of the store: the shipped `BackendStore` on the simulated backend, with a fault at times.

use std::panic::{AssertUnwindSafe, catch_unwind};

use casflake_lease::{AcquireRequest, Grant, Lease, LeaseStore, LostReason, Renewal, StoreError};

use crate::control::Control;
use crate::process::Proc;
use crate::scenario::{MS, SECOND};
use crate::store::{Fate, Mute, unavailable};
use crate::world::World;

/// A request to the store.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Acquire(AcquireRequest),
    Renew(Renewal),
    Release(Lease, Option<u64>),
    Others,
}

/// The answer of the store.
#[derive(Debug)]
pub(crate) enum Answer {
    Granted(Result<Grant, StoreError>),
    Released(Result<(), StoreError>),
    Listed(Result<Vec<String>, StoreError>),
}

/// Calls the store, as `asked` does: a panic is an error. Returns the answer, and the time until it is back.
pub(crate) fn carry_out(world: &World, process: &Proc, request: &Request) -> (Answer, u64) {
    let network = world.scenario.borrow().network;
    let mut fate = Fate::Fine;
    if world.random.chance(network) {
        fate = world.random.pick(&[
            Fate::Unreachable,
            Fate::RequestLost,
            Fate::ReplyLost,
            Fate::ReplyLost,
            Fate::Late,
            Fate::Doubled,
            Fate::Panics,
            Fate::PanicsAfterWrite,
        ]);
    }
    if world.store.borrow().frozen_until > world.now.get() {
        fate = if world.random.chance(5000) { Fate::Unreachable } else { Fate::Late };
    }
    if fate != Fate::Fine && fate != Fate::Doubled {
        let token = match request {
            Request::Acquire(request) => Some(request.token),
            Request::Renew(renewal) => Some(renewal.lease.token()),
            Request::Release(lease, _) => Some(lease.token()),
            Request::Others => None,
        };
        // A late or lost request may leave its lease taken, until it expires.
        world.ledger.borrow_mut().excused.extend(token);
    }
    let mut store = process.store.borrow_mut();
    store.backend().fate.set(fate);
    let answer = match request {
        Request::Acquire(request) => {
            let mut request = request.clone();
            let is_planted = world.scenario.borrow().control == Some(Control::FromTheWindow);
            if request.after.is_some() && (is_planted || breaks_contract(world)) {
                world.count_and_tell("the store ignores the caller's last tick");
                request.after = None;
            }
            Answer::Granted(asked(|| store.acquire(&request)).and_then(|grant| twisted_grant(world, grant)))
        }
        Request::Renew(renewal) => {
            Answer::Granted(asked(|| store.renew(renewal)).and_then(|grant| twisted_renewal(world, grant)))
        }
        Request::Release(lease, last_tick) => Answer::Released(asked(|| store.release(lease, *last_tick))),
        Request::Others => Answer::Listed(asked(|| store.others())),
    };
    let is_unanswered = fate != Fate::Fine && fate != Fate::Doubled;
    let delay = if is_unanswered && world.random.chance(6000) {
        world.random.between(10 * MS, 2 * SECOND)
    } else if world.random.chance(network / 4) {
        world.count_and_tell("a reply is slow");
        world.random.below(u64::try_from(process.plan.ttl.as_nanos()).unwrap_or(0) * 3)
    } else {
        world.random.between(MS / 20, 2 * MS)
    };
    (answer, delay)
}

fn asked<R>(ask: impl FnOnce() -> Result<R, StoreError>) -> Result<R, StoreError> {
    let panicked = || unavailable("asking the store of leases", "it has panicked");
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| Err(panicked()))
}

fn breaks_contract(world: &World) -> bool {
    let contract = world.scenario.borrow().contract;
    world.random.chance(contract)
}

fn twisted_grant(world: &World, grant: Grant) -> Result<Grant, StoreError> {
    let lease = grant.lease;
    let with = |worker, until| {
        Grant::new(Lease::new(worker, lease.from(), until, lease.counter(), lease.token()), grant.unix_ns)
    };
    if !breaks_contract(world) && !breaks_contract(world) {
        return Ok(grant);
    }
    world.ledger.borrow_mut().excused.insert(lease.token());
    match world.random.below(3) {
        0 => {
            world.count_and_tell("the store returns a wild worker");
            Ok(with(u64::MAX >> world.random.below(50), lease.until()))
        }
        1 => {
            world.count_and_tell("the store returns a wild end");
            Ok(with(lease.worker(), u64::MAX))
        }
        _ => mute(world),
    }
}

fn twisted_renewal(world: &World, grant: Grant) -> Result<Grant, StoreError> {
    let lease = grant.lease;
    if !breaks_contract(world) {
        return Ok(grant);
    }
    world.ledger.borrow_mut().excused.insert(lease.token());
    match world.random.below(12) {
        10.. => {
            world.count_and_tell("the store denies a lease that it has granted");
            world.ledger.borrow_mut().has_lost = true;
            Err(StoreError::Lost { worker: lease.worker(), reason: LostReason::Taken })
        }
        0..5 => {
            world.count_and_tell("the store returns another lease");
            let other =
                Lease::new(lease.worker() ^ 1, lease.from(), lease.until() + 500, lease.counter(), lease.token());
            Ok(Grant::new(other, grant.unix_ns))
        }
        5 => {
            world.count_and_tell("the store returns a wild end");
            world.ledger.borrow_mut().is_ruined = true;
            let wild = Lease::new(lease.worker(), lease.from(), u64::MAX, lease.counter(), lease.token());
            Ok(Grant::new(wild, grant.unix_ns))
        }
        _ => mute(world),
    }
}

fn mute<T>(world: &World) -> Result<T, StoreError> {
    world.count_and_tell("an error of the store can't be displayed");
    Err(unavailable("answering", Mute))
}
