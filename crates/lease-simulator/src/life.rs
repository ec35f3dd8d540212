//! `Life`: the thread of a keeper, from `build` to its end. It mirrors the shipped loops `start/run.rs`, `builder.rs`
//! and `keeper/run.rs`, but waits in virtual time. Everything that is decided, and everything that acts on the process,
//! is shipped code.

use std::mem::replace;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use casflake::{Clock, Generator};
use casflake_lease::_simulation::{
    Called, Effect, Event, Events, Imagined, Keeper, Next, Parts, Process, Rest, Shared, Signal, Start, StartEvent,
    StartNext, Watch, Watched,
};
use casflake_lease::{Lease, Missing, StoreError, Token};

use crate::control::Control;
use crate::host::{Ids, SimClock};
use crate::process::{Proc, State, arriving};
use crate::request::{Answer, Request, carry_out};
use crate::row;
use crate::scenario::MS;
use crate::store::unavailable;
use crate::story::{shown, shown_next, shown_start};
use crate::violation::Kind;
use crate::watcher::Watcher;
use crate::world::{Actor, Me, World};

/// The state of the process.
enum Body {
    Start(Box<Beginning>),
    Keep(Box<Keeping>),
    Over,
}

struct Beginning {
    start: Start,
    parts: Parts<SimClock>,
    events: Events,
    signal: Arc<Signal>,
    made: Option<Generator<Ids, Watched<SimClock>>>,
    /// Whether the list of spaces that is asked for decides on the creation of the space.
    decides: bool,
    may_create: bool,
}

struct Keeping {
    keeper: Keeper,
    process: Process<Ids, SimClock>,
}

/// What the thread does at the moment.
enum Phase {
    Begins,
    GotStart(StartEvent),
    Got(Event),
    Sends(Request),
    Awaits(Answer),
    Rests { deaf_until: u64, until: u64 },
    Pauses,
    Over,
}

pub(crate) struct Life {
    process: Rc<Proc>,
    control: Option<Control>,
    body: Body,
    phase: Phase,
    watcher: Watcher,
}

impl Life {
    pub(crate) fn new(process: &Rc<Proc>) -> Self {
        let (body, phase) = (Body::Over, Phase::Begins);
        Self { process: Rc::clone(process), control: None, body, phase, watcher: Watcher::default() }
    }
}

impl Actor for Life {
    fn turn(&mut self, world: &World, me: Me) {
        loop {
            let phase = replace(&mut self.phase, Phase::Over);
            self.phase = match phase {
                Phase::Begins => self.begin(world),
                Phase::GotStart(event) => self.step_start(world, event),
                Phase::Got(event) => self.step(world, event),
                Phase::Sends(request) => {
                    let (answer, delay) = carry_out(world, &self.process, &request);
                    self.watcher.sent(request);
                    self.phase = Phase::Awaits(answer);
                    return world.wake(me, delay);
                }
                Phase::Awaits(answer) => {
                    self.watcher.answered(world, &self.process, &answer);
                    self.arrived(answer)
                }
                Phase::Rests { deaf_until, until } => match self.rest(world, me, deaf_until, until) {
                    Some(phase) => phase,
                    None => {
                        self.phase = Phase::Rests { deaf_until, until };
                        return;
                    }
                },
                Phase::Pauses => Phase::GotStart(StartEvent::Paused),
                Phase::Over => return world.end_actor(me.actor),
            };
            match &self.phase {
                Phase::Sends(request) => {
                    self.watcher.sends(world, &self.process, request, matches!(self.body, Body::Keep(_)));
                    return world.wake(me, world.random.between(MS / 20, 2 * MS));
                }
                Phase::Rests { deaf_until, .. } if *deaf_until > world.now.get() => {
                    self.process.resting.set(Some((me.actor, me.ticket, true)));
                    return world.wake(me, deaf_until - world.now.get());
                }
                Phase::Pauses => {
                    return world.wake(me, u64::try_from(self.watcher.pause.as_nanos()).unwrap_or(u64::MAX));
                }
                _ if world.is_broken() => return,
                _ => {}
            }
        }
    }
}

impl Life {
    /// Does what `build` does before it asks for a lease.
    fn begin(&mut self, world: &World) -> Phase {
        self.control = world.scenario.borrow().control;
        let process = &self.process;
        let signal = Arc::new(Signal::default());
        let host = process.imagined.clone();
        let watch = Arc::new(Watch::new(host.clone(), Arc::clone(&signal)));
        let plan = arriving(&process.plan, self.control);
        let store_clock = match &process.clock {
            SimClock::Store(clock, _) => Some(clock.clone()),
            SimClock::Wall(_) => None,
        };
        let started = Duration::from_nanos(process.virtual_host.monotonic_ns());
        let (start, next) = Start::new(plan.ttl, process.patience, process.creates, started);
        let clock = match &process.clock {
            SimClock::Store(clock, process) => SimClock::Store(clock.clone(), *process),
            SimClock::Wall(host) => SimClock::Wall(Arc::clone(host)),
        };
        let parts = Parts { plan, host, watch, clock, store_clock, apart: 0 };
        let events = events_of(process.index);
        let (made, decides, may_create) = (None, false, process.creates);
        self.body = Body::Start(Box::new(Beginning { start, parts, events, signal, made, decides, may_create }));
        self.do_start(world, next)
    }

