//! `Caller`: a thread of a process that asks for IDs. It mirrors `LeasedGenerator::ask` and `retry.rs::refused`, but
//! waits for news in virtual time.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use casflake::{GenerateError, Generator, Snowflake};
use casflake_lease::_simulation::{Asked, Call, Filled, Imagined, Shared, Taken, Turn, Watched, after_the_end};

use crate::control::Control;
use crate::host::{Ids, SimClock};
use crate::process::{Proc, State, Waits, arriving};
use crate::scenario::MS;
use crate::verdict::{Began, begin, judge, judge_error};
use crate::violation::Kind;
use crate::world::{Actor, Me, Planted, World};

/// The time by which a call may exceed its limits: a few of the longest moments that a reading takes.
const QUANTUM_NS: u64 = 25 * MS;

type Source = Generator<Ids, Watched<SimClock>>;

/// The IDs that a call asks for, and those that it has got so far.
enum Wish {
    One { waits: bool },
    Batch(Taken<Ids>),
    Fill { buffer: Vec<Snowflake<Ids>>, filled: usize },
}

/// A call in progress.
struct Doing {
    wish: Wish,
    count: usize,
    call: Option<Call>,
    began: Began,
    /// Each refusal of a generator so far.
    refusals: Vec<GenerateError>,
    /// The time that the call has waited for news, and the time for which it was not able to run.
    waited: u64,
    stolen: u64,
    /// For how long the process had been paused when the call began.
    paused: u64,
    wait: Option<Wait>,
}

#[derive(Clone, Copy)]
struct Wait {
    seen: u64,
    since: u64,
    paused: u64,
}

/// The outcome of a turn of a call.
enum Outcome {
    Ended(Result<Vec<Snowflake<Ids>>, GenerateError>),
    Waits { seen: u64, until: Duration },
}

pub(crate) struct Caller {
    process: Rc<Proc>,
    shared: Arc<Shared<Ids, SimClock>>,
    max_wait: Duration,
    control: Option<Control>,
    /// The mean time between two calls, while there are faults and afterwards.
    every_ns: u64,
    calm_ns: u64,
    doing: Option<Doing>,
    /// The calls that still begin after the end, or in a fork.
    last_calls: u32,
}

/// Starts the callers of a process.
pub(crate) fn start(world: &World, process: &Rc<Proc>) {
    if process.state.get() == State::Killed {
        return;
    }
    let Some(shared) = process.shared.borrow().clone() else { return };
    let control = world.scenario.borrow().control;
    let ttl_ns = u64::try_from(process.plan.ttl.as_nanos()).unwrap_or(0);
    for _ in 0..world.random.between(1, 3) {
        let caller = Caller {
            process: Rc::clone(process),
            shared: Arc::clone(&shared),
            max_wait: arriving(&process.plan, control).max_wait,
            control,
            every_ns: ttl_ns / world.random.pick(&[8, 20, 50, 150]),
            calm_ns: ttl_ns / 2,
            doing: None,
            last_calls: 4,
        };
        world.add_actor(process, Box::new(caller), world.random.below(20 * MS));
    }
}

impl Actor for Caller {
    fn turn(&mut self, world: &World, me: Me) {
        self.process.waits.borrow_mut().retain(|waits| waits.actor != me.actor);
        let mut doing = match self.doing.take() {
            Some(doing) => doing,
            None if self.process.is_dropped.get() || self.last_calls == 0 => return world.end_actor(me.actor),
            None => self.begin(world),
        };
        let stolen = world.stolen.replace(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let outcome = self.go_on(world, &mut doing);
            // The time left is computed right before the wait, as in `refused`.
            let at = Duration::from_nanos(self.process.virtual_host.monotonic_ns());
            (outcome, at)
        }));
        doing.stolen += world.stolen.replace(stolen);
        doing.began.seen_ms = doing.began.seen_ms.max(world.seen_ms.get());
        let (outcome, at) = match outcome {
            Ok(outcome) => outcome,
            Err(panic) if panic.is::<Planted>() => {
                // The clock of the program has panicked in the middle of the program's call.
                self.process.account.borrow_mut().has_panicked = true;
                self.process.calls.set(self.process.calls.get() - 1);
                return self.rest(world, me);
            }
            Err(panic) => resume_unwind(panic),
        };
        match outcome {
            Outcome::Waits { seen, until } => {
                if self.process.state.get() == State::Forked {
                    world.broken(Kind::Fork, || format!("a fork of {} waits", self.process.plan.owner));
                }
                let left = u64::try_from(until.saturating_sub(at).as_nanos()).unwrap_or(u64::MAX);
                doing.wait = Some(Wait { seen, since: world.now.get(), paused: self.process.paused(world) });
                self.doing = Some(doing);
                self.process.waits.borrow_mut().push(Waits { actor: me.actor, ticket: me.ticket, seen });
                world.wake(me, left);
            }
            Outcome::Ended(outcome) => {
                self.ended(world, doing, outcome);
                self.rest(world, me);
            }
        }
    }
}

