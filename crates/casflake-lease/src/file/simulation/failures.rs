//! A call to the disk fails, or a process ends during it. The caller repeats its call of the store, and then the power
//! fails.

use super::audit::{Auditor, names};
use super::host::Fault;
use super::ledger::Ledger;
use super::medium::Medium;
use super::site::{Again, FORGOTTEN_MS, NOW, Site, Step};
use super::{is_thorough, scenarios};

/// Runs each scenario with `fault` at each of its calls.
fn check(fault: Fault) {
    let mut runner = testkit::random::runner();
    let mut auditor = Auditor::default();
    for scenario in scenarios::all() {
        for number in 1..=scenario.calls() {
            for again in [Again::SameStore, Again::NewStore] {
                // After the fault, the power fails after each step, or also at each later call.
                let mut later = 1;
                loop {
                    let site = scenario.site();
                    site.host.plan(number, fault);
                    if is_thorough() {
                        site.host.plan_power_loss(number + later);
                    }
                    site.run(scenario.steps, again, || {
                        if site.host.has_faulted() {
                            auditor.audit_after_power_loss(&site, runner.rng());
                        }
                    });
                    auditor.faults += usize::from(site.host.has_faulted());
                    auditor.audit_after_power_loss(&site, runner.rng());
                    if !site.host.is_off() {
                        let mut names = names(&site.host);
                        names.retain(|name| name != "lock");
                        assert_eq!(names, ["leases"], "{} with {fault:?} at {number}", scenario.name);
                        break;
                    }
                    later += 1;
                }
            }
        }
    }
    auditor.finish(&format!("{fault:?}"));
}

#[test]
fn l1_a_call_that_fails_loses_no_lease_and_can_be_repeated() {
    check(Fault::Fails);
}

/// Would catch: a process that is granted a lease again that was written, but not synced.
#[test]
fn l1_a_call_that_fails_although_it_was_carried_out_loses_no_lease_and_can_be_repeated() {
    check(Fault::FailsAfterwards);
}

#[test]
fn l1_a_disk_that_fails_for_a_time_loses_no_lease_and_can_be_used_again() {
    check(Fault::Broken);
}

#[test]
fn l1_a_full_disk_loses_no_lease_and_can_be_used_again() {
    check(Fault::Full);
}

#[test]
fn l1_a_process_that_is_killed_loses_no_lease_of_others_and_leaves_no_lock_and_no_file() {
    check(Fault::Killed);
}

/// Would catch: an operator that is told that the space was made, and waits a second time after a crash.
#[test]
fn a_power_loss_does_not_begin_the_wait_of_a_new_space_again() {
    let mut runner = testkit::random::runner();
    for number in 1.. {
        let site = Site::of(Medium::default(), Ledger::default(), NOW);
        site.host.plan(number, Fault::Fails);
        site.run(&[Step::Init], Again::NewStore, || {});
        if !site.host.has_faulted() {
            assert!(number > 1);
            break;
        }
        let states = site.host.state().medium.after_power_loss(runner.rng());
        for medium in states {
            let site = Site::of(medium, Ledger::default(), NOW + FORGOTTEN_MS);
            site.attempt(&mut site.store(1), Step::Acquire(1)).expect("a grant after one wait");
        }
    }
}

/// Would catch: a temporary file on a full disk that takes the room of the next one.
#[test]
fn a_call_that_fails_removes_its_temporary_file() {
    let ready = scenarios::after(&[Step::InitImmediately], "", &[]);
    for fault in [Fault::Fails, Fault::FailsAfterwards, Fault::Full] {
        let mut failed = 0;
        for number in 1.. {
            let site = ready.site();
            site.host.plan(number, fault);
            failed += usize::from(site.attempt(&mut site.store(1), Step::Acquire(1)).is_err());
            if !site.host.has_faulted() {
                break;
            }
            assert_eq!(names(&site.host), ["leases", "lock"], "{fault:?} at {number}");
        }
        assert!(failed > 0);
    }
}

/// Would catch: a lock that a process gets although the file was removed. The process could not use this lock.
#[test]
fn a_lock_that_is_removed_before_a_process_gets_it_is_made_again() {
    let (mut before, mut after) = (0, 0);
    for number in 1.. {
        let site = scenarios::after(&[Step::InitImmediately], "", &[]).site();
        site.host.plan(number, Fault::LockRemoved);
        let outcome = site.attempt(&mut site.store(1), Step::Acquire(1));
        if !site.host.has_faulted() {
            break;
        }
        if site.host.state().was_locked {
            after += 1;
        } else {
            before += 1;
            assert!(outcome.is_ok(), "at {number}: {outcome:?}");
        }
    }
    assert!(before > 0 && after > 0);
}

#[test]
fn l1_a_lock_that_is_removed_at_any_call_loses_no_lease() {
    check(Fault::LockRemoved);
}

/// Would catch: a lock that is released only by closing its file, which the child has open, too.
#[test]
fn a_child_that_is_forked_at_any_call_keeps_no_lock() {
    check(Fault::Forked);
}
