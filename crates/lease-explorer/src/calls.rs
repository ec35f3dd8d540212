//! The calls of processes: processes acquire, renew and release leases, give up calls, and issue IDs.

use casflake_lease::_protocol::Denied;
use casflake_lease::LostReason;

use crate::model::{Broken, FIRST, Model, Read};
use crate::world::{Asking, Call, Held, Issuer, NO_OWNER, Process, World};

impl Model {
    /// Makes the process with the index `place` read the store, to acquire a lease, and decide what to write. If two
    /// workers are free, the process chooses the first of them if `pick` is 0, and the second if `pick` is 1. Returns
    /// `None` if the process already had a lease, or had already decided.
    pub fn ask(&self, world: &mut World, place: usize, pick: u8) -> Result<Option<()>, Broken> {
        let Some(asking) = begun(world, place).filter(|asking| asking.swap.is_none()) else { return Ok(None) };
        let read = self.read(world, world.processes[place].at, &asking, pick);
        if let Read::Granted(Held { worker, from, until, token, .. }) = read {
            self.set_owner(world, worker, from..until, token)?;
        }
        let is_deceived = world.is_deceived;
        let process = process_of(world, place);
        match read {
            Read::Granted(lease) => begin(process, lease, is_deceived),
            Read::Decided(swap) => process.asking = Some(Asking { swap: Some(swap), ..asking }),
            Read::Denied => process.asking = Some(asking),
        }
        Ok(Some(()))
    }

    /// Makes a process give up its call of `acquire` before the call has read the store. The call goes on as a late
    /// call.
    pub fn ask_late(&self, world: &mut World, place: usize) -> Option<()> {
        let asking = begun(world, place)?;
        if asking.swap.is_some() {
            return None;
        }
        world.processes[place].asking = Some(asking);
        self.go_on_late(world, Call::Acquire(asking))
    }

    /// Writes the decision of a process to the store, if the store has not changed since the process read the store.
    /// `is_heard` says whether the process learns the result.
    pub fn swap(&self, world: &mut World, place: usize, is_heard: bool) -> Result<Option<()>, Broken> {
        let Some(asking) = world.processes[place].asking else { return Ok(None) };
        let Some(swap) = asking.swap else { return Ok(None) };
        world.processes[place].asking = Some(Asking { swap: None, ..asking });
        let is_done = self.land(world, &swap)?;
        if !is_heard && (!is_done || swap.lease.is_none()) {
            return Ok(None);
        }
        if let Some(lease) = swap.lease.filter(|_| is_done && is_heard) {
            let is_deceived = world.is_deceived;
            begin(process_of(world, place), lease, is_deceived);
        }
        Ok(Some(()))
    }

    /// Makes a process give up its call of `acquire` after the process has decided, but before the decision is written.
    /// The call goes on as a late call.
    pub fn give_up(&self, world: &mut World, place: usize) -> Option<()> {
        let asking = world.processes[place].asking.filter(|asking| asking.swap.is_some())?;
        world.processes[place].asking = Some(Asking { swap: None, ..asking });
        self.go_on_late(world, Call::Acquire(asking))
    }

    /// Renews the lease of a process. `is_heard` says whether the process learns the result.
    pub fn process_renews(&self, world: &mut World, place: usize, is_heard: bool) -> Result<Option<()>, Broken> {
        let Process { at, lease: Some(lease), unanswered, .. } = world.processes[place] else { return Ok(None) };
        let answer = self.renew(world, at, lease, unanswered.into())?;
        if is_heard { self.hears(world, place, answer) } else { Ok(goes_unanswered(process_of(world, place))) }
    }

    /// Delivers the result of a renewal to the process that has sent the renewal.
    fn hears(&self, world: &mut World, place: usize, answer: Result<Held, Denied>) -> Result<Option<()>, Broken> {
        let (high, is_deceived) = (world.high, world.is_deceived);
        let process = process_of(world, place);
        process.is_warned |= is_deceived;
        match answer {
            Ok(lease) => {
                process.lease = Some(lease);
                process.unanswered = 0;
                process.is_newer = true;
                if let Some(issuer) = &mut process.issuer {
                    issuer.fence = issuer.fence.max(lease.until);
                }
                process.twin = process.twin.map(|_| true);
                if has_twin(world, place) {
                    return Err(Broken::Twins);
                }
            }
            Err(Denied::Lost(reason)) => {
                let is_early = process.lease.take().is_some_and(|lease| lease.until > high);
                let is_known = match reason {
                    LostReason::Cloned => self.bounds.clones || self.bounds.whole_calls,
                    LostReason::Initialised => is_deceived,
                    _ => false,
                };
                if is_early && self.bounds.losses == 0 && !is_known {
                    return Err(Broken::LostEarly { reason });
                }
                process.unanswered = 0;
                if reason != LostReason::StoreChanged {
                    process.close();
                }
            }
            Err(_) => return Ok(goes_unanswered(process)),
        }
        Ok(Some(()))
    }

    pub fn renew_late(&self, world: &mut World, place: usize) -> Option<()> {
        let Process { lease: Some(lease), unanswered, .. } = world.processes[place] else { return None };
        goes_unanswered(process_of(world, place))?;
        self.go_on_late(world, Call::Renew(lease, unanswered))
    }

