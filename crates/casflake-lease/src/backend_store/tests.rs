//! The protocol on a backend in memory, whose clock stands still.

use std::thread;
use std::time::Duration;

use casflake::{Layout, Scheme, Standard};

use super::{ATTEMPTS, BackendStore, CROWD, retried_for};
use crate::backend::{Backend, Contents};
use crate::error::{LostReason, StoreError};
use crate::memory::Memory;
use crate::protocol::Change;
use crate::request::{AcquireRequest, Renewal};
use crate::store::{LeaseAdmin, LeaseStore};
use crate::token::Token;

const TTL: Duration = Duration::from_secs(30);

/// Would catch: a time limit that begins anew with each attempt.
#[test]
fn l19_a_call_gives_up_in_time_and_after_a_number_of_attempts() {
    let slow = retried_for(Duration::from_millis(60), |_| {
        thread::sleep(Duration::from_millis(20));
        Ok(None::<()>)
    });
    assert!(matches!(slow, Err(StoreError::Contended { attempts: 1..=3 })), "{slow:?}");
    let quick = retried_for(Duration::from_secs(600), |_| Ok(None::<()>));
    assert!(matches!(quick, Err(StoreError::Contended { attempts: ATTEMPTS })), "{quick:?}");
    assert_eq!(retried_for(TTL, |attempt| Ok((attempt == 7).then_some(attempt))).unwrap(), 7);
}

/// A store to which an earlier renewal comes late: when this call has read the store, and before it writes.
struct Late(Memory, Vec<Change>);

impl Backend for Late {
    fn place(&self) -> String {
        self.0.place()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.0.read()
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        if let Some(late) = self.1.pop() {
            assert!(self.0.swap(seen, &late)?);
        }
        self.0.swap(seen, change)
    }
}

/// Would catch: a holder that is told that it has a copy, because two of its own renewals without a reply were
/// written, the second one during this call.
#[test]
fn l4_renewals_that_are_written_during_the_next_one_belong_to_the_holder() {
    let memory = Memory::new();
    let mut store = BackendStore::on(memory.clone());
    store.init_immediately(&Standard::LAYOUT, 1).unwrap();
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "us");
    let lease = store.acquire(&request).unwrap().lease;
    let written = store.renew(&Renewal::new(&Standard::LAYOUT, lease, TTL)).unwrap().lease;
    let mut record = memory.clone().read().unwrap().records.remove(&lease.worker).unwrap();
    record.counter = written.counter + 1;
    let late = Change { space: None, records: vec![(lease.worker, record)] };
    // It lost the reply to the first renewal, and gave up the second one.
    let renewal = |unanswered| Renewal { unanswered, ..Renewal::new(&Standard::LAYOUT, lease, TTL) };
    let mut store = BackendStore::on(Late(memory.clone(), vec![late]));
    let renewed = store.renew(&renewal(2)).unwrap().lease;
    assert_eq!(renewed.counter, lease.counter + 3);
    // Three were written, but only two were sent.
    let refused = BackendStore::on(memory).renew(&renewal(2));
    let is_cloned = |error| matches!(error, StoreError::Lost { reason: LostReason::Cloned, .. });
    assert!(refused.is_err_and(is_cloned));
}

/// Would catch: a worker that stays taken after the holder has given it back, because the reply to its last renewal
/// was lost.
#[test]
fn l5_a_lease_is_released_although_its_holder_does_not_know_the_last_renewal() {
    let mut store = BackendStore::on(Memory::new());
    store.init_immediately(&Standard::LAYOUT, 1).unwrap();
    let lease = store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "us")).unwrap().lease;
    store.renew(&Renewal::new(&Standard::LAYOUT, lease, TTL)).unwrap();
    store.release(&lease, Some(lease.from)).unwrap();
    let worker = &store.survey().unwrap().workers[0];
    assert_eq!((worker.owner.as_ref(), worker.until), (None, lease.from + 1));
    // Another holder's lease is left as it is.
    let memory = store.into_backend();
    memory.advance(Duration::from_secs(1));
    let mut store = BackendStore::on(memory);
    store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(2), TTL, "they")).unwrap();
    store.release(&lease, None).unwrap();
    assert_eq!(store.survey().unwrap().workers[0].owner.as_deref(), Some("they"));
}

