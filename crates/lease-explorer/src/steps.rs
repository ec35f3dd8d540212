//! The events that can happen next.

use casflake_lease::_protocol::Denied;
use casflake_lease::LostReason;

use crate::bounds::Operators;
use crate::canon::Places;
use crate::model::{Broken, FIRST, Model, Read};
use crate::world::{Asking, Call, Data, Held, Issuer, LATE, NOBODY, PROCESSES, Process, WORKERS, World};

/// One step. Processes and late calls are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The store's clock moves on by a tick.
    Forward,
    /// The store's clock moves back by a tick.
    Back,
    /// A process that has no lease closes its generator and reads the store, to acquire one. `pick` is the choice of
    /// its token if two workers are free.
    Ask {
        process: usize,
        pick: u8,
    },
    /// As `Ask`, but the process gives the call up, and the call goes on later.
    AskLate {
        process: usize,
    },
    /// The decision is written if nothing has changed, and the process learns the result.
    Swap {
        process: usize,
    },
    /// As `Swap`, but the reply is lost.
    SwapUnheard {
        process: usize,
    },
    /// The process gives up its call, which goes on later.
    GiveUp {
        process: usize,
    },
    Renew {
        process: usize,
    },
    /// The lease is renewed, but the reply is lost.
    RenewUnheard {
        process: usize,
    },
    /// The request for the renewal is lost.
    RenewLost {
        process: usize,
    },
    /// The process gives up its renewal, which reaches the store later.
    RenewLate {
        process: usize,
    },
    /// The process closes its generator, releases its lease and ends.
    Release {
        process: usize,
    },
    /// As `Release`, but the request reaches the store later.
    ReleaseLate {
        process: usize,
    },
    /// The process is killed.
    Crash {
        process: usize,
    },
    /// The process issues an ID in this tick, which is the reading of its own clock.
    Issue {
        process: usize,
        tick: u8,
    },
    /// A late call goes on by one step. `pick` is as in `Ask`.
    Late {
        call: usize,
        pick: u8,
    },
    /// The store loses the record of one worker.
    LoseRecord {
        worker: u8,
    },
    /// The store loses everything.
    LoseAll,
    /// Another server takes over, which knows everything that this one did.
    Failover,
    Backup,
    /// The store is replaced by the backup, and another server takes over.
    Restore,
    /// The store is replaced by the backup, and the next to talk to it is a process that knows more: it learned after
    /// the backup that it holds a lease, and the counter of that lease is not in the backup.
    RestoreNoticed {
        process: usize,
    },
    /// A process becomes a copy of another.
    Clone {
        process: usize,
        copy: usize,
    },
    /// The store loses the space's own record, but no worker's.
    LoseSpace,
    /// The URL of a process leads to the other store from now on.
    Move {
        process: usize,
    },
    /// An operator looks at the store and decides.
    OperatorBegins,
    /// The operator looks again.
    OperatorLooks,
    /// The operator's decision is written if nothing has changed.
    OperatorWrites,
}

/// The result of an event.
#[expect(clippy::large_enum_variant, reason = "it is moved immediately, a million times per second")]
pub enum Outcome {
    /// It can't happen here, or is not in the model.
    Never,
    To(World),
    Breaks(Broken),
}

