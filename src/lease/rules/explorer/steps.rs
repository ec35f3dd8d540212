//! What can happen next.

use std::vec::Vec;

use super::canon::Places;
use super::model::{Broken, Model, Read};
use super::world::{Asking, Call, Data, Held, Issuer, LATE, PROCESSES, Process, WORKERS, World};
use crate::lease::error::LostReason;
use crate::lease::rules::Denied;

/// One step. Processes and late calls are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// The store's clock goes on by a tick.
    Forward,
    /// The store's clock is set back by a tick.
    Back,
    /// A process that has no lease closes its generator and reads the store, to acquire one; `pick` is what its token
    /// picks where two workers are free.
    Ask {
        process: usize,
        pick: u8,
    },
    /// The same, but the call goes on later, when the process has given it up.
    AskLate {
        process: usize,
    },
    /// What was decided is written, if nothing has changed, and the process is told.
    Swap {
        process: usize,
    },
    /// The same, but the reply is lost.
    SwapUnheard {
        process: usize,
    },
    /// The process gives up its call, which goes on.
    GiveUp {
        process: usize,
    },
    Renew {
        process: usize,
    },
    /// The lease is renewed, and the reply is lost.
    RenewUnheard {
        process: usize,
    },
    /// The request is lost.
    RenewLost {
        process: usize,
    },
    /// The process gives up its call, which comes to the store later.
    RenewLate {
        process: usize,
    },
    /// The process closes its generator, gives its lease back and ends.
    Release {
        process: usize,
    },
    /// The same, but the request comes to the store later.
    ReleaseLate {
        process: usize,
    },
    /// The process is killed.
    Crash {
        process: usize,
    },
    /// The process issues an ID in this tick, which is what its own clock reads.
    Issue {
        process: usize,
        tick: u8,
    },
    /// A late call goes on by a step; `pick` as in `Ask`.
    Late {
        call: usize,
        pick: u8,
    },
    /// The store loses one worker's record.
    LoseRecord {
        worker: u8,
    },
    /// The store loses everything.
    LoseAll,
    /// Another server takes over, which knows all that this one did.
    Failover,
    Backup,
    /// The backup is put in place of the store, and another server takes over.
    Restore,
    /// The backup is put in place of the store, and the next that talks to it is a process that knows more: it was told
    /// after the backup that it holds a lease with a counter that the backup does not have.
    RestoreNoticed {
        process: usize,
    },
    /// A process becomes a copy of another.
    Clone {
        process: usize,
        copy: usize,
    },
}

/// What comes of an event.
#[expect(clippy::large_enum_variant, reason = "it is moved on at once, a million times a second")]
pub(super) enum Outcome {
    /// It can't happen here, or is not in the model.
    Never,
    To(World),
    Breaks(Broken),
}

impl Event {
    /// All that there are in a model of this size.
    pub(super) fn all(model: &Model) -> Vec<Self> {
        let bounds = &model.bounds;
        let picks = if bounds.workers > 1 { 0..2 } else { 0..1 };
        let mut all = [Self::Forward].to_vec();
        all.extend(bounds.backwards.then_some(Self::Back));
        for process in 0..bounds.processes {
            all.extend(picks.clone().map(|pick| Self::Ask { process, pick }));
            all.extend([Self::Swap { process }, Self::Renew { process }]);
            all.extend(bounds.crashes.then_some(Self::Crash { process }));
            all.extend((0..bounds.clock + bounds.max_ttl).map(|tick| Self::Issue { process, tick }));
            if bounds.lossy {
                all.extend([
                    Self::SwapUnheard { process },
                    Self::RenewUnheard { process },
                    Self::RenewLost { process },
                ]);
            }
            if bounds.releases {
                all.push(Self::Release { process });
            }
            if bounds.late > 0 {
                all.extend([Self::AskLate { process }, Self::GiveUp { process }, Self::RenewLate { process }]);
                all.extend(bounds.releases.then_some(Self::ReleaseLate { process }));
            }
            all.extend(bounds.known.then_some(Self::RestoreNoticed { process }));
            let copies = (0..bounds.processes).filter(|copy| bounds.clones && *copy != process);
            all.extend(copies.map(|copy| Self::Clone { process, copy }));
        }
        for call in 0..bounds.late {
            // Those in use are the last, in a state's own form.
            all.extend(picks.clone().map(|pick| Self::Late { call: LATE - 1 - call, pick }));
        }
        all.extend((0..bounds.workers).filter(|_| bounds.record).map(|worker| Self::LoseRecord { worker }));
        all.extend(bounds.all.then_some(Self::LoseAll));
        all.extend(bounds.failover.then_some(Self::Failover));
        all.extend((bounds.restored || bounds.known).then_some(Self::Backup));
        all.extend(bounds.restored.then_some(Self::Restore));
        all
    }