/// Would catch: a process that can't create a lost space again, because another `BackendStore` has acquired its lease.
#[test]
fn a_store_that_has_renewed_a_lease_creates_the_space_again() {
    let memory = Memory::new();
    let open = || BackendStore::on(memory.clone());
    open().init_immediately(&Standard::LAYOUT, 7).unwrap();
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "us");
    let lease = open().acquire(&request).unwrap().lease;
    let mut store = open();
    let lease = store.renew(&Renewal::new(&Standard::LAYOUT, lease, TTL)).unwrap().lease;
    memory.lose_everything();
    let renewal = Renewal::new(&Standard::LAYOUT, lease, TTL);
    let refused = open().renew(&renewal);
    assert!(matches!(refused, Err(StoreError::NoSpace { .. })), "{refused:?}");
    let lost = store.renew(&renewal);
    assert!(matches!(lost, Err(StoreError::Lost { reason: LostReason::StoreChanged, .. })), "{lost:?}");
    assert_eq!(open().survey().unwrap().space.unwrap().workers, 7);
}

/// A backend on which another process is always faster, except in the last of a number of grants.
#[derive(Debug)]
struct Crowded {
    memory: Memory,
    grants_left: usize,
    /// The number of records in each change that grants a lease.
    records: Vec<usize>,
}

impl Backend for Crowded {
    fn place(&self) -> String {
        self.memory.place()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.memory.read()
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.memory.swap(seen, change)
    }

    fn grant(&mut self, seen: &Contents, change: &Change, _: Duration) -> Result<bool, StoreError> {
        self.records.push(change.records.len());
        self.grants_left -= 1;
        Ok(self.grants_left == 0 && self.memory.swap(seen, change)?)
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(vec!["orders".into()])
    }

    fn notes(&self) -> Vec<String> {
        vec!["a note".into()]
    }
}

/// Would catch: many processes that start together, and write the record of the space one after the other.
#[test]
fn a_grant_that_is_not_written_creates_twice_as_many_records_the_next_time_up_to_a_limit() {
    let memory = Memory::new();
    BackendStore::on(memory.clone()).init_immediately(&Standard::LAYOUT, 1000).unwrap();
    let mut store = BackendStore::on(Crowded { memory, grants_left: 9, records: Vec::new() });
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "us");
    store.acquire(&request).unwrap();
    let most = usize::try_from(CROWD).unwrap() + 1;
    assert_eq!(store.backend().records, [1, 2, 4, 8, 16, 32, most, most, most]);
    assert_eq!((store.others().unwrap(), store.notes()), (vec!["orders".into()], vec!["a note".into()]));
    assert_eq!(format!("{store:?}"), format!("{:?}", store.backend()));
}

#[test]
fn init_tells_whether_it_has_created_the_space() {
    let memory = Memory::new();
    let init = || BackendStore::on(memory.clone()).init(&Standard::LAYOUT, 4).unwrap();
    assert_eq!([init(), init()], [true, false]);
}

#[test]
fn a_worker_is_reclaimed_only_with_the_layout_of_its_space() {
    let mut store = BackendStore::on(Memory::new());
    store.init_immediately(&Standard::LAYOUT, 4).unwrap();
    store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::numbered(1), TTL, "us")).unwrap();
    let other = store.reclaim(&Layout::new(41, 5, 5, 12), 0);
    assert!(matches!(other, Err(StoreError::OtherLayout { .. })), "{other:?}");
    assert!(store.survey().unwrap().workers[0].owner.is_some());
    store.reclaim(&Standard::LAYOUT, 0).unwrap();
    assert_eq!(store.survey().unwrap().workers[0].owner, None);
    let none = store.reclaim(&Standard::LAYOUT, 1);
    assert!(matches!(none, Err(StoreError::NoSuchWorker { worker: 1 })), "{none:?}");
}
