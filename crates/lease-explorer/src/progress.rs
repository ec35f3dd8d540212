//! Checks progress: each process gets a lease and issues IDs, if nothing more is lost and the clock moves on.

use crate::event::Event;
use crate::model::{Broken, Model};
use crate::steps::Transition;
use crate::world::{Data, Issuer, Process, World};

/// The number of ticks within which a process must issue an ID. In these small models a process never has to wait
/// longer.
const ROUNDS: u8 = 30;

impl Model {
    /// Checks for each process: if only this process goes on from this state, it must issue an ID. The other processes
    /// act only to create a lost space again. The check does not fail if the space is absent and no process can create
    /// the space.
    pub fn every_process_progresses(&self, world: &World) -> Result<(), Broken> {
        (0..self.bounds.processes).try_for_each(|process| self.progresses(*world, process))
    }

    fn progresses(&self, mut world: World, process: usize) -> Result<(), Broken> {
        let at = world.processes[process].at;
        let is_absent = |world: &World| world.stores[usize::from(at)].data == Data::default();
        for _ in 0..ROUNDS {
            world.now += 1;
            let now = world.now;
            // A lost space is created again by the processes that were granted leases of it. These processes go on
            // until the space exists.
            for other in (0..self.bounds.processes).filter(|&other| other != process) {
                if is_absent(&world) && is_at_home(&world.processes[other], at) {
                    self.step_keeper(&mut world, other)?;
                }
            }
            self.step_keeper(&mut world, process)?;
            // The process can't issue yet if its window begins later, or if it has already issued this tick or a later
            // one. Then it waits for the clock.
            let can_issue = |issuer: &Issuer| {
                (issuer.from..issuer.fence).contains(&now) && issuer.last.is_none_or(|last| last < now)
            };
            if world.processes[process].issuer.as_ref().is_some_and(can_issue) {
                return Ok(());
            }
        }
        let is_hopeless = is_absent(&world) && !world.processes.iter().any(|process| is_at_home(process, at));
        if is_hopeless && !self.bounds.creates { Ok(()) } else { Err(Broken::Stuck) }
    }

    /// Lets the keeper of a process make its next renewal, or its next attempt to acquire a lease.
    fn step_keeper(&self, world: &mut World, process: usize) -> Result<(), Broken> {
        let events: &[Event] = if world.processes[process].lease.is_some() {
            &[Event::Renew { process }]
        } else {
            // The first write is that of an earlier decision, and may fail. The process may then have to mend the store
            // in several rounds before it gets a lease.
            &[Event::Swap { process }, Event::Ask { process, pick: 0 }, Event::Swap { process }]
        };
        for event in events {
            match self.step_unbounded(world, *event) {
                Transition::Never => {}
                Transition::Breaks(broken) => return Err(broken),
                Transition::To(next) => *world = next,
            }
        }
        Ok(())
    }
}

/// Returns whether the URL of a process leads to the store `at`, and whether this store granted the last lease of the
/// process.
fn is_at_home(process: &Process, at: u8) -> bool {
    process.at == at && process.home == Some(at)
}
