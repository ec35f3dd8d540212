//! `LeasedGenerator` on stores that break the contract of `LeaseStore`: one panics, one returns another lease than the
//! renewed one, and one does not answer.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::GenerateError;
use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator, LeasedGeneratorBuilder, StoreError};
use testkit::{Scratch, eventually, within};

use crate::faulty_store::{Control, Fault, FaultyStore};

const TTL: Duration = Duration::from_millis(600);

fn builder(scratch: &Scratch) -> (LeasedGeneratorBuilder<FaultyStore<FileStore>>, Arc<Control>) {
    crate::initialise(&mut FileStore::new(scratch.path()), 2);
    let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
    (LeasedGenerator::builder(store).ttl(TTL).wait_for_worker(crate::PATIENCE), control)
}

/// Waits until calls fail for another reason than a full tick. Returns their error.
fn wait_for_refusal(ids: &LeasedGenerator) -> GenerateError {
    eventually("a refusal", || {
        ids.try_generate().err().filter(|error| !matches!(error, GenerateError::Exhausted { .. }))
    })
}

/// Waits until the statistics have an error that starts with these words.
fn wait_for_error(ids: &LeasedGenerator, words: &str) {
    eventually(words, || ids.stats().last_error.filter(|error| error.starts_with(words)));
}

/// Would catch: a panic that ends the keeper's thread, and is not reported.
#[test]
fn a_store_that_panics_counts_as_unavailable_and_is_called_again() {
    within("a shutdown after a panic", || {
        let scratch = Scratch::new();
        let (builder, control) = builder(&scratch);
        let ids = builder.build().unwrap();
        control.set(Fault::Panics);
        assert!(matches!(wait_for_refusal(&ids), GenerateError::LeaseExpired { .. }));
        wait_for_error(
            &ids,
            "asking the store of leases failed: try again when the store is available: it has panicked",
        );
        control.set(Fault::None);
        eventually("an ID", || ids.generate().ok());
        assert_eq!(ids.stats().acquired, 1, "each renewal had its effect nevertheless: {:?}", ids.stats());
        ids.shutdown().unwrap();
    });
}

/// Would catch: a fence that is extended by the lease of another worker.
#[test]
fn i8_a_renewal_that_returns_another_lease_does_not_extend_the_fence() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let (builder, control) = builder(&scratch);
        let ids = builder.build().unwrap();
        control.set(Fault::ReturnsAnotherLease);
        assert!(matches!(wait_for_refusal(&ids), GenerateError::LeaseExpired { .. }));
        wait_for_error(&ids, "invalid data in the lease that was renewed");
        control.set(Fault::None);
        eventually("an ID", || ids.generate().ok());
    });
}

/// Would catch: calls that still wait for a store that does not answer; a second shutdown that returns before the first
/// is done; and one that never returns.
#[test]
fn a_store_that_does_not_answer_delays_the_shutdown_but_no_call() {
    within("a call that waits, and two shutdowns", || {
        let scratch = Scratch::new();
        let (builder, control) = builder(&scratch);
        let ids = builder.max_wait(Duration::MAX).build().unwrap();
        let calls = control.calls();
        control.set(Fault::Hangs);
        eventually("a call of the store", || (control.calls() > calls).then_some(()));
        wait_for_refusal(&ids);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| ids.generate());
            eventually("a call that waits", || (ids.stats().waiting == 1).then_some(()));
            // The call counts shortly before it waits.
            thread::sleep(Duration::from_millis(20));
            let first = scope.spawn(|| ids.shutdown());
            assert_eq!(waiting.join().unwrap(), Err(GenerateError::ShutDown));
            let second = scope.spawn(|| ids.shutdown());
            // Long enough for a shutdown that does not wait.
            thread::sleep(Duration::from_millis(100));
            assert!(!first.is_finished() && !second.is_finished());
            let given_up = first.join().unwrap().unwrap_err();
            assert!(matches!(given_up, StoreError::Unavailable { .. }), "{given_up}");
            assert!(second.join().unwrap().is_err(), "the second shutdown did not see the worker released either");
        });
        control.set(Fault::None);
        eventually("the worker is released", || {
            let workers = FileStore::new(scratch.path()).survey().unwrap().workers;
            workers.iter().all(|worker| worker.owner.is_none()).then_some(())
        });
    });
}
