//! `World`: everything that a run simulates, the true time, and the queue of what happens next.
//!
//! An actor runs one step at a time. While it runs, it may read a clock; then a moment passes, and at times the actor
//! is preempted: other actors run before the reading returns.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use casflake_lease::_simulation::imagine_tokens;

use crate::coverage::Coverage;
use crate::fault::Fault;
use crate::host::HostClocks;
use crate::process::Proc;
use crate::random::Random;
use crate::scenario::{MS, Scenario};
use crate::store::Stored;
use crate::story::Story;
use crate::verdict::Ledger;
use crate::violation::{Kind, Violation};

/// A panic that the simulator has planted.
pub(crate) struct Planted;

/// How deep the steps of actors may be nested by preemption. Actors that wait for a tick nest the others deeper.
const DEPTH: u32 = 3;

/// After so many readings in one step, an actor waits for a tick.
const SPINS: u64 = 40;

/// An actor: the thread of a keeper, of a caller, or of the end of a process.
pub(crate) trait Actor {
    /// Goes on until the actor must wait. The actor has arranged how it is woken.
    fn turn(&mut self, world: &World, me: Me);
}

/// An actor's identity in one turn. A wake-up with an older ticket is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) actor: usize,
    pub(crate) ticket: u32,
}

struct Slot {
    process: usize,
    ticket: u32,
    /// `None` while the actor runs, and after its end.
    actor: Option<Box<dyn Actor>>,
    is_dead: bool,
}

/// Something that will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Turn {
        actor: usize,
        ticket: u32,
    },
    /// A change reaches the store late.
    LateChange(usize),
    Fault(Fault),
}

pub(crate) struct World {
    /// The true time since the start, in nanoseconds.
    pub(crate) now: Cell<u64>,
    pub(crate) random: Random,
    pub(crate) scenario: RefCell<Scenario>,
    pub(crate) hosts: RefCell<Vec<HostClocks>>,
    pub(crate) store: RefCell<Stored>,
    pub(crate) ledger: RefCell<Ledger>,
    pub(crate) coverage: RefCell<Coverage>,
    pub(crate) story: Story,
    processes: RefCell<Vec<Rc<Proc>>>,
    slots: RefCell<Vec<Slot>>,
    queue: RefCell<BinaryHeap<Reverse<(u64, u64, Due)>>>,
    sequence: Cell<u64>,
    depth: Cell<u32>,
    /// How many of the running functions hold a lock of the shipped code, so that no other actor may run.
    pub(crate) uninterrupted: Cell<u32>,
    /// The time for which the running actor was preempted.
    pub(crate) stolen: Cell<u64>,
    /// How often the running actor has read a clock in this step.
    readings: Cell<u64>,
    /// The highest reading of a generator's clock in this step of the running actor, in milliseconds.
    pub(crate) seen_ms: Cell<u64>,
    /// How many random numbers the shipped code has drawn by itself, to tell two looks at the store apart.
    drawn: Cell<u64>,
    violation: RefCell<Option<Violation>>,
    pub(crate) is_calm: Cell<bool>,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// Returns the world of the run on this thread.
pub(crate) fn world() -> Rc<World> {
    WORLD.with_borrow(|world| Rc::clone(world.as_ref().expect("a run sets its world first")))
}

/// Returns a number that is like no other of this run: the tokens of processes have random high bits.
fn drawn() -> u128 {
    let world = world();
    world.drawn.set(world.drawn.get() + 1);
    world.drawn.get().into()
}

impl World {
    pub(crate) fn new(seed: u64, scenario: Scenario, random: Random, is_told: bool) -> Rc<Self> {
        let world = Rc::new(Self {
            now: Cell::new(0),
            store: RefCell::new(Stored::new(&random)),
            random,
            scenario: RefCell::new(scenario),
            hosts: RefCell::default(),
            ledger: RefCell::default(),
            coverage: RefCell::default(),
            story: Story::new(is_told),
            processes: RefCell::default(),
            slots: RefCell::default(),
            queue: RefCell::default(),
            sequence: Cell::new(0),
            depth: Cell::new(0),
            uninterrupted: Cell::new(0),
            stolen: Cell::new(0),
            readings: Cell::new(0),
            seen_ms: Cell::new(0),
            drawn: Cell::new(0),
            violation: RefCell::new(None),
            is_calm: Cell::new(false),
        });
        world.tell(|| format!("seed {seed}: {:?}", world.scenario.borrow()));
        WORLD.set(Some(Rc::clone(&world)));
        imagine_tokens(Some(drawn));
        world
    }