impl Caller {
    fn begin(&self, world: &World) -> Doing {
        let random = &world.random;
        // Most calls find enough IDs in one tick, and some need several ticks.
        let most = random.pick(&[10, 20, 70]);
        let (wish, count) = match random.below(10) {
            0..5 => (Wish::One { waits: true }, 1),
            5..7 => (Wish::One { waits: false }, 1),
            7 | 8 => {
                let count = usize::try_from(random.between(1, most)).unwrap_or(1);
                (Wish::Batch(Taken::of(count)), count)
            }
            _ => {
                let count = usize::try_from(random.between(1, most)).unwrap_or(1);
                (Wish::Fill { buffer: vec![Snowflake::MIN; count], filled: 0 }, count)
            }
        };
        self.process.calls.set(self.process.calls.get() + 1);
        let (began, paused) = (begin(world, &self.process), self.process.paused(world));
        Doing { wish, count, call: None, began, refusals: Vec::new(), waited: 0, stolen: 0, paused, wait: None }
    }

    /// Begins or goes on with the call.
    fn go_on(&mut self, world: &World, doing: &mut Doing) -> Outcome {
        if let Some(Wait { seen, since, paused }) = doing.wait.take() {
            let paused = self.process.paused(world) - paused;
            doing.waited += (world.now.get() - since).saturating_sub(paused);
            if self.shared.signal.news() == seen {
                self.process.account.borrow_mut().expired += 1;
                return self.end_wish(doing, Err(self.shared.expired()));
            }
        }
        let Doing { wish, call, refusals, .. } = doing;
        let waits = !matches!(wish, Wish::One { waits: false });
        let asked = match wish {
            Wish::One { waits } => {
                let waits = *waits;
                let ask = |source: &Source| if waits { source.generate() } else { source.try_generate() };
                let asked = self.ask(world, call, waits, refusals, ask);
                return match asked {
                    Asked::Done(outcome) => Outcome::Ended(outcome.map(|id| vec![id])),
                    Asked::Waits { seen, until } => Outcome::Waits { seen, until },
                };
            }
            Wish::Batch(taken) => self.ask(world, call, waits, refusals, |source: &Source| taken.take_from(source)),
            Wish::Fill { buffer, filled } => {
                let (asked, more) = {
                    let mut part = Filled::of(&mut buffer[*filled..]);
                    let asked = self.ask(world, call, waits, refusals, |source: &Source| part.fill_from(source));
                    // The buffer is lent to the call for one turn only, so the number of its IDs is read from the
                    // error that the call would have now.
                    let outcome = if let Asked::Done(outcome) = asked { outcome } else { Err(GenerateError::Closed) };
                    (asked, part.ended(outcome).map_or_else(|error| error.filled(), |()| usize::MAX))
                };
                *filled = filled.saturating_add(more).min(buffer.len());
                asked
            }
        };
        match asked {
            Asked::Waits { seen, until } => Outcome::Waits { seen, until },
            Asked::Done(outcome) => self.end_wish(doing, outcome),
        }
    }

    /// Takes the IDs of the call, also those of a call that has failed.
    fn end_wish(&self, doing: &mut Doing, outcome: Result<(), GenerateError>) -> Outcome {
        let wish = std::mem::replace(&mut doing.wish, Wish::One { waits: false });
        let (ids, error) = match wish {
            Wish::One { .. } => (Vec::new(), outcome.err()),
            Wish::Batch(taken) => match taken.ended(outcome) {
                Ok(batch) => (batch.into_vec(), None),
                Err(error) => (error.issued().iter().copied().collect(), Some(error.error())),
            },
            Wish::Fill { mut buffer, filled } => {
                buffer.truncate(filled);
                (buffer, outcome.err())
            }
        };
        doing.wish = Wish::Fill { filled: ids.len(), buffer: ids.clone() };
        match error {
            Some(error) => Outcome::Ended(Err(error)),
            None => Outcome::Ended(Ok(ids)),
        }
    }

