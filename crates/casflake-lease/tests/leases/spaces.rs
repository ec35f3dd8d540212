//! The creation and the loss of an ID space, as a process with a generator sees them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use casflake::Standard;
use casflake_lease::{
    AcquireRequest, FileStore, Grant, Lease, LeaseAdmin, LeaseStore, LeasedGenerator, Missing, Renewal, StoreError,
};
use testkit::{Scratch, eventually, within};

use crate::PATIENCE;

/// A third of it passes until a renewal. The rest is for a busy machine.
const TTL: Duration = Duration::from_secs(9);

fn initialised(directory: &Path, workers: u64) {
    crate::initialise(&mut FileStore::new(directory), workers);
}

fn leased(directory: &Path) -> LeasedGenerator {
    LeasedGenerator::builder(FileStore::new(directory)).ttl(TTL).wait_for_worker(PATIENCE).build().unwrap()
}

fn workers(directory: &Path) -> Option<u64> {
    Some(FileStore::new(directory).survey().ok()?.space?.workers)
}

#[test]
fn l7_a_process_that_never_had_a_lease_does_not_create_a_space() {
    let scratch = Scratch::new();
    let built: Result<LeasedGenerator, _> =
        LeasedGenerator::builder(FileStore::new(scratch.path())).wait_for_worker(Duration::from_millis(300)).build();
    let error = built.unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }) && !error.is_retryable(), "{error:?}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn a_process_that_waits_is_granted_a_worker_when_the_space_is_created() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        let builder = LeasedGenerator::builder(FileStore::new(scratch.path())).wait_for_worker(Duration::from_secs(30));
        thread::scope(|scope| {
            let building = scope.spawn(|| builder.build());
            initialised(scratch.path(), 1);
            let ids: LeasedGenerator = building.join().unwrap().unwrap();
            ids.generate().unwrap();
        });
    });
}

/// Would catch: a fleet that stops for good, and one that gets another number of workers.
#[test]
fn l7_a_holder_restores_a_lost_space_with_as_many_workers() {
    let scratch = Scratch::new();
    initialised(scratch.path(), 3);
    let ids = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path()))
        .ttl(TTL / 3)
        .wait_for_worker(PATIENCE)
        .build()
        .unwrap();
    // It restores the number at its last renewal, not at its grant.
    initialised(scratch.path(), 5);
    let renewals = ids.stats().renewals;
    eventually("two renewals", || (ids.stats().renewals >= renewals + 2).then_some(()));
    // The second time it no longer has a lease.
    for _ in 0..2 {
        for entry in fs::read_dir(scratch.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        assert_eq!(eventually("the space", || workers(scratch.path())), 5);
        eventually("a lost lease", || ids.stats().last_error);
    }
    let newcomer: Result<LeasedGenerator, _> = LeasedGenerator::new(FileStore::new(scratch.path()));
    assert!(matches!(newcomer, Err(StoreError::NotYet { .. })), "{newcomer:?}");
    within("a shutdown", move || ids.shutdown()).unwrap();
}

/// Would catch: a holder that uses up its window beside another holder, after an operator was wrong.
#[test]
fn l6_a_holder_stops_when_a_reply_says_that_an_operator_has_vouched() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        initialised(scratch.path(), 1);
        let ids = leased(scratch.path());
        let before = ids.stats().lease;
        fs::remove_file(scratch.path().join("leases")).unwrap();
        initialised(scratch.path(), 1);
        let after = eventually("another lease", || Some(ids.stats()).filter(|stats| stats.acquired == 2)).lease;
        assert!(before.from() < after.from() && after.from() < before.until(), "{before:?} {after:?}");
        eventually("an ID", || ids.generate().ok());
    });
}

