//! The end of a run: all faults heal, every process must issue IDs again, and all processes end in peace.

use casflake_lease::{CLOCK_SLACK, MAX_TTL};

use crate::host::START_MS;
use crate::process::{Proc, State};
use crate::scenario::{MS, SECOND};
use crate::violation::Kind;
use crate::world::World;

/// The time after the heal within which each process with a worker must issue IDs. After a loss of data, the store grants
/// nothing for `MAX_TTL` + `CLOCK_SLACK`; the loss may be noticed a TTL after the heal, and a lease may have to end
/// before its worker is free; the keeper asks once in a second, and a call that has begun before the heal may take
/// three TTLs. If a record of a worker is lost after the space was lost, that worker waits once more, because the loss is
/// noticed only by the first grant of the new space. The time by which the clock of the store was ahead is added.
const ALIVE_WITHIN_NS: u64 = (2 * (MAX_TTL.as_secs() + CLOCK_SLACK.as_secs()) + 45) * SECOND;

/// Ends all faults, and sets all clocks right.
pub(crate) fn heal(world: &World) {
    world.tell(|| "all faults have healed".into());
    world.is_calm.set(true);
    world.scenario.borrow_mut().calm();
    let now = world.now.get();
    let truth = i64::try_from(START_MS * MS + now).unwrap_or(0);
    for process in world.processes() {
        process.remember_reading(world);
        process.clock_panics_until.set(0);
        process.account.borrow_mut().issued_at = None;
    }
    for clocks in world.hosts.borrow_mut().iter_mut() {
        clocks.wall.set(now, truth);
    }
    let mut stored = world.store.borrow_mut();
    stored.frozen_until = 0;
    stored.clock.set(now, truth);
}

/// Returns how far a process or the store may be ahead of the true time.
fn ahead(world: &World) -> u64 {
    let truth_ns = START_MS * MS + world.now.get();
    world.store.borrow().highest_ns.saturating_sub(truth_ns)
}

/// Lets the world go on until each process has issued an ID.
pub(crate) fn expect_life(world: &World) {
    let end = world.now.get() + ALIVE_WITHIN_NS + ahead(world);
    let is_silent = |process: &Proc| match process.state.get() {
        State::Starting => true,
        State::Running => process.account.borrow().issued_at.is_none(),
        _ => false,
    };
    while world.now.get() < end && !world.is_broken() {
        if !world.processes().iter().any(|process| is_silent(process)) {
            return;
        }
        world.run_until(world.now.get() + 500 * MS);
    }
    let processes = world.processes();
    let live = processes.iter().filter(|process| process.is_alive()).count() as u64;
    let workers = world.store.borrow().contents.space.as_ref().map_or(0, |space| space.workers);
    let silent = processes.iter().find(|process| process.state.get() == State::Running && is_silent(process));
    if live <= workers
        && !world.ledger.borrow().is_ruined
        && let Some(process) = silent
    {
        world.broken(Kind::NotAlive, || format!("{} issues no IDs although all is well", process.plan.owner));
    }
}

/// Ends all processes, and judges what they leave behind.
pub(crate) fn end_in_peace(world: &World) {
    if world.is_broken() {
        return;
    }
    for process in world.processes().iter().filter(|process| process.state.get() == State::Running) {
        crate::closing::start(world, process, world.random.below(300 * MS));
    }
    let end = world.now.get() + 300 * SECOND;
    let is_closing = |process: &Proc| process.state.get() == State::Closing;
    while world.now.get() < end && !world.is_broken() && world.processes().iter().any(|process| is_closing(process)) {
        world.run_until(world.now.get() + 100 * MS);
    }
    world.run_until(world.now.get() + SECOND);
    if let Some(process) = world.processes().iter().find(|process| is_closing(process)) {
        world.broken(Kind::TooLong, || format!("{} does not end", process.plan.owner));
    }
    for process in world.processes().iter().filter(|process| process.state.get() == State::Ended) {
        judge_statistics(world, process);
    }
    judge_leaks(world);
}

fn judge_statistics(world: &World, process: &Proc) {
    let Some(shared) = process.shared.borrow().clone() else { return };
    let stats = world.without_a_moment(|| shared.stats());
    let account = process.account.borrow();
    let name = &process.plan.owner;
    if process.calls.get() == 0 && !account.has_panicked && stats.generator.ids != account.ids {
        let (issued, returned) = (stats.generator.ids, account.ids);
        world.broken(Kind::LostIds, || format!("{name} has issued {issued} IDs, but returned {returned}"));
    }
    let counted = (stats.acquired, stats.renewals, stats.failures, stats.expired);
    let happened = (account.acquired, account.renewals, account.failures, account.expired);
    if counted != happened {
        world.broken(Kind::Statistics, || format!("{name} counts {counted:?}, but {happened:?} have happened"));
    }
    let events = &account.events;
    if events.acquired != account.acquired || events.renewed != account.renewals {
        let reported = (events.acquired, events.renewed);
        world.broken(Kind::Events, || format!("{name} reports {reported:?} of {happened:?}"));
    }
}

/// No lease is left taken, unless a message that was lost explains it.
fn judge_leaks(world: &World) {
    let stored = world.store.borrow();
    let ledger = world.ledger.borrow();
    if ledger.is_ruined {
        return;
    }
    for (worker, record) in &stored.contents.records {
        let has_ended = |process: &std::rc::Rc<Proc>| {
            process.plan.owner == record.owner && matches!(process.state.get(), State::Ended | State::Failed)
        };
        let is_excused = record.token.is_none_or(|token| ledger.excused.contains(&token));
        if !is_excused && world.processes().iter().any(has_ended) {
            world.broken(Kind::Leaked, || format!("worker {worker} of {} is still taken", record.owner));
        }
    }
}