    /// Asks as `LeasedGenerator::ask` and `refused` do, until the call is done or must wait.
    fn ask<T>(
        &self,
        world: &World,
        call: &mut Option<Call>,
        waits: bool,
        refusals: &mut Vec<GenerateError>,
        mut ask: impl FnMut(&Source) -> Result<T, GenerateError>,
    ) -> Asked<T> {
        let shared = &*self.shared;
        let refusals = RefCell::new(refusals);
        let mut asks = |source: &Source| ask(source).inspect_err(|error| refusals.borrow_mut().push(*error));
        let mut going_on = match call.take() {
            Some(call) => call,
            None => {
                let error = match shared.switch.open().map(&mut asks) {
                    Some(Ok(done)) => return Asked::Done(Ok(done)),
                    Some(Err(error)) => error,
                    None => return Asked::Done(Err(after_the_end(shared.watch.is_fork()))),
                };
                let max_wait = if waits { self.max_wait } else { Duration::ZERO };
                let mut call = Call::new(max_wait, self.process.is_by_store());
                let turn = shared.decide(&mut call, error, shared.switch.current(), None);
                if let Turn::Fail(failure) = turn {
                    count_failure(world, error, failure);
                    return Asked::Done(Err(failure));
                }
                world.count("call: asks again after the first refusal");
                call
            }
        };
        let before = refusals.borrow().len();
        if self.control == Some(Control::WaitAnew) {
            going_on = Call::new(self.max_wait, self.process.is_by_store());
        }
        let asked = shared.ask_until_it_waits(&mut going_on, &mut asks);
        let last = refusals.borrow().last().copied();
        let again = refusals.borrow().len() - before - usize::from(!matches!(asked, Asked::Done(Ok(_))));
        (0..again).for_each(|_| world.count("call: asks the generator that has replaced a closed one"));
        match (&asked, last) {
            (Asked::Waits { .. }, _) => world.count("call: waits for news"),
            (Asked::Done(Err(failure)), Some(error)) => count_failure(world, error, *failure),
            _ => {}
        }
        *call = Some(going_on);
        asked
    }

    fn ended(&self, world: &World, mut doing: Doing, outcome: Result<Vec<Snowflake<Ids>>, GenerateError>) {
        let process = Rc::clone(&self.process);
        process.calls.set(process.calls.get() - 1);
        if process.state.get() == State::Killed {
            return;
        }
        let wish = std::mem::replace(&mut doing.wish, Wish::One { waits: false });
        let (mut ids, error) = match (outcome, wish) {
            (Ok(ids), _) => (ids, None),
            (Err(error), Wish::Fill { buffer, .. }) => (buffer, Some(error)),
            (Err(error), _) => (Vec::new(), Some(error)),
        };
        if self.control == Some(Control::IdsLost) && error.is_some() {
            ids.clear();
        }
        world.tell(|| {
            let last = ids.last().map(|id| format!(", the last of worker {} in tick {}", id.worker(), id.tick()));
            let error = error.map(|error| format!(", and fails: {error:?}"));
            let (last, error) = (last.unwrap_or_default(), error.unwrap_or_default());
            format!("{}: a call for {} IDs gets {}{last}{error}", process.plan.owner, doing.count, ids.len())
        });
        judge(world, &process, &doing.began, &ids);
        if let Some(error) = error {
            judge_error(world, &process, &doing.began, error);
        }
        if error.is_none() && ids.len() != doing.count {
            world.broken(Kind::LostIds, || format!("a call for {} has got {}", doing.count, ids.len()));
        }
        judge_time(world, &process, &doing);
    }

    /// Waits until the next call begins.
    fn rest(&mut self, world: &World, me: Me) {
        let is_fork = self.process.state.get() == State::Forked;
        let is_last = is_fork || self.process.account.borrow().ended.is_some();
        self.last_calls -= u32::from(is_last);
        let pace = if world.is_calm.get() { self.calm_ns } else { self.every_ns };
        let pause = if is_fork {
            world.random.below(4 * MS)
        } else if world.random.chance(1000) {
            0
        } else {
            world.random.below(pace * 2)
        };
        world.wake(me, pause);
    }
}

/// Counts the row of the table in `call.rs` by which a call fails.
fn count_failure(world: &World, error: GenerateError, failure: GenerateError) {
    world.count(match failure {
        GenerateError::OtherProcess => "call: fails in a fork",
        GenerateError::ShutDown => "call: fails after the shutdown",
        GenerateError::OutOfTicks { .. } => "call: fails because the layout has no more ticks",
        GenerateError::StoreClockBehind { .. } if error != failure => "call: the store's clock is behind",
        _ => "call: another error",
    });
}

/// L19: each wait is bounded.
fn judge_time(world: &World, process: &Proc, doing: &Doing) {
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let max_wait = ns(process.plan.max_wait);
    let (name, waited) = (&process.plan.owner, doing.waited);
    if waited > max_wait + max_wait / 1000 + QUANTUM_NS {
        world.broken(Kind::TooLong, || format!("{name} has waited {waited} ns for a lease, {max_wait} at most"));
    }
    // A call for many IDs needs a tick for each 16 of them, and each generator that it asks may let it wait.
    let waits = (doing.count / 16 + 2 + doing.refusals.len()) as u64;
    let took = (world.now.get() - doing.began.at).saturating_sub(waited + doing.stolen);
    if took > waits * (max_wait + QUANTUM_NS) + process.paused(world) - doing.paused {
        world.broken(Kind::TooLong, || format!("{name} took {took} ns for a call, with {waits} waits of {max_wait}"));
    }
}
