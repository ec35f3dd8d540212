//! Several processes, whose calls to the disk alternate.

use std::io::{self, ErrorKind};
use std::thread;

use proptest::prelude::RngCore;

use super::audit::Auditor;
use super::host::{Fault, Turn};
use super::is_thorough;
use super::scenarios::{self, Scenario};
use super::site::{Site, Step};
use crate::StoreError;

/// The holder that has the first worker from the beginning. The second worker is free.
const HOLDER: u128 = 10;
const REST: u64 = u64::MAX;

fn beginning() -> Scenario {
    scenarios::after(&[Step::InitImmediately, Step::Acquire(HOLDER)], "orders", &[])
}

/// Ends a process of the schedule, even if the thread panics.
struct Ends<'s>(&'s Site, u32);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.host.end(self.1);
    }
}

/// Makes each step once, in a process of its own: the first step in process 1, and so on. The processes take turns.
fn run(site: &Site, steps: &[Step], turns: &[Turn]) {
    let is_faulty = !site.host.has_faulted();
    let rest = (1..).zip(steps).map(|(process, _)| Turn::Calls(process, REST));
    site.host.schedule(turns.iter().copied().chain(rest));
    thread::scope(|scope| {
        for (process, &step) in (1..).zip(steps) {
            scope.spawn(move || {
                let _ends = Ends(site, process);
                let outcome = site.attempt(&mut site.store(process), step);
                let has_ended = site.host.is_off() || site.host.is_killed(process);
                if let Err(error) = outcome
                    && !has_ended
                {
                    let is_disturbed = turns.contains(&Turn::RemoveLock) || is_faulty;
                    let is_expected = if is_disturbed { error.is_retryable() } else { is_by_others(&error) };
                    assert!(is_expected, "{step:?} after {turns:?}: {error:?}");
                }
            });
        }
    });
}

/// Returns whether a call may fail because of other processes that only do their work.
fn is_by_others(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { cause, .. } => {
            cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == ErrorKind::TimedOut)
        }
        error => matches!(error, StoreError::NoFreeWorker { .. } | StoreError::NotYet { .. }),
    }
}

/// Returns how many calls to the disk a step makes if no other process makes any.
fn calls(beginning: &Scenario, step: Step) -> u64 {
    let site = beginning.site();
    run(&site, &[step], &[]);
    site.host.calls()
}

/// Would catch: a process that changes contents that it has read before it had the lock; a lock that a process gets
/// although the file was removed.
#[test]
fn l1_two_processes_that_interrupt_each_other_at_any_call_lose_no_lease() {
    let (empty, ready) = (|| scenarios::after(&[], "empty", &[]), beginning);
    let pairs = [
        (empty(), [Step::InitImmediately, Step::InitImmediately]),
        (empty(), [Step::InitImmediately, Step::Init]),
        (ready(), [Step::Acquire(1), Step::Acquire(2)]),
        (ready(), [Step::Acquire(1), Step::Renew(HOLDER)]),
        (ready(), [Step::Renew(HOLDER), Step::Acquire(1)]),
        (ready(), [Step::Release(HOLDER), Step::Acquire(1)]),
        (ready(), [Step::InitImmediately, Step::Acquire(1)]),
        // A call that the caller no longer waits for, and its repetition.
        (ready(), [Step::Acquire(1), Step::Acquire(1)]),
    ];
    let mut runner = testkit::random::runner();
    let mut auditor = Auditor::default();
    // How many calls the second process makes before the first one goes on.
    let stride = if is_thorough() { 1 } else { 3 };
    for (beginning, steps) in pairs {
        let [first, second] = steps.map(|step| calls(&beginning, step));
        for is_lock_removed in [false, true] {
            for until in 0..first {
                for then in (1..=second).step_by(stride) {
                    let removed = is_lock_removed.then_some(Turn::RemoveLock);
                    let turns = [Some(Turn::Calls(1, until)), removed, Some(Turn::Calls(2, then))];
                    let turns: Vec<Turn> = turns.into_iter().flatten().collect();
                    let site = beginning.site();
                    run(&site, &steps, &turns);
                    auditor.faults += 1;
                    auditor.audit_after_power_loss(&site, runner.rng());
                }
            }
        }
    }
    auditor.finish("two processes");
}

#[test]
fn l1_processes_in_any_order_with_any_fault_lose_no_lease() {
    let beginning = beginning();
    let mut runner = testkit::random::runner();
    let mut auditor = Auditor::default();
    let rounds = if is_thorough() { 100_000 } else { 500 };
    for _ in 0..rounds {
        let random = runner.rng();
        let mut draw = |count: u64| random.next_u64() % count;
        let site = beginning.site();
        let some = [Step::Renew(HOLDER), Step::Release(HOLDER), Step::InitImmediately, Step::Acquire(3), Step::Survey];
        let some = some[usize::try_from(draw(5)).expect("an index")];
        let steps = [Step::Acquire(1), Step::Acquire(2), some];
        let turns: Vec<Turn> = (0..30)
            .map(|_| match draw(30) {
                0 => Turn::RemoveLock,
                number => Turn::Calls(u32::try_from(number % 3).expect("a process") + 1, 1 + draw(9)),
            })
            .collect();
        match draw(4) {
            0 => site.host.plan_power_loss(1 + draw(80)),
            1 => site.host.plan(1 + draw(80), Fault::Killed),
            2 => site.host.plan(1 + draw(80), Fault::FailsAfterwards),
            _ => {}
        }
        run(&site, &steps, &turns);
        auditor.faults += 1;
        auditor.audit_after_power_loss(&site, random);
    }
    auditor.finish("orders");
}
