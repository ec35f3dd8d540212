//! The faults of processes, hosts, the store and its operators. The faults of messages are in `store` and `request`.

use std::cell::Cell;

use casflake::Scheme;
use casflake_lease::{BackendStore, LeaseAdmin, Terms};

use crate::control::Control;
use crate::host::{Ids, START_MS};
use crate::process::{Proc, State, start};
use crate::scenario::{MS, SECOND};
use crate::store::{Fate, Memory};
use crate::world::{Due, World};

/// The largest error of the store's clock in a run in which the store loses data. So the clock stays within
/// `CLOCK_SLACK`.
const OFF_NS: i64 = 12_000_000_000;

/// A fault that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Any fault that the scenario allows. Another one follows.
    Any,
    /// A process starts on a host.
    Start(usize),
    /// A host goes on. Its monotonic clock has stopped for this time.
    Resumed(usize, i64),
    /// An operator vouches for the space, because every process has ended.
    Vouch,
}

pub(crate) fn happen(world: &World, fault: Fault) {
    match fault {
        Fault::Any => any(world),
        Fault::Start(host) => {
            world.count("a process starts again");
            start(world, host, 0);
        }
        Fault::Resumed(host, stopped) => {
            if stopped > 0 {
                remember_readings(world, host);
                let now = world.now.get();
                let clocks = &mut world.hosts.borrow_mut()[host];
                clocks.monotonic.step(now, -stopped);
            }
        }
        Fault::Vouch => vouch(world),
    }
}

fn any(world: &World) {
    if world.is_calm.get() {
        return;
    }
    let every = world.scenario.borrow().fault_every_ns;
    world.at(world.now.get() + world.random.below(every * 2), Due::Fault(Fault::Any));
    let scenario = world.scenario.borrow().clone();
    let random = &world.random;
    match random.below(12) {
        0 if scenario.crashes => kill(world),
        1 if scenario.pauses => pause(world),
        2 if scenario.forks => fork(world),
        3 if scenario.loses => lose(world),
        4 if scenario.store_clock => step_store(world, scenario.loses),
        5 | 6 if scenario.host_clocks => disturb_host(world),
        7 if scenario.clock_panics => {
            if let Some(process) = one(world, Proc::is_alive) {
                let time = random.below(2 * SECOND);
                world.count("a clock panics");
                world.tell(|| format!("the clock of {} panics for {} ms", process.plan.owner, time / MS));
                process.clock_panics_until.set(world.now.get() + time);
            }
        }
        8 if scenario.operators => operate(world),
        9 if scenario.network > 0 => {
            let until = world.now.get() + random.below(3 * SECOND);
            world.count("the store is frozen");
            world.tell(|| format!("the store is frozen for {} ms", (until - world.now.get()) / MS));
            world.store.borrow_mut().frozen_until = until;
        }
        10 if scenario.crashes => {
            if let Some(process) = one(world, |process| process.state.get() == State::Running) {
                crate::closing::start(world, &process, 0);
                let delay = random.below(3 * SECOND);
                world.at(world.now.get() + delay, Due::Fault(Fault::Start(process.host)));
            }
        }
        11 if scenario.loses || scenario.control == Some(Control::UnnoticedRestore) => back_up(world),
        _ => {}
    }
}

fn one(world: &World, is_fit: impl Fn(&Proc) -> bool) -> Option<std::rc::Rc<Proc>> {
    let fit: Vec<_> = world.processes().into_iter().filter(|process| is_fit(process)).collect();
    let at = world.random.below(fit.len() as u64);
    fit.into_iter().nth(usize::try_from(at).unwrap_or(0))
}

/// Excuses all leases, because the store may have forgotten them, or remember them again.
fn excuse_all(world: &World) {
    let mut ledger = world.ledger.borrow_mut();
    let tokens = ledger.tokens.clone();
    ledger.excused.extend(tokens);
}

fn kill_one(world: &World, process: &Proc) {
    process.kill(world);
    excuse(world, process);
}

/// Excuses the leases of a process that can not release them.
fn excuse(world: &World, process: &Proc) {
    let mut ledger = world.ledger.borrow_mut();
    let records = &world.store.borrow().contents.records;
    let held = records.values().filter(|record| record.owner == process.plan.owner);
    ledger.excused.extend(held.filter_map(|record| record.token));
    ledger.excused.extend(process.account.borrow().windows.iter().map(|window| window.token));
}

fn kill(world: &World) {
    let Some(process) = one(world, Proc::is_alive) else { return };
    world.count("a process is killed");
    kill_one(world, &process);
    let delay = world.random.below(3 * SECOND);
    world.at(world.now.get() + delay, Due::Fault(Fault::Start(process.host)));
}

