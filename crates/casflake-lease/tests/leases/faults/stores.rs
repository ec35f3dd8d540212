//! Stores that are stopped, killed, emptied, set back, or whose clock is.

use std::thread;
use std::time::Instant;

use casflake_lease::{CLOCK_SLACK, MAX_TTL};
use testkit::eventually;

use super::Trial;
use super::holder::{Holder, draws};
use super::verdict::Verdict;
use crate::servers::StoreServer;

/// Holders that draw, as many as there are workers.
pub(crate) fn holders(server: &dyn StoreServer, trial: &Trial) -> Vec<Holder> {
    server.initialise(3);
    let holders: Vec<Holder> = (0..3).map(|_| trial.start(server)).collect();
    holders.iter().for_each(draws);
    holders
}

/// Waits until no holder draws any more: none has in a whole time to live.
pub(crate) fn end(holders: &[Holder], trial: &Trial) {
    end_under(holders, trial, || {});
}

/// The same, while something is done again and again.
pub(crate) fn end_under(holders: &[Holder], trial: &Trial, again: impl Fn()) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    let (mut before, mut since) = (count(), Instant::now());
    eventually("an end of all IDs", || {
        again();
        let now = count();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        (since.elapsed() >= trial.ttl).then_some(())
    });
}

pub(crate) fn all_draw(holders: &[Holder]) {
    holders.iter().for_each(draws);
}

/// Where there are more holders than workers.
pub(super) fn some_draw(holders: &[Holder]) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    let before = count();
    eventually("IDs", || (count() > before).then_some(()));
}

pub(crate) fn verdict(holders: Vec<Holder>) -> Option<Verdict> {
    Some(Verdict::of(holders.into_iter().map(Holder::finish)))
}

/// Stops for longer than leases last: all fail closed, and recover.
pub(crate) fn a_long_stop(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let holders = holders(server, trial);
    server.stop();
    end(&holders, trial);
    server.go_on();
    all_draw(&holders);
    verdict(holders)
}

/// Stops for a third of that: nobody notices.
pub(crate) fn a_short_stop(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    // On a machine that is busy with other things a third of the usual time is over too soon.
    let trial = &Trial { ttl: 4 * trial.ttl, ..Trial::new() };
    let holders = holders(server, trial);
    for _ in 0..3 {
        server.stop();
        thread::sleep(trial.ttl / 3);
        all_draw(&holders);
        server.go_on();
        // What was asked for before the stop may count from then: it takes another renewal until all is as before.
        all_renew(server);
        all_renew(server);
    }
    let verdict = verdict(holders)?;
    assert!(verdict.gap < trial.ttl / 3, "somebody has noticed: {verdict}");
    Some(verdict)
}

/// What was forgotten has passed, by the store's clock: it grants again.
pub(crate) fn let_the_forgotten_pass(server: &dyn StoreServer) {
    let seconds = (2 * (MAX_TTL + CLOCK_SLACK)).as_secs();
    server.set_clock(i64::try_from(seconds).expect("a few minutes"));
}

/// Loses everything while holders draw: they use up their windows, and no others are granted until those have passed
/// that may have been forgotten.
pub(crate) fn a_loss(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.wipe();
    // Nor is anybody else granted anything.
    holders.push(trial.start(server));
    end(&holders, trial);
    let_the_forgotten_pass(server);
    some_draw(&holders);
    // The space is as large as it was: there are more holders than workers.
    assert_eq!(server.admin().survey().expect("a space").space.expect("a space").workers, 3);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

pub(crate) fn a_lost_record(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.lose_record(1);
    holders.push(trial.start(server));
    thread::sleep(2 * trial.ttl);
    let_the_forgotten_pass(server);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Goes back to a copy that is older than the holders' leases.
pub(crate) fn an_old_copy(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(3);
    server.copy();
    let mut holders = holders(server, trial);
    server.restore();
    holders.push(trial.start(server));
    end(&holders, trial);
    let_the_forgotten_pass(server);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Is killed and started again.
pub(crate) fn a_crash(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
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

/// Its clock is set an hour ahead, which is the time to go by, and right again: no lease is granted or renewed until it
/// is as late once more.
pub(crate) fn a_clock_set_ahead(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let holders = holders(server, trial);
    server.set_clock(3600);
    all_renew(server);
    all_draw(&holders);
    server.set_clock(0);
    end(&holders, trial);
    server.set_clock(3600);
    all_draw(&holders);
    verdict(holders)
}

/// Its clock is set an hour back, and right again.
pub(crate) fn a_clock_set_back(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.set_clock(-3600);
    // Nor is anybody else granted anything.
    holders.push(trial.start(server));
    end(&holders, trial);
    server.set_clock(0);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Waits until each worker that was granted was granted or renewed once more.
fn all_renew(server: &dyn StoreServer) {
    let mut admin = server.admin();
    let mut counters = || {
        let survey = admin.survey().expect("a store");
        survey.workers.iter().map(|worker| worker.counter).collect::<Vec<_>>()
    };
    let before = counters();
    eventually("renewals", || counters().iter().zip(&before).all(|(now, before)| now > before).then_some(()));
}