    /// Does what `start` has decided.
    fn do_start(&mut self, world: &World, next: StartNext) -> Phase {
        let Body::Start(beginning) = &mut self.body else { return Phase::Over };
        match next {
            StartNext::DrawToken => Phase::GotStart(StartEvent::Drawn(token(world))),
            StartNext::Acquire { token, missing } => {
                Phase::Sends(Request::Acquire(beginning.parts.plan.request::<Ids>(token, None, missing)))
            }
            StartNext::Make(lease) => {
                let made = beginning.parts.generator(&lease, lease.from());
                Phase::GotStart(StartEvent::Made(made.map(|made| beginning.made = Some(made))))
            }
            StartNext::Release(lease) => Phase::Sends(Request::Release(lease, None)),
            StartNext::ListOthers => Phase::Sends(Request::Others),
            StartNext::Pause(_) => Phase::Pauses,
            StartNext::Done { lease, behind } => self.keep(world, lease, behind),
            StartNext::Fail(error) => {
                world.tell(|| format!("{}: build fails: {}", self.process.plan.owner, shown(&error)));
                self.process.set_state(world, State::Failed);
                self.body = Body::Over;
                Phase::Over
            }
        }
    }

    fn step_start(&mut self, world: &World, event: StartEvent) -> Phase {
        let Body::Start(beginning) = replace(&mut self.body, Body::Over) else { return Phase::Over };
        let Beginning { start, mut parts, mut events, signal, made, mut decides, mut may_create } = *beginning;
        let was = row::StartWas::of(&event, decides);
        let is_missing = matches!(&event, StartEvent::Granted(Err(StoreError::NoSpace { .. })));
        decides = false;
        let store_clock_ns =
            parts.store_clock.as_ref().map(|clock| u64::try_from(clock.precise_unix_ns()).unwrap_or(0));
        let at = Duration::from_nanos(self.process.virtual_host.monotonic_ns());
        let (start, step) = start.step(event, at, store_clock_ns);
        if is_missing && may_create {
            (decides, may_create) = (true, false);
        }
        row::of_start(was, &step.next, decides).iter().for_each(|row| world.count(row));
        world.tell(|| format!("{}: build: {was:?} -> {}", self.process.plan.owner, shown_start(&step.next)));
        for effect in step.effects {
            match effect {
                Effect::Measure => parts.measure(),
                Effect::Trust => parts.trust(),
                Effect::SetClock { unix_ns, may_move_back } => {
                    self.process.remember_reading(world);
                    parts.set_clock(unix_ns, may_move_back);
                }
                Effect::Waiting(error) => {
                    events.waiting(&error, Duration::from_nanos(self.process.virtual_host.monotonic_ns()));
                }
                _ => {}
            }
        }
        if let StartNext::Pause(pause) = &step.next {
            self.watcher.pause = *pause;
        }
        self.body = Body::Start(Box::new(Beginning { start, parts, events, signal, made, decides, may_create }));
        self.do_start(world, step.next)
    }

    /// Does what `build` does after it has the first lease.
    fn keep(&mut self, world: &World, lease: Lease, behind: Option<Duration>) -> Phase {
        let Body::Start(beginning) = replace(&mut self.body, Body::Over) else { return Phase::Over };
        let Beginning { parts, events, signal, made, .. } = *beginning;
        let Some(generator) = made else { return Phase::Over };
        let shared = Arc::new(Shared::new(lease, generator, Arc::clone(&parts.watch), signal));
        *self.process.shared.borrow_mut() = Some(Arc::clone(&shared));
        let keeper = Keeper::of(parts.plan.ttl, lease, behind);
        self.process.account.borrow_mut().acquired += 1;
        self.body = Body::Keep(Box::new(Keeping { keeper, process: Process { parts, shared, events } }));
        self.process.set_state(world, State::Running);
        crate::caller::start(world, &self.process);
        Phase::Got(Event::Looked)
    }

    /// Lets the keeper decide, carries out the effects, and does what it has decided.
    fn step(&mut self, world: &World, event: Event) -> Phase {
        let Body::Keep(keeping) = &mut self.body else { return Phase::Over };
        let Keeping { keeper, process } = &mut **keeping;
        let name = row::name(&event);
        if self.control.is_some_and(|control| control.ends_the_keeper(&event)) {
            return Phase::Over;
        }
        let (held, before) = (keeper.held(), self.process.waits.borrow().clone());
        let now = process.now();
        let (decided, mut step) = keeper.clone().step(event, &now);
        *keeper = decided;
        let row = row::of_keeper(name, &held, &step.effects, &step.next);
        world.coverage.borrow_mut().count_row(row);
        world.tell(|| format!("{}: row {row}: {name} -> {}", self.process.plan.owner, shown_next(&step.next)));
        if let Some(control) = self.control {
            control.alter(name, &mut step);
        }
        for effect in step.effects {
            self.watcher.effect(world, &self.process, &effect);
            process.carry_out(effect);
        }
        if self.control == Some(Control::EventsForget) && name == "not renewed" {
            process.events = events_of(self.process.index);
        }
        self.watcher.stepped(world, &self.process, &process.shared, name, &before);
        self.act(world, step.next)
    }

