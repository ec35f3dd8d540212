//! `Closing`: the thread that ends a process in peace. It mirrors `end.rs`: `drain`, `shutdown` and the drop.

use std::rc::Rc;
use std::time::Duration;

use crate::control::Control;
use crate::process::{Proc, State};
use crate::scenario::{MS, SECOND};
use crate::violation::Kind;
use crate::world::{Actor, Me, World};

/// The time between two looks of `drain`, and how many of them in a row must find no call that waits.
const LOOK_NS: u64 = MS;
const IDLE_LOOKS: u32 = 3;
/// How long a keeper may take to end, besides the calls of the store.
const ENDS_WITHIN_NS: u64 = 5 * SECOND;

enum Step {
    Begins,
    Drains { until: u64, idle: u32 },
    Drops,
    Stops,
    Joins { since: u64 },
}

pub(crate) struct Closing {
    process: Rc<Proc>,
    step: Step,
}

/// Ends a running process.
pub(crate) fn start(world: &World, process: &Rc<Proc>, delay: u64) {
    process.set_state(world, State::Closing);
    world.add_actor(process, Box::new(Closing { process: Rc::clone(process), step: Step::Begins }), delay);
}

/// Does what `shutdown` does before it waits for the keeper.
pub(crate) fn end(world: &World, process: &Proc) {
    let Some(shared) = process.shared.borrow().clone() else { return };
    if world.scenario.borrow().control != Some(Control::NoEnd) {
        let _ = shared.switch.end();
    }
    shared.signal.tell();
    note_end(world, process);
    shared.signal.stop();
    if process.state.get() == State::Running {
        process.set_state(world, State::Closing);
    }
}

/// Notes that every call that begins from now on must fail.
fn note_end(world: &World, process: &Proc) {
    let calls = world.ledger.borrow().calls;
    process.account.borrow_mut().ended.get_or_insert(calls);
}

impl Actor for Closing {
    fn turn(&mut self, world: &World, me: Me) {
        let process = Rc::clone(&self.process);
        let Some(shared) = process.shared.borrow().clone() else { return world.end_actor(me.actor) };
        let now = world.now.get();
        self.step = match self.step {
            Step::Begins => match world.random.below(3) {
                0 => Step::Stops,
                1 => {
                    world.tell(|| format!("{} is dropped", process.plan.owner));
                    process.is_dropped.set(true);
                    Step::Drops
                }
                _ => {
                    let within = world.random.below(200 * MS);
                    world.tell(|| format!("{} is drained for {:?}", process.plan.owner, Duration::from_nanos(within)));
                    shared.switch.drain();
                    note_end(world, &process);
                    Step::Drains { until: now + within, idle: 0 }
                }
            },
            Step::Drains { until, idle } if idle < IDLE_LOOKS && now < until => {
                let waiting = process.waits.borrow().len() as u64 + shared.switch.current().waiting();
                Step::Drains { until, idle: if waiting > 0 { 0 } else { idle + 1 } }
            }
            // A generator that is used by a call can't be dropped.
            Step::Drops if process.calls.get() > 0 => Step::Drops,
            Step::Drains { .. } => Step::Stops,
            Step::Drops => {
                shared.signal.stop();
                note_end(world, &process);
                Step::Joins { since: now }
            }
            Step::Stops => {
                world.tell(|| format!("{} is shut down", process.plan.owner));
                end(world, &process);
                Step::Joins { since: now }
            }
            Step::Joins { since } => {
                if process.state.get() == State::Ended {
                    return world.end_actor(me.actor);
                }
                // A call of the store that is under way, and the release, may each take three TTLs.
                let calls = 6 * u64::try_from(process.plan.ttl.as_nanos()).unwrap_or(0);
                if now > since + calls + ENDS_WITHIN_NS + process.paused(world) {
                    world.broken(Kind::TooLong, || format!("the keeper of {} does not end", process.plan.owner));
                }
                Step::Joins { since }
            }
        };
        world.wake(me, if matches!(self.step, Step::Joins { .. }) { 20 * LOOK_NS } else { LOOK_NS });
    }
}
