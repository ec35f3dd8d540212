//! `Auditor`: checks each state that a crash can leave.

use std::collections::HashSet;

use proptest::prelude::RngCore;

use super::host::Host;
use super::ledger::Ledger;
use super::medium::Medium;
use super::site::{FORGOTTEN_MS, Site, Step, WORKERS, owner};
use crate::{LeaseAdmin, StoreError};

/// Audits states, each once. Counts what the tests have covered, so that a test can not pass by covering nothing.
#[derive(Default)]
pub(super) struct Auditor {
    /// The number of faults that have happened.
    pub(super) faults: usize,
    /// The number of states that crashes have left.
    pub(super) states: usize,
    seen: HashSet<String>,
}

impl Auditor {
    /// Audits each state that a loss of power can leave now.
    pub(super) fn audit_after_power_loss(&mut self, site: &Site, random: &mut impl RngCore) {
        let (ledger, unix_ms) = (site.ledger().clone(), site.unix_ms());
        let states = site.host.state().medium.after_power_loss(random);
        for medium in states {
            self.states += 1;
            if self.seen.insert(format!("{unix_ms} {ledger:?} {}", medium.fingerprint())) {
                audit(medium, ledger.clone(), unix_ms);
            }
        }
    }

    /// Prints and checks what was covered.
    pub(super) fn finish(self, test: &str) {
        let (faults, states, different) = (self.faults, self.states, self.seen.len());
        println!("{test}: {faults} faults, {states} states after a crash, of which {different} differ");
        assert!(faults > 0 && states > 0 && different > 0, "nothing was tested");
    }
}

/// Checks one state, in which the host starts again.
fn audit(medium: Medium, ledger: Ledger, unix_ms: u64) {
    let before = medium.fingerprint();
    let (has_space, held, released) = (ledger.has_space, ledger.held.clone(), ledger.released.clone());
    let site = Site::of(medium, ledger, unix_ms);
    let mut store = site.store(1);
    let explain = |what: &str, error: &dyn std::fmt::Debug| -> ! { panic!("{what}: {error:?}, in\n{before}") };
    match store.survey() {
        Ok(survey) => {
            let owners: Vec<_> = survey.workers.into_iter().filter_map(|worker| worker.owner).collect();
            for holder in released {
                assert!(!owners.contains(&owner(holder)), "the release of {holder} is undone, in\n{before}");
            }
        }
        Err(StoreError::NoSpace { .. }) if !has_space => return,
        Err(error) => explain("the store has lost its space", &error),
    }
    for &holder in held.keys() {
        if let Err(error) = site.attempt(&mut store, Step::Renew(holder)) {
            explain(&format!("the lease of {holder} is lost"), &error);
        }
    }
    // No other process gets a worker whose window may still be in use.
    let mut newcomers = 1000..;
    let mut acquire = || site.attempt(&mut store, Step::Acquire(newcomers.next().expect("a number")));
    let refused = (0..=WORKERS).find_map(|_| acquire().err());
    match refused {
        Some(StoreError::NoFreeWorker { .. } | StoreError::NotYet { .. }) => {}
        other => explain("more leases than workers", &other),
    }
    // All workers are free in the end.
    site.clock.advance(FORGOTTEN_MS);
    for _ in 0..WORKERS {
        if acquire().is_err() {
            // A loss may be noticed only now.
            site.clock.advance(FORGOTTEN_MS);
            acquire().unwrap_or_else(|error| explain("a worker is never free again", &error));
        }
    }
    // No file of the crash is left.
    assert_eq!(names(&site.host), ["leases", "lock"], "from\n{before}");
}

/// Returns the names in the directory.
pub(super) fn names(host: &Host) -> Vec<String> {
    host.state().medium.names().keys().cloned().collect()
}
