//! A store that fails when it is told to: before it does what it is asked to, or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{io, thread};

use casflake_lease::{AcquireRequest, Grant, Lease, LeaseStore, Renewal, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Requests are lost.
    Deaf,
    /// Replies are.
    Mute,
    /// It panics, when it has done what it is asked to.
    Mad,
    /// It does not answer as long as it is so.
    Stuck,
    /// It answers with another's lease.
    Wrong,
}

/// How a store is to be, and how often it was asked.
#[derive(Debug, Default)]
pub(crate) struct Health {
    mood: AtomicU64,
    calls: AtomicU64,
}

impl Health {
    // ORDERING: SeqCst, throughout: tests have time.
    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u64, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::SeqCst) == mood as u64
    }
}

pub(crate) struct Shaky<T> {
    pub(crate) store: T,
    pub(crate) health: Arc<Health>,
}

impl<T: LeaseStore> Shaky<T> {
    pub(crate) fn new(store: T) -> (Self, Arc<Health>) {
        let health = Arc::new(Health::default());
        (Self { store, health: Arc::clone(&health) }, health)
    }

    fn ask<R>(&mut self, ask: impl FnOnce(&mut T) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let lost = || StoreError::Unavailable { what: "asking".into(), cause: io::Error::other("no store").into() };
        let outcome = if self.health.is(Mood::Deaf) { Err(lost()) } else { ask(&mut self.store) };
        let outcome = if self.health.is(Mood::Mute) { Err(lost()) } else { outcome };
        self.health.calls.fetch_add(1, Ordering::SeqCst);
        assert!(!self.health.is(Mood::Mad), "a fault of the store");
        while self.health.is(Mood::Stuck) {
            thread::sleep(Duration::from_millis(1));
        }
        outcome
    }
}

impl<T: LeaseStore> LeaseStore for Shaky<T> {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        self.ask(|store| store.acquire(request))
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        let grant = self.ask(|store| store.renew(renewal))?;
        let lease = renewal.lease;
        let of_another = Lease::new(lease.worker() + 1, lease.from(), u64::MAX >> 23, lease.counter(), lease.token());
        let is_wrong = self.health.is(Mood::Wrong);
        Ok(if is_wrong { Grant::new(of_another, grant.unix_ns) } else { grant })
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        self.ask(|store| store.release(lease, last_tick))
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.ask(LeaseStore::others)
    }
}
