//! The disk hangs. The caller gives up, and the call is carried out later.

use std::sync::Arc;
use std::time::Duration;

use casflake::ManualClock;

use super::audit::Auditor;
use super::disk::{PATH, SimulatedDisk};
use super::host::{Fault, SLOW};
use super::ledger::Ledger;
use super::medium::Medium;
use super::site::{Again, NOW, Site, Step};
use crate::backend::{Backend, Contents};
use crate::file::CALL_TIMEOUT;
use crate::file::aside::Aside;
use crate::file::files::Files;
use crate::file::lock::{LOCK_TIMEOUT, Locked};
use crate::protocol::Change;
use crate::{BackendStore, StoreError};

const SHORT: Duration = Duration::from_millis(5);
/// A timeout that is long enough for every call of a disk that does not hang.
const NEVER: Duration = Duration::from_secs(60);

/// The backend of the files, on a thread of its own, as in a `FileStore`.
struct OnThread {
    files: Aside<Files<Arc<ManualClock>, SimulatedDisk>>,
    timeout: Duration,
}

impl OnThread {
    fn ask<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Files<Arc<ManualClock>, SimulatedDisk>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.files.timeout = self.timeout;
        self.files.ask(work).map_err(|error| StoreError::unavailable("using the disk", error))?
    }
}

impl Backend for OnThread {
    fn place(&self) -> String {
        "a simulated directory".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.ask(|files| files.read())
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        let (seen, change) = (seen.clone(), change.clone());
        self.ask(move |files| files.swap(&seen, &change))
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        self.ask(|files| files.settle())
    }
}

/// Would catch: a call that waits for ever; a second thread that hangs beside the first one; an answer that comes late
/// and counts as the answer to the next call.
#[test]
fn l1_a_call_that_hangs_ends_and_its_late_effect_loses_no_lease() {
    let mut runner = testkit::random::runner();
    let mut auditor = Auditor::default();
    for number in 1.. {
        let site = Site::of(Medium::default(), Ledger::default(), NOW);
        site.run(&[Step::InitImmediately], Again::SameStore, || {});
        let mut backend = Some(OnThread { files: Aside::of(site.files(SLOW), NEVER), timeout: SHORT });
        let mut acquire = |timeout| {
            let mut store = BackendStore::on(OnThread { timeout, ..backend.take().expect("not in use") });
            let outcome = site.attempt(&mut store, Step::Acquire(1));
            backend = Some(store.into_backend());
            outcome
        };
        site.host.plan(number, Fault::Hangs);
        let outcome = acquire(SHORT);
        if outcome.is_ok() && !site.host.has_faulted() {
            break;
        }
        if site.host.is_hanging() {
            assert!(matches!(outcome, Err(StoreError::Unavailable { .. }) | Ok(())), "{outcome:?}");
            let calls = site.host.calls();
            // A grant that hangs only after its last answer was given is not asked for again.
            if outcome.is_err() {
                let outcome = acquire(SHORT);
                assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
            }
            assert_eq!(site.host.calls(), calls, "a call goes on beside the one that hangs");
            auditor.faults += 1;
        }
        let other = site.attempt(&mut site.store(SLOW + 1), Step::Acquire(2));
        assert!(matches!(other, Ok(()) | Err(StoreError::Unavailable { .. })), "{other:?}");
        site.host.mend();
        acquire(NEVER).expect("a grant by a disk that does not hang any more");
        auditor.audit_after_power_loss(&site, runner.rng());
    }
    auditor.finish("hangs");
}

/// Would catch: a call that waits for a lock for longer than its caller waits for the call.
#[test]
fn a_call_gives_up_the_lock_before_its_caller_gives_up_the_call() {
    let site = Site::of(Medium::default(), Ledger::default(), NOW);
    site.run(&[Step::InitImmediately], Again::SameStore, || {});
    let disk = SimulatedDisk { host: Arc::clone(&site.host), process: 1 };
    let locked = Locked::lock(&disk, PATH.as_ref()).expect("the lock");
    let outcome = site.attempt(&mut site.store(2), Step::Acquire(2));
    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    let waited = site.host.state().slept;
    assert!(waited >= LOCK_TIMEOUT && waited < CALL_TIMEOUT, "{waited:?} on the clock of the simulation");
    drop(locked);
    site.attempt(&mut site.store(2), Step::Acquire(2)).expect("a grant without the other process");
}