fn pause(world: &World) {
    let Some(process) = one(world, Proc::is_alive) else { return };
    let ttl = u64::try_from(process.plan.ttl.as_nanos()).unwrap_or(0);
    let time = world.random.below(ttl * 2);
    world.count("a process is paused");
    world.tell(|| format!("{} is paused for {} ms", process.plan.owner, time / MS));
    process.pause(world, world.now.get() + time);
}

/// Turns a process into its fork: one thread is left, and the process has another ID. The parent is killed, because the
/// simulator can't copy the memory of a process.
fn fork(world: &World) {
    let Some(process) = one(world, |process| process.state.get() == State::Running) else { return };
    let actors = process.actors.borrow().clone();
    let Some((&forking, others)) = actors.split_last() else { return };
    let is_calling = process.waits.borrow().iter().any(|waits| waits.actor == forking);
    if is_calling || actors.iter().any(|&actor| world.is_running(actor)) || process.account.borrow().ended.is_some() {
        return;
    }
    world.count("a process forks");
    process.set_state(world, State::Forked);
    process.resting.set(None);
    process.waits.borrow_mut().clear();
    if world.scenario.borrow().control != Some(Control::SameProcess) {
        process.pid.set(process.pid.get() + 1000);
    }
    process.account.borrow_mut().fork_ms = process.reading_ms(world);
    excuse(world, &process);
    others.iter().for_each(|&actor| world.end_actor(actor));
    world.at(world.now.get() + world.random.below(SECOND), Due::Fault(Fault::Start(process.host)));
}

fn lose(world: &World) {
    excuse_all(world);
    world.ledger.borrow_mut().has_lost = true;
    let random = &world.random;
    let mut stored = world.store.borrow_mut();
    let what = match random.below(6) {
        0 => {
            (stored.contents.space, stored.contents.records) = (None, std::collections::BTreeMap::new());
            stored.reincarnate();
            "the store loses everything"
        }
        1 => {
            let workers: Vec<u64> = stored.contents.records.keys().copied().collect();
            if workers.is_empty() {
                return;
            }
            let worker = random.pick(&workers);
            stored.contents.records.remove(&worker);
            if random.chance(5000) {
                stored.reincarnate();
            }
            "the store loses a record"
        }
        2 => {
            stored.contents.space = None;
            stored.reincarnate();
            "the store loses the space"
        }
        3 | 4 => {
            let Some(backup) = stored.backup.clone() else { return };
            stored.contents = backup;
            stored.reincarnate();
            "the store is restored from a backup"
        }
        _ => {
            stored.reincarnate();
            "another server takes over"
        }
    };
    drop(stored);
    world.count(what);
    world.tell(|| what.into());
}

fn back_up(world: &World) {
    let mut stored = world.store.borrow_mut();
    let contents = stored.contents.clone();
    if world.scenario.borrow().control == Some(Control::UnnoticedRestore)
        && let Some(backup) = stored.backup.take()
    {
        stored.contents = backup;
        drop(stored);
        excuse_all(world);
        world.ledger.borrow_mut().has_lost = true;
        return world.tell(|| "the store is restored from a backup, unnoticed".into());
    }
    stored.backup = Some(contents);
}

fn step_store(world: &World, loses: bool) {
    let random = &world.random;
    let now = world.now.get();
    let mut stored = world.store.borrow_mut();
    if random.chance(2500) {
        world.count("the store's clock drifts");
        return stored.clock.set_ppm(now, random.around(300));
    }
    world.count("the store's clock steps");
    let by = if loses {
        let truth = i64::try_from(START_MS * MS + now).unwrap_or(0);
        truth + random.around(OFF_NS) - i64::try_from(stored.clock.at(now)).unwrap_or(0)
    } else {
        random.around(random.pick(&[50_000_000, 2_000_000_000, 10_000_000_000, 10_000_000_000, 300_000_000_000]))
    };
    stored.clock.step(now, by);
    drop(stored);
    world.tell(|| format!("the store's clock steps by {} ms", by / 1_000_000));
}

fn remember_readings(world: &World, host: usize) {
    world.processes().iter().filter(|process| process.host == host).for_each(|process| process.remember_reading(world));
}