    /// This event of a state in its own form, as an event of that state as it was before.
    pub(super) fn at(mut self, places: &Places) -> Self {
        match &mut self {
            Self::Ask { process, .. }
            | Self::AskLate { process }
            | Self::Swap { process }
            | Self::SwapUnheard { process }
            | Self::GiveUp { process }
            | Self::Renew { process }
            | Self::RenewUnheard { process }
            | Self::RenewLost { process }
            | Self::RenewLate { process }
            | Self::Release { process }
            | Self::ReleaseLate { process }
            | Self::Crash { process }
            | Self::Issue { process, .. }
            | Self::RestoreNoticed { process } => *process = places.processes[*process],
            Self::Late { call, .. } => *call = places.late[*call],
            Self::Clone { process, copy } => {
                (*process, *copy) = (places.processes[*process], places.processes[*copy]);
            }
            Self::Forward | Self::Back | Self::LoseRecord { .. } | Self::LoseAll => {}
            Self::Failover | Self::Backup | Self::Restore => {}
        }
        self
    }
}

impl Model {
    /// What comes of `event`, if that lies within the bounds.
    pub(super) fn step(&self, world: &World, event: Event) -> Outcome {
        match self.step_unbounded(world, event) {
            Outcome::To(next) if !self.is_within(&next) => Outcome::Never,
            outcome => outcome,
        }
    }

    fn is_within(&self, world: &World) -> bool {
        let is_counted = world.store.data.rows.iter().flatten().all(|row| row.counter <= self.bounds.counter);
        let is_answered = world.processes.iter().all(|process| process.unanswered <= self.bounds.unanswered);
        is_counted && is_answered && world.losses <= self.bounds.losses
    }

    pub(super) fn step_unbounded(&self, world: &World, event: Event) -> Outcome {
        let mut next = *world;
        match self.happens(&mut next, event) {
            Err(broken) => Outcome::Breaks(broken),
            // What changes nothing need not be looked up.
            Ok(Some(())) if next != *world => Outcome::To(next),
            Ok(_) => Outcome::Never,
        }
    }

    /// Whether the event can happen at all, as `Some`.
    fn happens(&self, world: &mut World, event: Event) -> Result<Option<()>, Broken> {
        match event {
            Event::Forward => Ok(forward(world, self.bounds.clock)),
            Event::Back => Ok(back(world, self.bounds.earliest(world.store.high))),
            Event::Ask { process, pick } => self.ask(world, process, pick),
            Event::AskLate { process } => Ok(self.ask_late(world, process)),
            Event::Swap { process } => self.swap(world, process, true),
            Event::SwapUnheard { process } => self.swap(world, process, false),
            Event::GiveUp { process } => Ok(self.give_up(world, process)),
            Event::Renew { process } => self.process_renews(world, process, true),
            Event::RenewUnheard { process } => self.process_renews(world, process, false),
            Event::RenewLost { process } => Ok(goes_unanswered(&mut world.processes[process])),
            Event::RenewLate { process } => Ok(self.renew_late(world, process)),
            Event::Release { process } => Ok(ended(world, process).map(|(held, last)| self.release(world, held, last))),
            Event::ReleaseLate { process } => Ok(self.release_late(world, process)),
            Event::Crash { process } => {
                world.processes[process] = Process::default();
                Ok(Some(()))
            }
            Event::Issue { process, tick } => issue(world, process, tick),
            Event::Late { call, pick } => self.late(world, call, pick),
            Event::LoseRecord { worker } => {
                Ok(lose(world, |world| world.store.data.rows[usize::from(worker)].take().map(drop)))
            }
            Event::LoseAll => Ok(lose(world, |world| {
                world.store.data = Data::default();
                Some(())
            })),
            Event::Failover => Ok(lose(world, |world| {
                world.store.server = world.fresh_server();
                Some(())
            })),
            Event::Backup => Ok(self.back_up(world)),
            Event::Restore => Ok(lose(world, |world| {
                world.store.data = world.store.backup.take()?;
                world.store.server = world.fresh_server();
                Some(())
            })),
            Event::RestoreNoticed { process } => self.restore_noticed(world, process),
            Event::Clone { process, copy } => Ok(clone(world, process, copy)),
        }
    }