impl Event {
    /// Returns all events of a model of this size.
    pub fn all(model: &Model) -> Vec<Self> {
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
            // In a canonical state the places in use are the last ones.
            all.extend(picks.clone().map(|pick| Self::Late { call: LATE - 1 - call, pick }));
        }
        all.extend((0..bounds.workers).filter(|_| bounds.record).map(|worker| Self::LoseRecord { worker }));
        all.extend(bounds.all.then_some(Self::LoseAll));
        all.extend(bounds.failover.then_some(Self::Failover));
        all.extend((bounds.restored || bounds.known).then_some(Self::Backup));
        all.extend(bounds.restored.then_some(Self::Restore));
        all.extend(bounds.own_record.then_some(Self::LoseSpace));
        all.extend((0..bounds.processes).filter(|_| bounds.moves).map(|process| Self::Move { process }));
        if bounds.operators != Operators::Nothing {
            all.extend([Self::OperatorBegins, Self::OperatorLooks, Self::OperatorWrites]);
        }
        all
    }

    /// Converts an event of a canonical state to an event of the state before its conversion.
    pub fn at(mut self, places: &Places) -> Self {
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
            | Self::Move { process }
            | Self::RestoreNoticed { process } => *process = places.processes[*process],
            Self::Late { call, .. } => *call = places.late[*call],
            Self::Clone { process, copy } => {
                (*process, *copy) = (places.processes[*process], places.processes[*copy]);
            }
            Self::Forward | Self::Back | Self::LoseRecord { .. } | Self::LoseAll => {}
            Self::Failover | Self::Backup | Self::Restore | Self::LoseSpace => {}
            Self::OperatorBegins | Self::OperatorLooks | Self::OperatorWrites => {}
        }
        self
    }
}

impl Model {
    /// Returns the result of `event`, or `Never` if the next state is not within the bounds.
    pub fn step(&self, world: &World, event: Event) -> Outcome {
        match self.step_unbounded(world, event) {
            Outcome::To(next) if !self.is_within(&next) => Outcome::Never,
            outcome => outcome,
        }
    }

    fn is_within(&self, world: &World) -> bool {
        let mut rows = world.stores.iter().flat_map(|store| store.data.rows).flatten();
        let is_counted = rows.all(|row| row.counter <= self.bounds.counter);
        let is_answered = world.processes.iter().all(|process| process.unanswered <= self.bounds.unanswered);
        is_counted && is_answered && world.losses <= self.bounds.losses
    }

    pub fn step_unbounded(&self, world: &World, event: Event) -> Outcome {
        let mut next = *world;
        match self.happens(&mut next, event) {
            Err(broken) => Outcome::Breaks(broken),
            // An event that changes nothing need not be looked up.
            Ok(Some(())) if next != *world => Outcome::To(next),
            Ok(_) => Outcome::Never,
        }
    }

    /// Makes the event happen in `world`. Returns `None` if it can't happen.
    fn happens(&self, world: &mut World, event: Event) -> Result<Option<()>, Broken> {
        match event {
            Event::Forward => Ok(forward(world, self.bounds.clock)),
            Event::Back => Ok(back(world, self.bounds.earliest(world.high))),
            Event::Ask { process, pick } => self.ask(world, process, pick),
            Event::AskLate { process } => Ok(self.ask_late(world, process)),
            Event::Swap { process } => self.swap(world, process, true),
            Event::SwapUnheard { process } => self.swap(world, process, false),
            Event::GiveUp { process } => Ok(self.give_up(world, process)),
            Event::Renew { process } => self.process_renews(world, process, true),
            Event::RenewUnheard { process } => self.process_renews(world, process, false),
            Event::RenewLost { process } => Ok(goes_unanswered(&mut world.processes[process])),
            Event::RenewLate { process } => Ok(self.renew_late(world, process)),
            Event::Release { process } => {
                let at = world.processes[process].at;
                Ok(ended(world, process).map(|(held, last)| self.release(world, at, held, last)))
            }
            Event::ReleaseLate { process } => Ok(self.release_late(world, process)),
            Event::Crash { process } => {
                world.processes[process] = Process::default();
                Ok(Some(()))
            }
            Event::Issue { process, tick } => issue(world, process, tick),
            Event::Late { call, pick } => self.late(world, call, pick),
            Event::LoseRecord { worker } => {
                Ok(lose(world, |world| world.stores[0].data.rows[usize::from(worker)].take().map(drop)))
            }
            Event::LoseAll => Ok(lose(world, |world| {
                world.stores[0].data = Data::default();
                Some(())
            })),
            Event::Failover => Ok(lose(world, |world| {
                world.stores[0].server = world.fresh_server();
                Some(())
            })),
            Event::Backup => Ok(self.back_up(world)),
            Event::Restore => Ok(lose(world, |world| {
                world.stores[0].data = world.stores[0].backup.take()?;
                world.stores[0].server = world.fresh_server();
                Some(())
            })),
            Event::RestoreNoticed { process } => self.restore_noticed(world, process),
            Event::Clone { process, copy } => Ok(clone(world, process, copy)),
            Event::LoseSpace => Ok(lose(world, |world| world.stores[0].data.space.take().map(drop))),
            Event::Move { process } => {
                world.processes[process].at ^= 1;
                Ok(Some(()))
            }
            Event::OperatorBegins => Ok(self.operator_begins(world)),
            Event::OperatorLooks => Ok(self.operator_looks(world)),
            Event::OperatorWrites => self.operator_writes(world),
        }
    }

