//! `Proc`: a process as the other actors see it. Its threads are actors: the keeper's (`life`), the callers' (`caller`),
//! and the one that ends it (`closing`).

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use casflake::Clock;
use casflake_lease::_simulation::{Host, Plan, Shared, store_clock_on};
use casflake_lease::BackendStore;

use crate::account::Account;
use crate::control::Control;
use crate::host::{Ids, SimClock, VirtualHost};
use crate::life::Life;
use crate::scenario::{MS, SECOND};
use crate::store::{Fate, Memory};
use crate::world::{Due, World};

/// The part of its life in which a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has called `build`.
    Starting,
    /// `build` has failed.
    Failed,
    Running,
    /// It is being shut down.
    Closing,
    /// Its keeper has ended.
    Ended,
    Killed,
    /// Only a fork of it is left.
    Forked,
}

/// A call that waits for news.
#[derive(Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) actor: usize,
    pub(crate) ticket: u32,
    pub(crate) seen: u64,
}

pub(crate) struct Proc {
    pub(crate) index: usize,
    pub(crate) host: usize,
    pub(crate) virtual_host: Arc<VirtualHost>,
    pub(crate) imagined: Host,
    /// The settings that the program has chosen. The verdict judges by them.
    pub(crate) plan: Plan,
    pub(crate) patience: Duration,
    pub(crate) creates: bool,
    pub(crate) clock: SimClock,
    pub(crate) store: RefCell<BackendStore<Memory>>,
    pub(crate) pid: Cell<u32>,
    pub(crate) state: Cell<State>,
    /// The true time at which `state` has changed.
    pub(crate) since: Cell<u64>,
    pub(crate) shared: RefCell<Option<Arc<Shared<Ids, SimClock>>>>,
    pub(crate) paused_until: Cell<u64>,
    /// For how long the process was paused so far, with the rest of the present pause.
    paused: Cell<u64>,
    pub(crate) clock_panics_until: Cell<u64>,
    pub(crate) actors: RefCell<Vec<usize>>,
    /// The keeper, with its ticket and whether it is deaf to rings, while it rests.
    pub(crate) resting: Cell<Option<(usize, u32, bool)>>,
    pub(crate) waits: RefCell<Vec<Waits>>,
    /// How many calls are in progress.
    pub(crate) calls: Cell<u32>,
    /// Whether no further call may begin, because the generator is being dropped.
    pub(crate) is_dropped: Cell<bool>,
    pub(crate) account: RefCell<Account>,
}

impl Proc {
    pub(crate) fn is_by_store(&self) -> bool {
        matches!(self.clock, SimClock::Store(..))
    }

    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.state.get(), State::Starting | State::Running | State::Closing)
    }

    /// Changes the state, unless the process is dead: a step may go on after its process was killed in the middle of it.
    pub(crate) fn set_state(&self, world: &World, state: State) {
        if self.state.get() == State::Killed {
            return;
        }
        world.tell(|| format!("{}: {:?} -> {state:?}", self.plan.owner, self.state.get()));
        self.state.set(state);
        self.since.set(world.now.get());
    }

    pub(crate) fn pause(&self, world: &World, until: u64) {
        let from = self.paused_until.get().max(world.now.get());
        if until > from {
            self.paused.set(self.paused.get() + until - from);
            self.paused_until.set(until);
        }
    }

    /// Returns for how long the process was paused until now.
    pub(crate) fn paused(&self, world: &World) -> u64 {
        self.paused.get() - self.paused_until.get().saturating_sub(world.now.get())
    }

    /// Returns the reading of the process' clock, in milliseconds. No time passes.
    pub(crate) fn reading_ms(&self, world: &World) -> u64 {
        match &self.clock {
            SimClock::Store(clock, _) => world.without_a_moment(|| clock.unix_ms()),
            SimClock::Wall(_) => world.hosts.borrow()[self.host].wall.at(world.now.get()) / MS,
        }
    }

    pub(crate) fn apart(&self, world: &World) -> i64 {
        world.hosts.borrow()[self.host].apart(world.now.get())
    }

    /// Notes whether a clock has jumped. Called before and after all that can change the answer.
    pub(crate) fn note_clocks(&self, world: &World) {
        let (apart, calls) = (self.apart(world), world.ledger.borrow().calls);
        let mut account = self.account.borrow_mut();
        if !account.has_jumped(apart) {
            account.last_in_step = calls;
        }
    }

    /// Notes a reading of the generator's clock, which may be checked before a clock jumps.
    pub(crate) fn note_reading(&self, world: &World, unix_ms: u64) {
        let apart = self.apart(world);
        let mut account = self.account.borrow_mut();
        if !account.has_jumped(apart) {
            account.before_jump_ms = unix_ms;
        }
    }

    /// Remembers the highest reading of the clock so far. Called before the clock may move back.
    pub(crate) fn remember_reading(&self, world: &World) {
        self.note_clocks(world);
        let reading = self.reading_ms(world);
        let mut account = self.account.borrow_mut();
        account.highest_ms = account.highest_ms.max(reading);
        account.sets.push((world.now.get(), reading));
    }

    /// Wakes the keeper if it was rung or stopped, and the calls for which there is news.
    pub(crate) fn wake_the_woken(&self, world: &World) {
        let Some(shared) = self.shared.borrow().clone() else { return };
        if let Some((actor, ticket, is_deaf)) = self.resting.get()
            && shared.signal.is_called(is_deaf)
        {
            self.resting.set(None);
            world.at(world.now.get() + world.random.below(MS / 10), Due::Turn { actor, ticket });
        }
        let mut waits = self.waits.borrow_mut();
        if !waits.is_empty() {
            let news = shared.signal.news();
            waits.retain(|&Waits { actor, ticket, seen }| {
                if seen != news {
                    world.at(world.now.get() + world.random.below(MS / 10), Due::Turn { actor, ticket });
                }
                seen == news
            });
        }
    }

    /// Ends the threads of the process. Nothing of it runs any more.
    pub(crate) fn kill(&self, world: &World) {
        self.set_state(world, State::Killed);
        let actors = self.actors.borrow().clone();
        actors.into_iter().for_each(|actor| world.end_actor(actor));
        self.resting.set(None);
        self.waits.borrow_mut().clear();
    }
}

