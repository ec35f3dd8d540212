//! A leased generator as an `IdGenerator`: behind a `Box`, and next to a plain one behind an `Arc`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::{GenerateError, Generator, IdGenerator, Snowflake, WorkerId};
use casflake_lease::{FileStore, LeasedGenerator};
use testkit::{Scratch, eventually, within};

use crate::faulty_store::{Fault, FaultyStore};

/// Returns a store that grants one worker, which is 0/0.
fn store(scratch: &Scratch) -> FileStore {
    let mut store = FileStore::new(scratch.path());
    crate::initialise(&mut store, 1);
    store
}

#[test]
fn i2_a_leased_generator_behind_a_dyn_box_issues_unique_increasing_ids() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let ids: Box<dyn IdGenerator> = Box::new(LeasedGenerator::new(store(&scratch)).unwrap());
        let mut drawn = Vec::new();
        for _ in 0..100 {
            let mut buffer = [Snowflake::MIN; 8];
            drawn.push(ids.generate().unwrap());
            drawn.push(eventually("an ID", || ids.try_generate().ok()));
            ids.fill(&mut buffer).unwrap();
            drawn.extend(buffer);
        }
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.is_sorted_by(|one, next| one < next), "{drawn:?}");
    });
}

#[test]
fn i1_a_plain_and_a_leased_generator_of_different_workers_share_a_type_but_no_ids() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let both: [Arc<dyn IdGenerator + Send + Sync>; 2] = [
            Arc::new(Generator::new(WorkerId::fixed::<1, 7>())),
            Arc::new(LeasedGenerator::new(store(&scratch)).unwrap()),
        ];
        let draw = |ids: Arc<dyn IdGenerator + Send + Sync>| {
            let mut drawn = [Snowflake::MIN; 5000];
            ids.fill(&mut drawn).unwrap();
            drawn
        };
        let threads: Vec<_> = [&both[0], &both[1], &both[0], &both[1]]
            .map(Arc::clone)
            .into_iter()
            .map(|ids| thread::spawn(move || draw(ids)))
            .collect();
        let drawn: BTreeSet<Snowflake> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(drawn.len(), 4 * 5000);
        let workers: BTreeSet<_> = drawn.iter().map(|id| (id.datacenter(), id.worker())).collect();
        assert_eq!(Vec::from_iter(workers), [(0, 0), (1, 7)]);
    });
}

#[test]
fn i8_calls_through_the_trait_wait_for_the_lease_and_tries_do_not() {
    within("a try, a call that waits, or the shutdown", || {
        let scratch = Scratch::new();
        let (store, control) = FaultyStore::new(store(&scratch));
        let builder = LeasedGenerator::builder(store).ttl(Duration::from_millis(600)).max_wait(Duration::MAX);
        let builder = builder.wait_for_worker(crate::PATIENCE);
        let leased: Arc<LeasedGenerator> = Arc::new(builder.build().unwrap());
        let ids: Arc<dyn IdGenerator + Send + Sync> = leased.clone();

        // The lease ends, and is renewed when the call waits for it.
        let over_an_outage = |call: &dyn Fn()| {
            control.set(Fault::LosesRequests);
            let refused = eventually("a refusal", || ids.try_generate().err().filter(|error| !is_exhausted(error)));
            assert!(matches!(refused, GenerateError::LeaseExpired { .. }), "{refused:?}");
            thread::scope(|scope| {
                scope.spawn(|| {
                    eventually("a call that waits", || (leased.stats().waiting == 1).then_some(()));
                    control.set(Fault::None);
                });
                call();
            });
        };
        over_an_outage(&|| assert!(ids.generate().is_ok()));
        over_an_outage(&|| assert_eq!(ids.fill(&mut [Snowflake::MIN; 3]), Ok(())));

        leased.shutdown().unwrap();
        assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
        assert_eq!(ids.try_generate(), Err(GenerateError::ShutDown));
        let error = ids.fill(&mut [Snowflake::MIN; 3]).unwrap_err();
        assert_eq!((error.filled(), error.error()), (0, GenerateError::ShutDown));
    });
}

fn is_exhausted(error: &GenerateError) -> bool {
    matches!(error, GenerateError::Exhausted { .. })
}