    fn ask(&self, world: &mut World, place: usize, pick: u8) -> Result<Option<()>, Broken> {
        let Some(asking) = begun(world, place).filter(|asking| asking.swap.is_none()) else { return Ok(None) };
        let read = self.read(world, &asking, pick);
        if let Read::Granted(Held { worker, from, until, token, .. }) = read {
            self.book(world, worker, from..until, token)?;
        }
        let process = process_of(world, place);
        match read {
            Read::Granted(lease) => begin(process, lease),
            Read::Decided(swap) => process.asking = Some(Asking { swap: Some(swap), ..asking }),
            Read::Denied => process.asking = Some(asking),
        }
        Ok(Some(()))
    }

    fn ask_late(&self, world: &mut World, place: usize) -> Option<()> {
        let asking = begun(world, place)?;
        if asking.swap.is_some() {
            return None;
        }
        world.processes[place].asking = Some(asking);
        self.go_on_late(world, Call::Acquire(asking))
    }

    fn swap(&self, world: &mut World, place: usize, is_heard: bool) -> Result<Option<()>, Broken> {
        let Some(asking) = world.processes[place].asking else { return Ok(None) };
        let Some(swap) = asking.swap else { return Ok(None) };
        world.processes[place].asking = Some(Asking { swap: None, ..asking });
        let is_done = self.land(world, &swap)?;
        if !is_heard && (!is_done || swap.lease.is_none()) {
            return Ok(None);
        }
        if let Some(lease) = swap.lease.filter(|_| is_done && is_heard) {
            begin(process_of(world, place), lease);
        }
        Ok(Some(()))
    }

    fn give_up(&self, world: &mut World, place: usize) -> Option<()> {
        let asking = world.processes[place].asking.filter(|asking| asking.swap.is_some())?;
        world.processes[place].asking = Some(Asking { swap: None, ..asking });
        self.go_on_late(world, Call::Acquire(asking))
    }

    fn process_renews(&self, world: &mut World, place: usize, is_heard: bool) -> Result<Option<()>, Broken> {
        let Process { lease: Some(lease), unanswered, .. } = world.processes[place] else { return Ok(None) };
        let answer = self.renew(world, lease, unanswered.into())?;
        if is_heard { self.told(world, place, answer) } else { Ok(goes_unanswered(process_of(world, place))) }
    }

