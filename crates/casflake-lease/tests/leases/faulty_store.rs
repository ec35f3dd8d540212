//! A store that fails on demand, before it carries a call out or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{io, thread};

use casflake_lease::{AcquireRequest, Grant, Lease, LeaseStore, Renewal, StoreError};

/// A fault of a [`FaultyStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Calls fail and have no effect.
    LosesRequests,
    /// Calls have their effect and then fail.
    LosesReplies,
    /// Calls have their effect and then panic.
    Panics,
    /// Calls have their effect and do not return before the fault is over.
    Hangs,
    /// Renewals have their effect and return the lease of another worker.
    ReturnsAnotherLease,
}

/// The test's control of a [`FaultyStore`]: its fault, and the number of calls so far.
#[derive(Debug, Default)]
pub(crate) struct Control {
    fault: AtomicU64,
    calls: AtomicU64,
}

impl Control {
    // ORDERING: SeqCst throughout, because speed does not matter in a test.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u64, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault.load(Ordering::SeqCst) == fault as u64
    }
}

/// A store with a [`Fault`] that can be changed at any time.
pub(crate) struct FaultyStore<T> {
    pub(crate) store: T,
    pub(crate) control: Arc<Control>,
}

impl<T: LeaseStore> FaultyStore<T> {
    pub(crate) fn new(store: T) -> (Self, Arc<Control>) {
        let control = Arc::new(Control::default());
        (Self { store, control: Arc::clone(&control) }, control)
    }

    fn ask<R>(&mut self, ask: impl FnOnce(&mut T) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let lost = || StoreError::Unavailable { what: "asking".into(), cause: io::Error::other("no store").into() };
        let outcome = if self.control.is(Fault::LosesRequests) { Err(lost()) } else { ask(&mut self.store) };
        let outcome = if self.control.is(Fault::LosesReplies) { Err(lost()) } else { outcome };
        self.control.calls.fetch_add(1, Ordering::SeqCst);
        assert!(!self.control.is(Fault::Panics), "a fault of the store");
        while self.control.is(Fault::Hangs) {
            thread::sleep(Duration::from_millis(1));
        }
        outcome
    }
}

impl<T: LeaseStore> LeaseStore for FaultyStore<T> {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.ask(|store| store.acquire(request))
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        let grant = self.ask(|store| store.renew(renewal))?;
        let lease = renewal.lease;
        let of_another = Lease::new(lease.worker() + 1, lease.from(), u64::MAX >> 23, lease.counter(), lease.token());
        let is_another = self.control.is(Fault::ReturnsAnotherLease);
        Ok(if is_another { Grant::new(of_another, grant.unix_ns) } else { grant })
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.ask(|store| store.release(lease, last_tick))
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.ask(LeaseStore::others)
    }
}
