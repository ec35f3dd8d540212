//! Processes that are killed, stopped and restarted, and whose clocks are wrong.

use testkit::eventually;

use super::Trial;
use super::holder::{Holder, Plan, draws, draws_many};
use super::verdict::Verdict;
use crate::servers::StoreServer;

/// Kills holders at random, and starts others in their place at once: twice as many as there are workers.
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

/// Stops a holder for longer than its lease lasts, lets another take the worker, and lets it go on.
pub(crate) fn a_stopped_process(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(1);
    let one = trial.start(server);
    draws(&one);
    one.pause();
    let other = trial.start(server);
    draws(&other);
    one.go_on();
    draws_many(&other, 3000);
    // It finds out that its worker is another's, and draws again when that is free.
    let mut ids = vec![other.finish()];
    draws(&one);
    ids.push(one.finish());
    Some(Verdict::of(ids))
}

/// Clocks of the hosts that are ten minutes apart, and one that is set back by an hour over a restart. By the store's
/// time that is nobody's business; by their own clocks those that are out of their windows draw nothing.
pub(crate) fn wrong_clocks(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(8);
    let minutes = |minutes: i64| Plan { clock_ms: minutes * 60_000, ..trial.plan(server) };
    let start = |plan: Plan| Holder::start(&plan, trial.scratch.path());
    let right = start(minutes(0));
    draws(&right);
    let wrong = [start(minutes(10)), start(minutes(-10))];
    // A directory has no clock but those of the processes.
    let has_clock = server.name() != "file";
    let is_told_the_time = has_clock && !trial.by_own_clock;
    if is_told_the_time {
        wrong.iter().for_each(draws);
    }
    draws_many(&right, 3000);
    let mut ids = vec![right.finish()];
    let again = start(minutes(-60));
    if is_told_the_time {
        draws(&again);
    }
    let next = start(minutes(0));
    draws_many(&next, 3000);
    if has_clock && trial.by_own_clock {
        let outside = wrong.iter().chain([&again]).map(Holder::count).sum::<u64>();
        assert_eq!(outside, 0, "IDs of clocks that are out of every window");
    }
    ids.extend(wrong.into_iter().chain([again, next]).map(Holder::kill));
    Some(Verdict::of(ids))
}
