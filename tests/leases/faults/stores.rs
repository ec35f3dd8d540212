//! Stores that are stopped, killed, emptied, set back, or whose clock is.

use std::thread;

use casflake::lease::{CLOCK_SLACK, MAX_TTL};

use super::Trial;
use super::holder::{Holder, draws};
use super::verdict::Verdict;
use crate::servers::Server;
use crate::soon::soon;

/// Holders that draw, as many as there are workers.
fn holders(server: &mut dyn Server, trial: &Trial) -> Vec<Holder> {
    server.initialise(3);
    let holders: Vec<Holder> = (0..3).map(|_| trial.start(server)).collect();
    holders.iter().for_each(draws);
    holders
}

/// Waits until no holder draws any more: none has in a whole time to live.
fn end(holders: &[Holder], trial: &Trial) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    soon("an end of all IDs", || {
        let before = count();
        thread::sleep(trial.ttl);
        (count() == before).then_some(())
    });
}

fn all_draw(holders: &[Holder]) {
    holders.iter().for_each(draws);
}

/// Where there are more holders than workers.
fn some_draw(holders: &[Holder]) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    let before = count();
    soon("IDs", || (count() > before).then_some(()));
}

fn verdict(holders: Vec<Holder>) -> Verdict {
    Verdict::of(holders.into_iter().map(Holder::finish))
}

/// Stops for longer than leases last: all fail closed, and recover.
pub(crate) fn a_long_stop(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let holders = holders(server, trial);
    server.stop();
    end(&holders, trial);
    server.go_on();
    all_draw(&holders);
    verdict(holders)
}

/// Stops for a third of that: nobody notices.
pub(crate) fn a_short_stop(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let holders = holders(server, trial);
    for _ in 0..3 {
        server.stop();
        thread::sleep(trial.ttl / 3);
        all_draw(&holders);
        server.go_on();
        thread::sleep(trial.ttl / 3);
        all_draw(&holders);
    }
    let verdict = verdict(holders);
    assert!(verdict.gap < trial.ttl / 3, "somebody has noticed: {verdict}");
    verdict
}

/// What was forgotten has passed, by the store's clock: it grants again.
fn let_the_forgotten_pass(server: &mut dyn Server) {
    let seconds = (2 * (MAX_TTL + CLOCK_SLACK)).as_secs();
    server.set_clock(i64::try_from(seconds).expect("a few minutes"));
}

/// Loses everything while holders draw: they use up their windows, and no others are granted until those have passed
/// that may have been forgotten.
pub(crate) fn a_loss(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let mut holders = holders(server, trial);
    server.wipe();
    // Nor is anybody else granted anything.
    holders.push(trial.start(server));
    end(&holders, trial);
    let_the_forgotten_pass(server);
    all_draw(&holders);
    verdict(holders)
}

pub(crate) fn a_lost_record(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let mut holders = holders(server, trial);
    server.lose_record(1);
    holders.push(trial.start(server));
    thread::sleep(2 * trial.ttl);
    let_the_forgotten_pass(server);
    some_draw(&holders);
    Verdict::of(holders.into_iter().map(Holder::kill))
}

/// Goes back to a copy that is older than the holders' leases.
pub(crate) fn an_old_copy(server: &mut dyn Server, trial: &Trial) -> Verdict {
    server.initialise(3);
    server.copy();
    let mut holders = holders(server, trial);
    server.restore();
    holders.push(trial.start(server));
    end(&holders, trial);
    let_the_forgotten_pass(server);
    some_draw(&holders);
    Verdict::of(holders.into_iter().map(Holder::kill))
}

/// Is killed and started again.
pub(crate) fn a_crash(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let holders = holders(server, trial);
    for _ in 0..3 {
        server.crash();
        thread::sleep(trial.ttl);
    }
    // Where that makes it another server, as in Redis.
    let_the_forgotten_pass(server);
    all_draw(&holders);
    verdict(holders)
}

/// Its clock is set an hour ahead, and an hour back, and right again.
pub(crate) fn a_stepped_clock(server: &mut dyn Server, trial: &Trial) -> Verdict {
    let holders = holders(server, trial);
    server.set_clock(3600);
    thread::sleep(2 * trial.ttl);
    all_draw(&holders);
    server.set_clock(0);
    end(&holders, trial);
    server.set_clock(3600);
    all_draw(&holders);
    verdict(holders)
}