fn disturb_host(world: &World) {
    let random = &world.random;
    let hosts = world.hosts.borrow().len() as u64;
    let host = usize::try_from(random.below(hosts)).unwrap_or(0);
    let now = world.now.get();
    remember_readings(world, host);
    match random.below(6) {
        0 => {
            world.count("a host's clock drifts");
            let clocks = &mut world.hosts.borrow_mut()[host];
            clocks.wall.set_ppm(now, random.around(100));
            clocks.monotonic.set_ppm(now, random.around(100));
        }
        1 | 2 => {
            let time = random.below(4 * SECOND);
            let suspended_until = std::mem::replace(&mut world.hosts.borrow_mut()[host].suspended_until, now + time);
            if suspended_until > now {
                // It is suspended already.
                world.hosts.borrow_mut()[host].suspended_until = suspended_until;
                return;
            }
            let stops = random.chance(5000);
            world.count(if stops { "a host is suspended and its clock stops" } else { "a host is suspended" });
            world.tell(|| format!("host {host} is suspended for {} ms, its monotonic clock stops: {stops}", time / MS));
            let processes = world.processes().into_iter().filter(|process| process.host == host);
            processes.for_each(|process| process.pause(world, now + time));
            let stopped = if stops { i64::try_from(time).unwrap_or(0) } else { 0 };
            world.at(now + time, Due::Fault(Fault::Resumed(host, stopped)));
        }
        _ => {
            let past_the_end = i64::try_from((Ids::LAYOUT.max_tick() + 1000) * MS).unwrap_or(0);
            let reach = random.pick(&[50_000_000, 900_000_000, 5_000_000_000, 600_000_000_000]);
            let by = if random.chance(1000) { past_the_end } else { random.around(reach) };
            world.count(if by == past_the_end { "a wall clock passes the layout's end" } else { "a wall clock steps" });
            world.tell(|| format!("the wall clock of host {host} steps by {} ms", by / 1_000_000));
            let clocks = &mut world.hosts.borrow_mut()[host];
            clocks.wall.step(now, by);
        }
    }
}

fn operator() -> BackendStore<Memory> {
    BackendStore::on(Memory { process: None, fate: Cell::new(Fate::Fine) })
}

/// Lets an operator act. The operator is right.
fn operate(world: &World) {
    if world.random.chance(2000) && world.scenario.borrow().crashes {
        // Everything is stopped for a maintenance.
        world.processes().iter().filter(|process| process.is_alive()).for_each(|process| kill_one(world, process));
        return world.at(world.now.get() + 1200 * MS, Due::Fault(Fault::Vouch));
    }
    let records = world.store.borrow().contents.records.clone();
    let Some(now_tick) = now_tick(world) else { return };
    for (worker, record) in records {
        let Some(process) = world.processes().into_iter().find(|process| process.plan.owner == record.owner) else {
            continue;
        };
        let is_gone = matches!(process.state.get(), State::Killed | State::Ended | State::Failed)
            && process.since.get() + SECOND < world.now.get();
        let is_past = world.ledger.borrow().last_ticks.get(&worker).is_none_or(|last| *last < now_tick);
        if is_gone && is_past && record.token.is_some() {
            world.count("an operator reclaims a worker");
            world.tell(|| format!("an operator reclaims worker {worker} of {}", record.owner));
            world.ledger.borrow_mut().has_lost = true;
            let _ = operator().reclaim(&Ids::LAYOUT, worker);
            return;
        }
    }
}

fn now_tick(world: &World) -> Option<u64> {
    Terms::of(&Ids::LAYOUT).tick_at(world.store.borrow().clock.at(world.now.get()) / MS)
}

fn vouch(world: &World) {
    let processes = world.processes();
    let is_unused = processes.iter().all(|process| !process.is_alive());
    let is_past = now_tick(world).is_some_and(|now| world.ledger.borrow().last_ticks.values().all(|last| *last < now));
    if is_unused && is_past {
        world.count("an operator vouches for the space");
        world.ledger.borrow_mut().has_lost = true;
        let workers = world.scenario.borrow().workers;
        let vouched = operator().init_immediately(&Ids::LAYOUT, workers);
        world.tell(|| format!("an operator vouches for the space: {}", vouched.is_ok()));
    }
    let hosts = world.hosts.borrow().len();
    for nth in 0..world.scenario.borrow().processes {
        start(world, nth % hosts, world.random.below(500 * MS));
    }
}

/// Creates the space at the beginning of a run.
pub(crate) fn create(world: &World, is_vouched: bool) {
    let workers = world.scenario.borrow().workers;
    let mut operator = operator();
    let outcome = if is_vouched {
        operator.init_immediately(&Ids::LAYOUT, workers)
    } else {
        operator.init(&Ids::LAYOUT, workers).map(|_| ())
    };
    world.tell(|| format!("an operator creates a space of {workers} workers: {}", outcome.is_ok()));
}
