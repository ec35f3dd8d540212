//! A disk that lies: it says that it has synced, and has not. Nothing can keep leases on such a disk. But the store takes
//! no file for its own that it has not written as a whole.

use super::ledger::Ledger;
use super::medium::Medium;
use super::scenarios;
use super::site::{Again, LAYOUT, NOW, Site, Step, WORKERS};
use crate::{LeaseAdmin, StoreError};

/// Checks that each call refuses the file, and that the file stays as it is.
fn assert_refused(site: &Site) {
    let contents = || site.contents("leases");
    let before = contents();
    let mut store = site.store(1);
    for outcome in [
        site.attempt(&mut store, Step::Acquire(1)),
        store.init_immediately(&LAYOUT, WORKERS),
        store.reclaim(&LAYOUT, 0),
        store.survey().map(drop),
    ] {
        let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default()).into_owned();
        assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{outcome:?} of {text:?}");
    }
    assert_eq!(contents(), before);
}

#[test]
fn a_file_that_a_lying_disk_has_written_in_part_is_refused_and_left_unchanged() {
    let mut runner = testkit::random::runner();
    let (mut whole, mut absent, mut refused) = (0, 0, 0);
    for scenario in scenarios::all() {
        let site = scenario.site();
        site.host.state().medium.lie();
        site.run(scenario.steps, Again::SameStore, || {});
        let lying = site.host.state().medium.clone();
        for state in lying.after_power_loss(runner.rng()) {
            let site = Site::of(state, Ledger::default(), NOW);
            match site.contents("leases") {
                None => {
                    let outcome = site.store(1).survey();
                    assert!(matches!(outcome, Err(StoreError::NoSpace { .. })), "{outcome:?}");
                    absent += 1;
                }
                Some(contents) if lying.has_had(&contents) => {
                    let outcome = site.store(1).survey();
                    assert!(outcome.is_ok(), "{outcome:?}");
                    whole += 1;
                }
                Some(_) => {
                    assert_refused(&site);
                    refused += 1;
                }
            }
        }
    }
    println!("a lying disk left {whole} whole files, {absent} times none, and {refused} files in part");
    assert!(whole > 0 && absent > 0 && refused > 0);
}

#[test]
fn a_file_in_which_a_disk_has_changed_one_byte_is_refused_and_left_unchanged() {
    let site = Site::of(Medium::default(), Ledger::default(), NOW);
    site.run(&[Step::InitImmediately, Step::Acquire(1)], Again::SameStore, || {});
    let good = site.contents("leases").expect("a file");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        site.host.state().medium.overwrite("leases", &bad);
        assert_refused(&site);
    }
}
