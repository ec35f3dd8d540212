//! The steps of the model: an event leads from one state to the next state, or can't happen in a state. The events of
//! the store's clock, losses and moves are in this file. The calls of processes are in `calls`.

use crate::calls::{ended, goes_unanswered, issue, process_of};
use crate::event::Event;
use crate::explored;
use crate::model::{Broken, Model};
use crate::world::{Data, PROCESSES, Process, WORKERS, World};

/// The result of an event of a [`Model`].
pub(crate) type Transition = explored::Transition<World, Broken>;

impl Model {
    pub(crate) fn is_within(&self, world: &World) -> bool {
        let mut rows = world.stores.iter().flat_map(|store| store.data.rows).flatten();
        let is_counted = rows.all(|row| row.counter <= self.bounds.counter);
        let is_answered = world.processes.iter().all(|process| process.unanswered <= self.bounds.unanswered);
        is_counted && is_answered && world.losses <= self.bounds.losses
    }

    pub(crate) fn step_unbounded(&self, world: &World, event: Event) -> Transition {
        let mut next = *world;
        match self.happens(&mut next, event) {
            Err(broken) => Transition::Breaks(broken),
            // An event that changes nothing leads to no new state.
            Ok(Some(())) if next != *world => Transition::To(next),
            Ok(_) => Transition::Never,
        }
    }

    /// Makes `event` happen in `world`. Returns `None` if the event can't happen.
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

/// Adds 1 to the number of losses, and applies `loss` to the state. Returns `None` if this loss can't happen.
fn lose(world: &mut World, loss: impl FnOnce(&mut World) -> Option<()>) -> Option<()> {
    world.losses += 1;
    loss(world)
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
