//! One holder that is cut off from the store, while others are not.

use std::time::{Duration, Instant};
use std::{mem, thread};

use testkit::eventually;
use testkit::proxy::{Cut, Ends, Proxy};

use super::holder::{Holder, Plan, draws, draws_many};
use super::verdict::Verdict;
use super::{Trial, is_long};
use crate::servers::StoreServer;

const CUTS: [(Cut, Ends); 5] = [
    (Cut::Before, Ends::Open),
    (Cut::After, Ends::Open),
    (Cut::Late, Ends::Open),
    (Cut::Before, Ends::Closed),
    (Cut::After, Ends::Closed),
];

/// For longer than its lease: another gets the worker, and the holder one that is free when it is back.
pub(crate) fn a_long_cut(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let (proxy, url) = server.by_proxy()?;
    server.initialise(2);
    let far = Holder::start(&Plan { url, ..trial.plan(server) }, trial.scratch.path());
    draws(&far);
    let mut near = trial.start(server);
    draws(&near);
    let mut ids = Vec::new();
    for (cut, ends) in if is_long() { &CUTS[..] } else { &CUTS[..3] } {
        let other = trial.start(server);
        proxy.cut(*cut, *ends);
        draws(&other);
        proxy.heal();
        draws_many(&other, 1000);
        ids.push(mem::replace(&mut near, other).finish());
        draws(&far);
    }
    ids.extend([near.finish(), far.finish()]);
    Some(Verdict::of(ids))
}

/// For less than its lease, while a renewal is under way: it keeps its worker, whether the store has renewed that or
/// not.
pub(crate) fn a_short_cut(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let (proxy, url) = server.by_proxy()?;
    server.initialise(1);
    // A third of it passes until a renewal, and two seconds more until the holder waits for an answer no longer.
    let ttl = 6 * trial.ttl;
    let far = Holder::start(&Plan { url, ttl, ..trial.plan(server) }, trial.scratch.path());
    draws(&far);
    // From the first renewal on each is as the next: of some stores it is the first that takes more trips.
    renews(server, &far);
    let other = trial.start(server);
    for (cut, ends) in if is_long() { &CUTS[..] } else { &CUTS[1..2] } {
        lose_a_renewal(server, &proxy, &far, *cut, *ends);
        proxy.heal();
        renews(server, &far);
        assert_eq!(other.count(), 0, "somebody has noticed");
        draws(&far);
    }
    let ids = [far.finish()];
    draws(&other);
    Some(Verdict::of(ids.into_iter().chain([other.finish()])))
}

/// Cuts the way so that a renewal is lost, or its answer: the store itself tells which.
fn lose_a_renewal(server: &dyn StoreServer, proxy: &Proxy, far: &Holder, cut: Cut, ends: Ends) {
    eventually("a renewal that is lost", || {
        proxy.cut(cut, ends);
        let before = counter(server, far);
        eventually("a request", || proxy.has_lost().then_some(()));
        // What is answered first may be another of its requests.
        let (lost, patience) = (Instant::now(), Duration::from_millis(if cut == Cut::After { 1000 } else { 0 }));
        let is_renewed = loop {
            match counter(server, far) > before {
                false if lost.elapsed() < patience => thread::sleep(Duration::from_millis(10)),
                is_renewed => break is_renewed,
            }
        };
        if is_renewed == (cut == Cut::After) {
            return Some(());
        }
        // It was under way already, or something else.
        proxy.heal();
        renews(server, far);
        None
    });
}

fn renews(server: &dyn StoreServer, far: &Holder) {
    let before = counter(server, far);
    eventually("a renewal", || (counter(server, far) > before).then_some(()));
}

/// How often the holder's worker was granted or renewed.
fn counter(server: &dyn StoreServer, far: &Holder) -> u64 {
    let (survey, worker) = (server.admin().survey().expect("a store"), far.worker());
    survey.workers.iter().find(|known| known.worker == worker).expect("a worker that was granted").counter
}
