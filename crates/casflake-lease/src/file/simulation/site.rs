//! `Site`: a host, and processes on it that lease workers. They use the shipped `BackendStore` and `Files`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use casflake::{Clock, Layout, ManualClock, Scheme, Standard};

use super::disk::{PATH, SimulatedDisk};
use super::host::Host;
use super::ledger::Ledger;
use super::medium::Medium;
use crate::backend::{Backend, Contents};
use crate::file::directory::Directory;
use crate::file::files::Files;
use crate::protocol::Change;
use crate::{AcquireRequest, BackendStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};

pub(super) const LAYOUT: Layout = Standard::LAYOUT;
pub(super) const WORKERS: u64 = 2;
pub(super) const NOW: u64 = 1_800_000_000_000;
/// The TTL of the leases.
const TTL: Duration = Duration::from_secs(10);
/// A time after which each store grants leases again.
pub(super) const FORGOTTEN_MS: u64 = 150_001;

/// The backend of the files, without a thread of its own.
pub(super) struct Direct(Files<Arc<ManualClock>, SimulatedDisk>);

impl Backend for Direct {
    fn place(&self) -> String {
        "a simulated directory".into()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.0.read()
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.0.swap(seen, change)
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        self.0.settle()
    }
}

/// An event at a site. Each holder has a number, which is also that of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    InitImmediately,
    Init,
    Acquire(u128),
    Renew(u128),
    /// The holder has issued its last ID one tick after the start of its window.
    Release(u128),
    /// The store must not grant a lease, because it may have forgotten some.
    Wait(u128),
    Survey,
    /// The clock goes on by this number of milliseconds.
    Advance(u64),
    /// An operator copies the file, and puts the copy in the place of the file later.
    BackUp,
    Restore,
}

/// Which store repeats a call that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    SameStore,
    NewStore,
}

#[derive(Clone)]
pub(super) struct Site {
    pub(super) host: Arc<Host>,
    pub(super) clock: Arc<ManualClock>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Site {
    pub(super) fn of(medium: Medium, ledger: Ledger, unix_ms: u64) -> Self {
        Self {
            host: Arc::new(Host::of(medium)),
            clock: Arc::new(ManualClock::new(unix_ms)),
            ledger: Arc::new(Mutex::new(ledger)),
        }
    }

    pub(super) fn files(&self, process: u32) -> Files<Arc<ManualClock>, SimulatedDisk> {
        let disk = SimulatedDisk { host: Arc::clone(&self.host), process };
        Files::of(Directory::of(PATH.into()), Arc::clone(&self.clock), disk)
    }

    pub(super) fn store(&self, process: u32) -> BackendStore<Direct> {
        BackendStore::on(Direct(self.files(process)))
    }

    pub(super) fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.host.state();
        state.medium.find(name).map(|file| state.medium.contents(file).to_vec())
    }

    pub(super) fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one attempt at a step.
    pub(super) fn attempt(&self, store: &mut BackendStore<impl Backend>, step: Step) -> Result<(), StoreError> {
        match step {
            Step::InitImmediately => {
                store.init_immediately(&LAYOUT, WORKERS)?;
                self.ledger().has_space = true;
            }
            Step::Init => {
                store.init(&LAYOUT, WORKERS)?;
                self.ledger().has_space = true;
            }
            Step::Acquire(holder) => {
                let lease = store.acquire(&request(holder))?.lease;
                self.ledger().acknowledge(holder, lease);
            }
            Step::Renew(holder) => {
                let mut held = self.ledger().held[&holder].clone();
                held.unanswered += 1;
                self.ledger().held.insert(holder, held.clone());
                let mut renewal = Renewal::new(&LAYOUT, held.lease, TTL);
                renewal.unanswered = held.unanswered - 1;
                let lease = store.renew(&renewal)?.lease;
                self.ledger().acknowledge(holder, lease);
            }
            Step::Release(holder) => {
                let (lease, last) = self.ledger().end(holder);
                store.release(&lease, Some(last))?;
                self.ledger().released.push(holder);
            }
            Step::Wait(holder) => match store.acquire(&request(holder)) {
                Err(StoreError::NotYet { .. }) => {}
                Err(error) => return Err(error),
                Ok(grant) => panic!("{grant:?} may overlap with a forgotten lease"),
            },
            Step::Survey => drop(store.survey()?),
            Step::Advance(ms) => self.clock.advance(ms),
            Step::BackUp => self.host.state().back_up(),
            Step::Restore => {
                self.host.state().restore();
                self.ledger().forget();
            }
        }
        Ok(())
    }

    /// Makes each of the steps, until the host loses its power. Each holder is a process, and so is the operator. A step
    /// that has failed is repeated. Panics if it fails although the fault is over. Calls `done` after each step.
    pub(super) fn run(&self, steps: &[Step], again: Again, mut done: impl FnMut()) {
        let mut stores = BTreeMap::new();
        let mut next_process = 0;
        for &step in steps {
            for attempt in 0.. {
                if self.host.is_off() {
                    return;
                }
                let process = step.process();
                let (number, store) = stores.entry(process).or_insert_with(|| {
                    next_process += 1;
                    (next_process, self.store(next_process))
                });
                let outcome = self.attempt(store, step);
                let (number, is_killed) = (*number, self.host.is_killed(*number));
                if is_killed || outcome.is_err() && again == Again::NewStore {
                    stores.remove(&process);
                }
                let Err(error) = outcome else { break };
                if self.host.is_off() {
                    return;
                }
                assert!(is_killed || error.is_retryable(), "{step:?} by process {number}: {error:?}");
                assert!(attempt < 2, "{step:?} still fails after the fault: {error:?}");
                self.host.mend();
            }
            done();
        }
    }
}

impl Step {
    /// Returns which process makes this step.
    const fn process(self) -> u128 {
        match self {
            Self::Acquire(holder) | Self::Renew(holder) | Self::Release(holder) | Self::Wait(holder) => holder,
            _ => 0,
        }
    }
}

fn request(holder: u128) -> AcquireRequest {
    AcquireRequest::new(&LAYOUT, Token::numbered(holder), TTL, owner(holder))
}

pub(super) fn owner(holder: u128) -> String {
    format!("holder {holder}")
}