    /// Does what the keeper has decided.
    fn act(&mut self, world: &World, next: Next) -> Phase {
        let Body::Keep(keeping) = &mut self.body else { return Phase::Over };
        let process = &mut keeping.process;
        let plan = &process.parts.plan;
        match next {
            Next::Rest(rest) => self.begin_rest(world, rest),
            Next::Look => Phase::Got(Event::Looked),
            Next::Renew { lease, unanswered } => Phase::Sends(Request::Renew(plan.renewal::<Ids>(lease, unanswered))),
            Next::Close => {
                let last_tick = match self.control {
                    Some(Control::NoClose) => process.shared.switch.current().last_tick(),
                    _ => process.close(),
                };
                Phase::Got(Event::Closed(last_tick))
            }
            Next::DrawToken => Phase::Got(Event::Drawn(token(world))),
            Next::Acquire { token, after } => {
                let token = self.control.map_or(token, |control| control.token(token, || any_token(world)));
                Phase::Sends(Request::Acquire(plan.request::<Ids>(token, after, Missing::Create)))
            }
            Next::Publish { lease, from } => {
                if !process.shared.switch.current().is_closed() {
                    world.broken(Kind::TwoOpen, || format!("{} has an open generator", self.process.plan.owner));
                }
                let published = process.publish(lease, from);
                self.process.account.borrow_mut().acquired += u64::from(published.is_ok());
                Phase::Got(Event::Published(published))
            }
            Next::Release { lease, last_tick } => Phase::Sends(Request::Release(lease, last_tick)),
            Next::End => Phase::Got(Event::Ended(process.end())),
            Next::Done { released, outcome } => {
                if let Some(worker) = released {
                    process.report_release(worker, &outcome);
                }
                self.process.set_state(world, State::Ended);
                Phase::Over
            }
        }
    }

    fn begin_rest(&self, world: &World, rest: Rest) -> Phase {
        if self.control == Some(Control::NoRest) {
            return Phase::Got(Event::Woken);
        }
        let permille = u32::try_from(world.random.below(101)).unwrap_or(0);
        let (deaf, listening) = rest.shortened(permille);
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let deaf_until = world.now.get().saturating_add(ns(deaf));
        Phase::Rests { deaf_until, until: deaf_until.saturating_add(ns(listening)) }
    }

    /// Goes on with a rest, as two calls of `Signal::sleep` do. Returns `None` if the rest goes on.
    fn rest(&self, world: &World, me: Me, deaf_until: u64, until: u64) -> Option<Phase> {
        let Body::Keep(keeping) = &self.body else { return Some(Phase::Over) };
        let signal = &keeping.process.shared.signal;
        let now = world.now.get();
        self.process.resting.set(None);
        if now < deaf_until && !signal.is_called(true) {
            return Some(Phase::Rests { deaf_until, until });
        }
        if signal.sleep(Duration::ZERO, true) == Called::Stop {
            return Some(Phase::Got(Event::Stopped));
        }
        if now < until && !signal.is_called(false) {
            self.process.resting.set(Some((me.actor, me.ticket, false)));
            world.wake(me, until - now);
            return None;
        }
        Some(Phase::Got(match signal.sleep(Duration::ZERO, false) {
            Called::Stop => Event::Stopped,
            Called::Work => Event::Woken,
        }))
    }

    /// Returns the event that `answer` is.
    fn arrived(&self, answer: Answer) -> Phase {
        match (&self.body, answer) {
            (Body::Start(_), Answer::Granted(answer)) => Phase::GotStart(StartEvent::Granted(answer)),
            (Body::Start(_), Answer::Released(_)) => Phase::GotStart(StartEvent::Released),
            (Body::Start(_), Answer::Listed(names)) => Phase::GotStart(StartEvent::Listed(names)),
            (_, Answer::Granted(answer)) if self.watcher.is_renewal => Phase::Got(Event::Renewed(answer)),
            (_, Answer::Granted(answer)) => Phase::Got(Event::Granted(answer)),
            (_, Answer::Released(outcome)) => Phase::Got(Event::Released(outcome)),
            (_, Answer::Listed(_)) => Phase::Over,
        }
    }
}

/// Returns the events of the process `index`, with its callback.
fn events_of(index: usize) -> Events {
    let mut events = Events::default();
    events.call(Box::new(move |event| crate::events::on_event(index, event)));
    events
}

fn any_token(world: &World) -> Token {
    Token::numbered(u128::from(world.random.next()) << 64 | u128::from(world.random.next()))
}

/// Draws a token, as `token` does.
fn token(world: &World) -> Result<Token, StoreError> {
    let no_random = world.scenario.borrow().no_random;
    if world.random.chance(no_random) {
        world.count_and_tell("a random number can't be drawn");
        return Err(unavailable("drawing a random number", "there is none"));
    }
    Ok(any_token(world))
}