    /// The process hears what has become of its renewal.
    fn told(&self, world: &mut World, place: usize, answer: Result<Held, Denied>) -> Result<Option<()>, Broken> {
        let high = world.store.high;
        let process = process_of(world, place);
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
                let is_known = reason == LostReason::Cloned && (self.bounds.clones || self.bounds.whole_calls);
                if is_early && self.bounds.losses == 0 && !is_known {
                    return Err(Broken::Robbed { reason });
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

    fn renew_late(&self, world: &mut World, place: usize) -> Option<()> {
        let Process { lease: Some(lease), unanswered, .. } = world.processes[place] else { return None };
        goes_unanswered(process_of(world, place))?;
        self.go_on_late(world, Call::Renew(lease, unanswered))
    }

    fn release_late(&self, world: &mut World, place: usize) -> Option<()> {
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

    fn late(&self, world: &mut World, place: usize, pick: u8) -> Result<Option<()>, Broken> {
        let Some(call) = world.late[place].take() else { return Ok(None) };
        match call {
            // Nobody hears the answers.
            Call::Renew(held, unanswered) if self.bounds.whole_calls => {
                let _ = self.renew(world, held, unanswered.into())?;
            }
            Call::Renew(held, _) => {
                let _ = self.renew_once(world, &held)?;
            }
            Call::Release(held, last) => self.release(world, held, last),
            Call::Acquire(Asking { swap: Some(swap), .. }) if self.land(world, &swap)? && swap.lease.is_some() => {}
            Call::Acquire(asking @ Asking { swap: Some(_), .. }) => {
                world.late[place] = Some(Call::Acquire(Asking { swap: None, ..asking }));
            }
            Call::Acquire(asking) => match self.read(world, &asking, pick) {
                Read::Granted(_) | Read::Denied => {}
                Read::Decided(swap) => {
                    world.late[place] = Some(Call::Acquire(Asking { swap: Some(swap), ..asking }));
                }
            },
        }
        Ok(Some(()))
    }

    fn back_up(&self, world: &mut World) -> Option<()> {
        let is_pointless = world.losses >= self.bounds.losses || world.store.backup.is_some();
        world.store.backup = Some(world.store.data);
        world.processes.iter_mut().for_each(|process| process.is_newer = false);
        (!is_pointless).then_some(())
    }

    fn restore_noticed(&self, world: &mut World, place: usize) -> Result<Option<()>, Broken> {
        let Process { lease: Some(lease), is_newer: true, .. } = world.processes[place] else { return Ok(None) };
        let restored = lose(world, |world| {
            world.store.data = world.store.backup.take()?;
            let row = world.store.data.rows[usize::from(lease.worker)];
            row.is_none_or(|row| row.counter < lease.counter).then_some(())
        });
        if restored.is_none() {
            return Ok(None);
        }
        self.process_renews(world, place, true)
    }
}

fn process_of(world: &mut World, place: usize) -> &mut Process {
    &mut world.processes[place]
}

fn lose(world: &mut World, what: impl FnOnce(&mut World) -> Option<()>) -> Option<()> {
    world.losses += 1;
    what(world)
}

fn forward(world: &mut World, latest: u8) -> Option<()> {
    world.store.now += 1;
    world.store.high = world.store.high.max(world.store.now);
    (world.store.now <= latest).then_some(())
}

fn back(world: &mut World, earliest: u8) -> Option<()> {
    world.store.now = world.store.now.checked_sub(1)?;
    (world.store.now >= earliest).then_some(())
}

/// The call of a process that has no lease: the one before, or a new one, before which its generator is closed.
fn begun(world: &mut World, place: usize) -> Option<Asking> {
    let token = world.fresh();
    let process = process_of(world, place);
    if process.lease.is_some() {
        return None;
    }
    process.close();
    Some(process.asking.unwrap_or(Asking { token, after: process.last, swap: None }))
}

/// The process issues by `lease` from now on.
fn begin(process: &mut Process, lease: Held) {
    let Held { worker, from, until, token, .. } = lease;
    process.asking = None;
    process.unanswered = 0;
    process.lease = Some(lease);
    process.is_newer = true;
    process.twin = None;
    process.issuer = Some(Issuer { worker, token, from, fence: until, last: None });
}

fn goes_unanswered(process: &mut Process) -> Option<()> {
    process.lease?;
    process.unanswered += 1;
    Some(())
}

/// What a process gives back that ends.
fn ended(world: &mut World, place: usize) -> Option<(Held, Option<u8>)> {
    let process = core::mem::take(process_of(world, place));
    Some((process.lease?, process.issuer.and_then(|issuer| issuer.last)))
}

fn issue(world: &mut World, place: usize, tick: u8) -> Result<Option<()>, Broken> {
    let Process { issuer: Some(issuer), last, .. } = &mut world.processes[place] else { return Ok(None) };
    if tick < issuer.from || tick >= issuer.fence || issuer.last.is_some_and(|last| tick <= last) {
        return Ok(None);
    }
    issuer.last = Some(tick);
    if let Some(last) = last.filter(|&last| tick <= last) {
        return Err(Broken::Backwards { tick, last });
    }
    let Issuer { worker, token, .. } = *issuer;
    let owner = world.owners[usize::from(worker)][usize::from(tick)];
    if owner == token { Ok(Some(())) } else { Err(Broken::Foreign { worker, tick }) }
}

/// Whether a clone of this process has renewed the same lease, as it has.
fn has_twin(world: &World, place: usize) -> bool {
    let renewed = |process: &Process| process.issuer.filter(|_| process.twin == Some(true)).map(|issuer| issuer.token);
    let ours = renewed(&world.processes[place]);
    ours.is_some() && world.processes.iter().filter(|process| renewed(process) == ours).count() > 1
}

fn clone(world: &mut World, place: usize, copy: usize) -> Option<()> {
    let original = process_of(world, place);
    original.lease?;
    if original.twin.is_some() {
        return None;
    }
    original.twin = Some(false);
    let original = *original;
    if world.processes[copy] != Process::default() {
        return None;
    }
    world.processes[copy] = original;
    Some(())
}

const _: () = assert!(PROCESSES >= 2 && WORKERS >= 1);
