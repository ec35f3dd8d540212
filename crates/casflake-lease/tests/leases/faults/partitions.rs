//! One holder is cut off from the store, and others are not.

use std::time::{Duration, Instant};
use std::{mem, thread};

use testkit::eventually;
use testkit::proxy::{Cut, Ends, Proxy};

use super::holder::{Holder, Plan, draws, draws_many};
use super::verdict::Verdict;
use super::{Trial, is_long};
use crate::servers::StoreServer;

/// The cuts of a long run; a short one has a part of them.
const CUTS: [(Cut, Ends); 5] = [
    (Cut::Before, Ends::Open),
    (Cut::After, Ends::Open),
    (Cut::Late, Ends::Open),
    (Cut::Before, Ends::Closed),
    (Cut::After, Ends::Closed),
];

/// Cuts a holder off for longer than its lease. Another holder is granted the worker, and the first one a free worker when
/// it is connected again.
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

/// Cuts a holder off for less than its lease, during a renewal. It keeps its worker, whether the renewal has reached the
/// store or not.
pub(crate) fn a_short_cut(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let (proxy, url) = server.by_proxy()?;
    server.initialise(1);
    // A renewal begins after a third of the TTL, and the holder gives up an answer after two seconds.
    let ttl = 6 * trial.ttl;
    let far = Holder::start(&Plan { url, ttl, ..trial.plan(server) }, trial.scratch.path());
    draws(&far);
    // On some stores the first renewal takes more round trips than the later ones.
    renews(server, &far);
    let other = trial.start(server);
    for (cut, ends) in if is_long() { &CUTS[..] } else { &CUTS[1..2] } {
        lose_a_renewal(server, &proxy, &far, *cut, *ends);
        proxy.heal();
        renews(server, &far);
        assert_eq!(other.count(), 0, "another holder was granted the worker");
        draws(&far);
    }
    let ids = [far.finish()];
    draws(&other);
    Some(Verdict::of(ids.into_iter().chain([other.finish()])))
}

/// Cuts the connection such that a renewal or its answer is lost. The records of the store show which it was.
fn lose_a_renewal(server: &dyn StoreServer, proxy: &Proxy, far: &Holder, cut: Cut, ends: Ends) {
    eventually("a renewal that is lost", || {
        proxy.cut(cut, ends);
        let before = counter(server, far);
        eventually("a request", || proxy.has_lost().then_some(()));
        // The first request with an answer may be another than the renewal.
        let (lost, delay) = (Instant::now(), Duration::from_millis(if cut == Cut::After { 1000 } else { 0 }));
        let is_renewed = loop {
            match counter(server, far) > before {
                false if lost.elapsed() < delay => thread::sleep(Duration::from_millis(10)),
                is_renewed => break is_renewed,
            }
        };
        if is_renewed == (cut == Cut::After) {
            return Some(());
        }
        // The renewal was sent before the cut, or the lost request was another.
        proxy.heal();
        renews(server, far);
        None
    });
}

/// Waits for a renewal of the holder.
fn renews(server: &dyn StoreServer, far: &Holder) {
    let before = counter(server, far);
    eventually("a renewal", || (counter(server, far) > before).then_some(()));
}

/// Returns the counter of the holder's worker.
fn counter(server: &dyn StoreServer, far: &Holder) -> u64 {
    let (survey, worker) = (server.admin().survey().expect("a store"), far.worker());
    survey.workers.iter().find(|known| known.worker == worker).expect("a worker that was granted").counter
}
