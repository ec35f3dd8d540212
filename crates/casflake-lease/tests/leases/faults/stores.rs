//! Stores are stopped, killed, emptied or restored, or their clocks move.

use std::thread;
use std::time::Instant;

use casflake_lease::{CLOCK_SLACK, MAX_TTL};
use testkit::eventually;

use super::Trial;
use super::holder::{Holder, draws};
use super::verdict::Verdict;
use crate::servers::StoreServer;

/// Starts three holders for three workers, and waits until each draws.
pub(crate) fn holders(server: &dyn StoreServer, trial: &Trial) -> Vec<Holder> {
    server.initialise(3);
    let holders: Vec<Holder> = (0..3).map(|_| trial.start(server)).collect();
    holders.iter().for_each(draws);
    holders
}

/// Waits until no holder has drawn for a whole TTL.
pub(crate) fn end(holders: &[Holder], trial: &Trial) {
    end_under(holders, trial, || {});
}

/// The same, and calls `again` repeatedly meanwhile.
pub(crate) fn end_under(holders: &[Holder], trial: &Trial, again: impl Fn()) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    let (mut before, mut since) = (count(), Instant::now());
    eventually("no more IDs", || {
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

/// Waits until some holder draws. For more holders than workers.
pub(super) fn some_draw(holders: &[Holder]) {
    let count = || holders.iter().map(Holder::count).sum::<u64>();
    let before = count();
    eventually("IDs", || (count() > before).then_some(()));
}

pub(crate) fn verdict(holders: Vec<Holder>) -> Option<Verdict> {
    Some(Verdict::of(holders.into_iter().map(Holder::finish)))
}

/// Stops the store for longer than leases last. All holders stop, and draw again afterwards.
pub(crate) fn a_long_stop(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let holders = holders(server, trial);
    server.stop();
    end(&holders, trial);
    server.go_on();
    all_draw(&holders);
    verdict(holders)
}

/// Stops the store for a third of the TTL. No holder stops.
pub(crate) fn a_short_stop(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    // On a machine that is busy with other things a third of the usual time is over too soon.
    let trial = &Trial { ttl: 4 * trial.ttl, ..Trial::new() };
    let holders = holders(server, trial);
    for _ in 0..3 {
        server.stop();
        thread::sleep(trial.ttl / 3);
        all_draw(&holders);
        server.go_on();
        // A renewal that was sent before the stop may count from then, so only the next one restores the whole window.
        all_renew(server);
        all_renew(server);
    }
    let verdict = verdict(holders)?;
    assert!(verdict.gap < trial.ttl / 3, "a holder has stopped: {verdict}");
    Some(verdict)
}

/// Moves the store's clock past every window that the store may have forgotten, so that it grants again.
pub(crate) fn pass_forgotten_windows(server: &dyn StoreServer) {
    let seconds = (2 * (MAX_TTL + CLOCK_SLACK)).as_secs();
    server.set_clock(i64::try_from(seconds).expect("a few minutes"));
}

/// Loses everything while holders draw. They use up their windows. Nothing is granted until every window that the store
/// may have forgotten has ended.
pub(crate) fn a_loss(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.wipe();
    // Another process is not granted a lease either.
    holders.push(trial.start(server));
    end(&holders, trial);
    pass_forgotten_windows(server);
    some_draw(&holders);
    // The space has as many workers as before, although there are more holders now.
    assert_eq!(server.admin().survey().expect("a space").space.expect("a space").workers, 3);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Loses the record of one worker while holders draw.
pub(crate) fn a_lost_record(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.lose_record(1);
    holders.push(trial.start(server));
    thread::sleep(2 * trial.ttl);
    pass_forgotten_windows(server);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Restores a copy of the store that is older than the leases of the holders.
pub(crate) fn an_old_copy(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    server.initialise(3);
    server.copy();
    let mut holders = holders(server, trial);
    server.restore();
    holders.push(trial.start(server));
    end(&holders, trial);
    pass_forgotten_windows(server);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Kills the store and starts it again, three times.
pub(crate) fn a_crash(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let holders = holders(server, trial);
    for _ in 0..3 {
        server.crash();
        thread::sleep(trial.ttl);
    }
    // Some stores, such as Redis, count as another server after a restart.
    pass_forgotten_windows(server);
    all_draw(&holders);
    verdict(holders)
}

/// Sets the clock of the store ahead by an hour, which is the time of its leases then, and back. No lease is granted or
/// renewed until the clock has caught up.
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

/// Sets the clock of the store back by an hour, and forward again.
pub(crate) fn a_clock_set_back(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let mut holders = holders(server, trial);
    server.set_clock(-3600);
    // Another process is not granted a lease either.
    holders.push(trial.start(server));
    end(&holders, trial);
    server.set_clock(0);
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}

/// Waits until each worker with a record was granted or renewed once more.
fn all_renew(server: &dyn StoreServer) {
    let mut admin = server.admin();
    let mut counters = || {
        let survey = admin.survey().expect("a store");
        survey.workers.iter().map(|worker| worker.counter).collect::<Vec<_>>()
    };
    let before = counters();
    eventually("renewals", || counters().iter().zip(&before).all(|(now, before)| now > before).then_some(()));
}