    fn ask(&self, world: &mut World, place: usize, pick: u8) -> Result<Option<()>, Broken> {
        let Some(asking) = begun(world, place).filter(|asking| asking.swap.is_none()) else { return Ok(None) };
        let read = self.read(world, world.processes[place].at, &asking, pick);
        if let Read::Granted(Held { worker, from, until, token, .. }) = read {
            self.book(world, worker, from..until, token)?;
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
            let is_deceived = world.is_deceived;
            begin(process_of(world, place), lease, is_deceived);
        }
        Ok(Some(()))
    }

    fn give_up(&self, world: &mut World, place: usize) -> Option<()> {
        let asking = world.processes[place].asking.filter(|asking| asking.swap.is_some())?;
        world.processes[place].asking = Some(Asking { swap: None, ..asking });
        self.go_on_late(world, Call::Acquire(asking))
    }

    fn process_renews(&self, world: &mut World, place: usize, is_heard: bool) -> Result<Option<()>, Broken> {
        let Process { at, lease: Some(lease), unanswered, .. } = world.processes[place] else { return Ok(None) };
        let answer = self.renew(world, at, lease, unanswered.into())?;
        if is_heard { self.hears(world, place, answer) } else { Ok(goes_unanswered(process_of(world, place))) }
    }

    /// Delivers the result of its renewal to the process.
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
            // No process hears the answers.
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

    fn back_up(&self, world: &mut World) -> Option<()> {
        let is_pointless = world.losses >= self.bounds.losses || world.stores[0].backup.is_some();
        world.stores[0].backup = Some(world.stores[0].data);
        world.processes.iter_mut().for_each(|process| process.is_newer = false);
        (!is_pointless).then_some(())
    }

    fn restore_noticed(&self, world: &mut World, place: usize) -> Result<Option<()>, Broken> {
        let Process { lease: Some(lease), is_newer: true, .. } = world.processes[place] else { return Ok(None) };
        let restored = lose(world, |world| {
            world.stores[0].data = world.stores[0].backup.take()?;
            let row = world.stores[0].data.rows[usize::from(lease.worker)];
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
    world.now += 1;
    world.high = world.high.max(world.now);
    (world.now <= latest).then_some(())
}

fn back(world: &mut World, earliest: u8) -> Option<()> {
    world.now = world.now.checked_sub(1)?;
    (world.now >= earliest).then_some(())
}

/// Returns the call of a process that has no lease: its call in progress, or a new one. Closes the generator first.
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

/// Lets the process issue IDs by `lease` from now on.
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

fn goes_unanswered(process: &mut Process) -> Option<()> {
    process.lease?;
    process.unanswered += 1;
    Some(())
}

/// Ends a process. Returns the lease that it releases, and the last tick that it issued.
fn ended(world: &mut World, place: usize) -> Option<(Held, Option<u8>)> {
    let process = std::mem::take(process_of(world, place));
    Some((process.lease?, process.issuer.and_then(|issuer| issuer.last)))
}

fn issue(world: &mut World, place: usize, tick: u8) -> Result<Option<()>, Broken> {
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
    if world.is_deceived && is_warned && *owner == NOBODY {
        *owner = token;
    }
    let is_unaware = world.is_deceived && !is_warned;
    if *owner == token || is_unaware { Ok(Some(())) } else { Err(Broken::Foreign { worker, tick }) }
}

/// Returns whether both this process and a clone of it have renewed the same lease.
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