/// Starts a process on a host.
pub(crate) fn start(world: &World, host: usize, delay: u64) {
    let index = world.processes().len();
    let random = &world.random;
    let plan = world.scenario.borrow().plan(random, format!("process-{index}"));
    let virtual_host = Arc::new(VirtualHost { process: index, host });
    let imagined = Host::imagined(Arc::<VirtualHost>::clone(&virtual_host));
    let clock = if random.chance(6500) {
        SimClock::Store(store_clock_on(imagined.clone()), index)
    } else {
        SimClock::Wall(Arc::clone(&virtual_host))
    };
    let memory = Memory { process: Some(index), fate: Cell::new(Fate::Fine) };
    let patience = random.pick(&[0, 2 * SECOND, 20 * SECOND, 20 * SECOND, 170 * SECOND]);
    let process = world.add_process(Proc {
        index,
        host,
        virtual_host,
        imagined,
        plan,
        patience: Duration::from_nanos(patience),
        creates: random.chance(4000),
        clock,
        store: RefCell::new(BackendStore::on(memory)),
        pid: Cell::new(u32::try_from(index).unwrap_or(0) + 100),
        state: Cell::new(State::Starting),
        since: Cell::new(world.now.get()),
        shared: RefCell::default(),
        paused_until: Cell::new(0),
        paused: Cell::new(0),
        clock_panics_until: Cell::new(0),
        actors: RefCell::default(),
        resting: Cell::new(None),
        waits: RefCell::default(),
        calls: Cell::new(0),
        is_dropped: Cell::new(false),
        account: RefCell::default(),
    });
    world.tell(|| {
        let by = if process.is_by_store() { "the store's clock" } else { "its wall clock" };
        format!("{} starts on host {host} with {by}: {:?}", process.plan.owner, process.plan)
    });
    process.pause(world, world.hosts.borrow()[host].suspended_until);
    world.add_actor(&process, Box::new(Life::new(&process)), delay);
}

/// Returns the settings that reach the client. A control can alter them.
pub(crate) fn arriving(plan: &Plan, control: Option<Control>) -> Plan {
    let mut plan = plan.clone();
    match control {
        Some(Control::NotStrict) => plan.strict = false,
        Some(Control::LongerLead) => plan.max_lead += 40,
        Some(Control::LongerWait) => plan.max_wait = plan.max_wait * 2 + Duration::from_millis(50),
        Some(Control::LongerTtl) => plan.ttl += Duration::from_millis(100),
        Some(Control::OtherOwner) => plan.owner.push_str("'s child"),
        _ => {}
    }
    plan
}