/// Would catch: a holder that uses up a forgotten window, although an operator has ended the wait and another process holds
/// the worker.
#[test]
fn l6_a_holder_of_a_forgotten_lease_stops_when_an_operator_vouches() {
    within("a call, or the drop of a generator", || {
        let scratch = Scratch::new();
        initialised(scratch.path(), 1);
        let ids = leased(scratch.path());
        let before = ids.stats().lease;
        fs::remove_file(scratch.path().join("leases")).unwrap();
        eventually("a lost lease", || ids.stats().last_error);
        ids.generate().expect("its window has not ended");
        initialised(scratch.path(), 1);
        let after = eventually("another lease", || Some(ids.stats()).filter(|stats| stats.acquired == 2)).lease;
        assert!(after.from() < before.until(), "{before:?} {after:?}");
        eventually("an ID", || ids.generate().ok());
    });
}

/// A store that has other spaces, but not this one. It records the requests.
struct Absent {
    others: VecDeque<Result<Vec<String>, StoreError>>,
    asked: Arc<Mutex<Vec<Missing>>>,
}

impl Absent {
    fn new(others: impl IntoIterator<Item = Result<Vec<String>, StoreError>>) -> (Self, Arc<Mutex<Vec<Missing>>>) {
        let asked = Arc::default();
        (Self { others: others.into_iter().collect(), asked: Arc::clone(&asked) }, asked)
    }
}

impl LeaseStore for Absent {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.asked.lock().unwrap().push(request.missing);
        Err(StoreError::NoSpace { space: "o".into(), place: "p".into(), others: Vec::new(), layout: String::new() })
    }

    fn renew(&mut self, _: &Renewal) -> Result<Grant, StoreError> {
        unreachable!("there is no lease")
    }

    fn release(&mut self, _: &Lease, _: Option<u64>) -> Result<(), StoreError> {
        unreachable!("there is no lease")
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.others.pop_front().unwrap_or_else(|| Ok(vec!["last".into()]))
    }
}

fn refused(store: Absent, creates: bool) -> StoreError {
    let mut builder = LeasedGenerator::<Standard>::builder(store);
    if creates {
        builder = builder.create_if_missing();
    }
    builder.build().unwrap_err()
}

#[test]
fn an_error_about_a_missing_space_names_the_existing_ones() {
    let (store, asked) = Absent::new([Ok(vec!["Orders".into(), "users\n\u{1b}[31m".into()])]);
    let error = refused(store, false);
    let text = error.to_string();
    for words in [
        "there is no ID space \"o\" in p; other ID spaces there: \"Orders\", \"users\\n\\u{1b}[31m\".",
        "correct the URL",
        "within 40 s",
        "casflake leases URL init (the new space grants no lease in its first 150 s)",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(*asked.lock().unwrap(), [Missing::Refuse]);
}

/// Would catch: a second space by a misspelt name of a program that may create a space.
#[test]
fn l7_a_process_that_may_create_a_space_creates_none_beside_others() {
    let (store, asked) = Absent::new([Ok(vec!["orders".into()])]);
    assert!(refused(store, true).to_string().contains("other ID spaces there: \"last\""));
    assert_eq!(*asked.lock().unwrap(), [Missing::Refuse]);
    // Nor if it can not list them.
    let unknown = || Err(StoreError::Contended { attempts: 7 });
    let (store, asked) = Absent::new([unknown()]);
    assert!(matches!(refused(store, true), StoreError::NoSpace { .. }));
    assert_eq!(*asked.lock().unwrap(), [Missing::Refuse]);
    // It does not ask for ever.
    let (store, asked) = Absent::new([Ok(Vec::new())]);
    assert!(matches!(refused(store, true), StoreError::NoSpace { .. }));
    assert_eq!(*asked.lock().unwrap(), [Missing::Refuse, Missing::Create]);
}

#[test]
fn l6_a_process_that_may_create_a_space_creates_one_that_waits_before_it_grants() {
    let scratch = Scratch::new();
    let built = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).create_if_missing().build();
    assert!(matches!(built, Err(StoreError::NotYet { .. })), "{built:?}");
    assert_eq!(workers(scratch.path()), Some(1024));
}