    pub fn release_late(&self, world: &mut World, place: usize) -> Option<()> {
        let (held, last) = ended(world, place)?;
        self.go_on_late(world, Call::Release(held, last))
    }

    fn go_on_late(&self, world: &mut World, call: Call) -> Option<()> {
        if world.late.iter().flatten().count() >= self.bounds.late {
            return None;
        }
        *world.late.iter_mut().find(|slot| slot.is_none())? = Some(call);
        Some(())
    }

    /// Makes the next step of the late call with the index `place`. If two workers are free, the call chooses the first
    /// of them if `pick` is 0, and the second if `pick` is 1.
    pub fn late(&self, world: &mut World, place: usize, pick: u8) -> Result<Option<()>, Broken> {
        let Some(call) = world.late[place].take() else { return Ok(None) };
        match call {
            // No process learns the answers of late calls.
            Call::Renew(held, unanswered) if self.bounds.whole_calls => {
                let _ = self.renew(world, FIRST, held, unanswered.into())?;
            }
            Call::Renew(held, _) => {
                let _ = self.renew_once(world, FIRST, &held)?;
            }
            Call::Release(held, last) => self.release(world, FIRST, held, last),
            Call::Acquire(Asking { swap: Some(swap), .. }) if self.land(world, &swap)? && swap.lease.is_some() => {}
            Call::Acquire(asking @ Asking { swap: Some(_), .. }) => {
                world.late[place] = Some(Call::Acquire(Asking { swap: None, ..asking }));
            }
            Call::Acquire(asking) => match self.read(world, FIRST, &asking, pick) {
                Read::Granted(_) | Read::Denied => {}
                Read::Decided(swap) => {
                    world.late[place] = Some(Call::Acquire(Asking { swap: Some(swap), ..asking }));
                }
            },
        }
        Ok(Some(()))
    }
}

pub(crate) fn process_of(world: &mut World, place: usize) -> &mut Process {
    &mut world.processes[place]
}

/// Returns `None` if the process has a lease. Otherwise closes the generator of the process, and returns the call of
/// `acquire` that the process has in progress. If the process has no such call in progress, returns a new call.
fn begun(world: &mut World, place: usize) -> Option<Asking> {
    let token = world.fresh();
    let process = process_of(world, place);
    if process.lease.is_some() {
        return None;
    }
    process.close();
    let (after, home) = (process.last, process.home);
    Some(process.asking.unwrap_or(Asking { token, after, home, swap: None }))
}

/// Lets the process issue IDs under `lease` from now on. `is_deceived` says whether an operator has vouched while
/// leases were in use.
fn begin(process: &mut Process, lease: Held, is_deceived: bool) {
    let Held { at, worker, from, until, token, .. } = lease;
    process.home = Some(at);
    process.is_warned = is_deceived;
    process.asking = None;
    process.unanswered = 0;
    process.lease = Some(lease);
    process.is_newer = true;
    process.twin = None;
    process.issuer = Some(Issuer { worker, token, from, fence: until, last: None });
}

/// Adds 1 to the number of renewals without an answer. Returns `None` if the process has no lease.
pub(crate) fn goes_unanswered(process: &mut Process) -> Option<()> {
    process.lease?;
    process.unanswered += 1;
    Some(())
}

/// Ends a process. Returns the lease that the process releases, and the last tick in which the process issued an ID
/// under this lease, if there was one. Returns `None` if the process has no lease.
pub(crate) fn ended(world: &mut World, place: usize) -> Option<(Held, Option<u8>)> {
    let process = std::mem::take(process_of(world, place));
    Some((process.lease?, process.issuer.and_then(|issuer| issuer.last)))
}

/// Makes a process issue an ID in `tick`, whatever the store's clock reads. Returns `None` if the process has no
/// generator that can issue an ID in this tick.
pub(crate) fn issue(world: &mut World, place: usize, tick: u8) -> Result<Option<()>, Broken> {
    let Process { is_warned, .. } = world.processes[place];
    let Process { issuer: Some(issuer), last, .. } = &mut world.processes[place] else { return Ok(None) };
    if tick < issuer.from || tick >= issuer.fence || issuer.last.is_some_and(|last| tick <= last) {
        return Ok(None);
    }
    issuer.last = Some(tick);
    if let Some(last) = last.filter(|&last| tick <= last) {
        return Err(Broken::Backwards { tick, last });
    }
    let Issuer { worker, token, .. } = *issuer;
    let owner = &mut world.owners[usize::from(worker)][usize::from(tick)];
    if world.is_deceived && is_warned && *owner == NO_OWNER {
        *owner = token;
    }
    let is_unaware = world.is_deceived && !is_warned;
    if *owner == token || is_unaware { Ok(Some(())) } else { Err(Broken::Foreign { worker, tick }) }
}

/// Returns whether two processes have both renewed the same lease since one of them became a copy of the other. One of
/// the two is the process with the index `place`.
fn has_twin(world: &World, place: usize) -> bool {
    let renewed = |process: &Process| process.issuer.filter(|_| process.twin == Some(true)).map(|issuer| issuer.token);
    let ours = renewed(&world.processes[place]);
    ours.is_some() && world.processes.iter().filter(|process| renewed(process) == ours).count() > 1
}
