//! Processes are killed, stopped and restarted, or have wrong clocks.

use testkit::eventually;

use super::Trial;
use super::holder::{Holder, Plan, draws, draws_many};
use super::verdict::Verdict;
use crate::servers::StoreServer;

/// Kills holders at random, and replaces each immediately. There are twice as many holders as workers.
pub(crate) fn kills(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let workers = 4;
    server.initialise(workers);
    let start = || trial.start(server);
    let mut holders: Vec<Holder> = (0..2 * workers).map(|_| start()).collect();
    let mut ids = Vec::new();
    for round in 0..trial.rounds {
        // Some holders draw.
        let before: u64 = holders.iter().map(Holder::count).sum();
        eventually("IDs", || (holders.iter().map(Holder::count).sum::<u64>() >= before + 500).then_some(()));
        let victim = holders.remove(round * 7 % holders.len());
        ids.push(victim.kill());
        holders.push(start());
    }
    ids.extend(holders.into_iter().map(Holder::kill));
    Some(Verdict::of(ids))
}

/// Stops a holder for longer than its lease lasts, waits until another is granted the worker, and continues it.
pub(crate) fn a_stopped_process(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(1);
    let one = trial.start(server);
    draws(&one);
    one.pause();
    let other = trial.start(server);
    draws(&other);
    one.go_on();
    draws_many(&other, 3000);
    // It learns that another holder has its worker, and draws again when that worker is free.
    let mut ids = vec![other.finish()];
    draws(&one);
    ids.push(one.finish());
    Some(Verdict::of(ids))
}

/// Starts holders on hosts with clocks that are ten minutes ahead and behind, and one with a clock that moves back by an
/// hour over a restart. With the store's time, this has no effect. With the clocks of the hosts, a holder outside its
/// window draws nothing.
pub(crate) fn wrong_clocks(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(8);
    let minutes = |minutes: i64| Plan { clock_ms: minutes * 60_000, ..trial.plan(server) };
    let start = |plan: Plan| Holder::start(&plan, trial.scratch.path());
    let right = start(minutes(0));
    draws(&right);
    let wrong = [start(minutes(10)), start(minutes(-10))];
    // The clock of a directory is that of each process.
    let has_clock = server.name() != "file";
    let uses_store_time = has_clock && !trial.by_own_clock;
    if uses_store_time {
        wrong.iter().for_each(draws);
    }
    draws_many(&right, 3000);
    let mut ids = vec![right.finish()];
    let again = start(minutes(-60));
    if uses_store_time {
        draws(&again);
    }
    let next = start(minutes(0));
    draws_many(&next, 3000);
    if has_clock && trial.by_own_clock {
        let outside = wrong.iter().chain([&again]).map(Holder::count).sum::<u64>();
        assert_eq!(outside, 0, "IDs by clocks that are outside every window");
    }
    ids.extend(wrong.into_iter().chain([again, next]).map(Holder::kill));
    Some(Verdict::of(ids))
}