    /// Forgets the world of this thread.
    pub(crate) fn leave() {
        WORLD.set(None);
        imagine_tokens(None);
    }

    pub(crate) fn tell(&self, text: impl FnOnce() -> String) {
        self.story.tell(self.now.get(), text);
    }

    pub(crate) fn count(&self, name: &'static str) {
        self.coverage.borrow_mut().count(name);
    }

    /// Counts a fault, and adds it to the story.
    pub(crate) fn count_and_tell(&self, name: &'static str) {
        self.count(name);
        self.tell(|| name.into());
    }

    /// Notes that a promise is broken. The first one counts.
    pub(crate) fn broken(&self, kind: Kind, text: impl FnOnce() -> String) {
        let mut violation = self.violation.borrow_mut();
        if violation.is_none() {
            let text = text();
            self.tell(|| format!("BROKEN {kind:?}: {text}"));
            *violation = Some(Violation { kind, text });
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.violation.borrow().is_some()
    }

    pub(crate) fn violation(&self) -> Option<Violation> {
        self.violation.borrow().clone()
    }

    pub(crate) fn process(&self, index: usize) -> Rc<Proc> {
        Rc::clone(&self.processes.borrow()[index])
    }

    pub(crate) fn processes(&self) -> Vec<Rc<Proc>> {
        self.processes.borrow().clone()
    }

    pub(crate) fn add_process(&self, process: Proc) -> Rc<Proc> {
        let process = Rc::new(process);
        self.processes.borrow_mut().push(Rc::clone(&process));
        process
    }

    /// Adds an actor of a process, which runs first after `delay`.
    pub(crate) fn add_actor(&self, process: &Proc, actor: Box<dyn Actor>, delay: u64) -> usize {
        let mut slots = self.slots.borrow_mut();
        let index = slots.len();
        slots.push(Slot { process: process.index, ticket: 0, actor: Some(actor), is_dead: false });
        process.actors.borrow_mut().push(index);
        drop(slots);
        self.at(self.now.get() + delay, Due::Turn { actor: index, ticket: 0 });
        index
    }

    pub(crate) fn end_actor(&self, actor: usize) {
        let ended = {
            let slot = &mut self.slots.borrow_mut()[actor];
            slot.is_dead = true;
            slot.actor.take()
        };
        drop(ended);
    }

    /// Returns whether the actor is in the middle of a step.
    pub(crate) fn is_running(&self, actor: usize) -> bool {
        let slot = &self.slots.borrow()[actor];
        slot.actor.is_none() && !slot.is_dead
    }

    pub(crate) fn at(&self, time: u64, due: Due) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        self.queue.borrow_mut().push(Reverse((time.max(self.now.get()), sequence, due)));
    }

    /// Wakes an actor after `delay`, unless something else wakes it before.
    pub(crate) fn wake(&self, me: Me, delay: u64) {
        self.at(self.now.get() + delay, Due::Turn { actor: me.actor, ticket: me.ticket });
    }

    /// Runs everything that is due until `end`.
    pub(crate) fn run_until(&self, end: u64) {
        while !self.is_broken() {
            let next = self.queue.borrow().peek().map(|Reverse((time, ..))| *time);
            if next.is_none_or(|time| time > end) {
                break;
            }
            let Some(Reverse((time, _, due))) = self.queue.borrow_mut().pop() else { break };
            self.now.set(self.now.get().max(time));
            match due {
                Due::Turn { actor, ticket } => self.turn(actor, ticket, end),
                Due::LateChange(index) => crate::store::late_change(self, index),
                Due::Fault(fault) => crate::fault::happen(self, fault),
            }
        }
        if !self.is_broken() {
            self.now.set(self.now.get().max(end));
        }
    }

    fn turn(&self, actor: usize, ticket: u32, end: u64) {
        let (process, is_current, is_dead, is_here) = {
            let slot = &self.slots.borrow()[actor];
            (slot.process, slot.ticket == ticket, slot.is_dead, slot.actor.is_some())
        };
        if is_dead || !is_current {
            return;
        }
        let process = self.process(process);
        if process.paused_until.get() > self.now.get() {
            return self.at(process.paused_until.get(), Due::Turn { actor, ticket });
        }
        if !is_here {
            // The actor is in the middle of a step. Nothing wakes it before that step is over.
            return self.at(end.saturating_add(1), Due::Turn { actor, ticket });
        }
        let me = Me { actor, ticket: ticket + 1 };
        let taken = {
            let slot = &mut self.slots.borrow_mut()[actor];
            slot.ticket = me.ticket;
            slot.actor.take()
        };
        let Some(mut taken) = taken else { return };
        self.readings.set(0);
        self.seen_ms.set(0);
        taken.turn(self, me);
        let ended = {
            let slot = &mut self.slots.borrow_mut()[actor];
            if slot.is_dead { Some(taken) } else { slot.actor.replace(taken) }
        };
        drop(ended);
        process.wake_the_woken(self);
    }

    /// Calls `read` while no time passes and no other actor runs.
    pub(crate) fn without_a_moment<T>(&self, read: impl FnOnce() -> T) -> T {
        self.uninterrupted.set(self.uninterrupted.get() + 1);
        // A planted panic passes through.
        let outcome = catch_unwind(AssertUnwindSafe(read));
        self.uninterrupted.set(self.uninterrupted.get() - 1);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Lets the moment pass that a reading of a clock takes. Other actors may run meanwhile. A step that reads the clock
    /// very often waits for a tick; then the moments become longer, so that a run is cheap.
    pub(crate) fn pass_a_moment(&self, process: usize) {
        if self.uninterrupted.get() > 0 {
            return;
        }
        let readings = self.readings.get();
        self.readings.set(readings + 1);
        let moment = match readings {
            0..SPINS => 100 + self.random.below(900),
            SPINS..200 => 20_000,
            200..600 => 200_000,
            _ => 2_000_000,
        };
        let preempt = self.scenario.borrow().preempt;
        if self.is_broken() || readings < SPINS && !(self.is_shallow() && self.random.chance(preempt)) {
            return self.now.set(self.now.get() + moment);
        }
        if readings < SPINS {
            self.preempt(process);
        } else {
            // The other processors go on.
            let end = self.now.get() + moment;
            self.nested(end, end);
        }
        let process = self.process(process);
        while process.paused_until.get() > self.now.get() && !self.is_broken() {
            self.nested(process.paused_until.get(), self.now.get());
        }
    }

    fn preempt(&self, process: usize) {
        let process = self.process(process);
        let now = self.now.get();
        let next = self.queue.borrow().peek().map_or(now, |Reverse((time, ..))| *time);
        let until = match self.random.below(100) {
            0..80 if next < now + 5 * MS => next.max(now),
            0..95 => now + self.random.below(8 * MS),
            _ => {
                let until = now + self.random.below(u64::try_from(process.plan.ttl.as_nanos()).unwrap_or(0) * 3 / 2);
                if self.scenario.borrow().pauses && self.random.chance(5000) {
                    self.count("a process is paused in the middle of a step");
                    process.pause(self, until);
                }
                until
            }
        };
        self.count("a thread is preempted");
        self.tell(|| format!("{} is preempted for {} µs", process.plan.owner, (until - now) / 1000));
        self.nested(until, now);
        self.tell(|| format!("{} goes on", process.plan.owner));
    }

    /// Runs other actors until `end`, in the middle of the step of an actor. The time after `stolen_from` is not the
    /// actor's own.
    pub(crate) fn nested(&self, end: u64, stolen_from: u64) {
        let (stolen, readings, seen_ms) = (self.stolen.get(), self.readings.get(), self.seen_ms.get());
        self.depth.set(self.depth.get() + 1);
        self.run_until(end);
        self.depth.set(self.depth.get() - 1);
        self.readings.set(readings);
        self.seen_ms.set(seen_ms);
        self.stolen.set(stolen + self.now.get().saturating_sub(stolen_from));
    }

    pub(crate) fn is_shallow(&self) -> bool {
        self.depth.get() < DEPTH && self.uninterrupted.get() == 0
    }
}
