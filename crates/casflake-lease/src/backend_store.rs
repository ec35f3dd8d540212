//! `BackendStore`: the protocol of leases on a backend. Each call reads the contents, decides according to the rules,
//! and writes the decision if the store has not changed since the read.

use std::time::{Duration, Instant};
use std::{fmt, thread};

use casflake::Layout;

use crate::backend::{Backend, Contents, Renewed, read_original};
use crate::convert::{Whereabouts, error_of, ttl_within, workers_within};
use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::{self, Ask, Change, Decision, Denied, Finding, IfAbsent, Known, Operation, Record, Space};
use crate::request::{AcquireRequest, Grant, Missing, Renewal};
use crate::store::{LeaseAdmin, LeaseStore};
use crate::survey::{Survey, SurveyedSpace, SurveyedWorker};
use crate::terms::Terms;

/// The largest number of attempts of one call. A call makes another attempt if another process has changed the store
/// since the read, or if the attempt only prepared the next one, for example by creating the space.
const ATTEMPTS: u32 = 300;
/// When this time has passed since a call began, the call begins no further attempt.
const TRYING: Duration = Duration::from_secs(5);

/// The largest number of additional workers whose records one grant creates. If one of these workers is granted later,
/// only its own record is written, and not the record of the space. A call begins with 0 additional workers. If the
/// grant is not written in one attempt, the call raises this number for the next attempt: to 1, 3, 7, and so on.
const CROWD: u64 = 63;

/// A store of leases on a [`Backend`].
///
/// [`FileStore`](crate::FileStore), `PostgresStore`, `RedisStore` and `EtcdStore` are `BackendStore`s. A store of your
/// own is the `BackendStore` of your [`Backend`].
///
/// # Examples
/// ```
/// use casflake_lease::{BackendStore, FileBackend, FileStore};
///
/// let store: BackendStore<FileBackend> = FileStore::new("/var/lib/ids");
/// let same = BackendStore::on(store.into_backend());
/// ```
pub struct BackendStore<B> {
    backend: B,
    /// The facts that this store needs to create the space again if the space is lost. `None` until a lease was granted
    /// or renewed.
    known: Option<Known>,
}

impl<B> BackendStore<B> {
    /// Creates a store on a backend.
    #[must_use]
    pub const fn on(backend: B) -> Self {
        Self { backend, known: None }
    }

    /// Returns a reference to the backend.
    #[must_use]
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// Consumes the store and returns the backend.
    #[must_use]
    pub fn into_backend(self) -> B {
        self.backend
    }
}

impl<B: Backend> BackendStore<B> {
    /// Returns the error for a caller whose request about `worker` was denied in the tick `now_tick`.
    fn denial(&self, contents: &Contents, terms: &Terms, now_tick: u64, denied: Denied, worker: u64) -> StoreError {
        let stored = contents.space.as_ref().map_or("", |space| &space.layout);
        let at = Whereabouts { space: self.backend.space_name(), place: self.backend.place(), stored };
        error_of(terms, denied, now_tick, worker, at)
    }

    /// Sets `known` to the facts that this store needs to create the space again. The caller holds `lease`: the store
    /// has just granted the lease, or has found that the caller still holds it.
    fn remember(&mut self, contents: &Contents, lease: &Lease) {
        if let Some(space) = &contents.space {
            let until = self.known.as_ref().map_or(0, |known| known.until).max(lease.until);
            self.known = Some(Known { place: contents.place.clone(), workers: space.workers, until });
        }
    }
}

impl<B: Backend> LeaseStore for BackendStore<B> {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        let terms = Terms::of(&request.layout);
        let AcquireRequest { token, after, missing, .. } = *request;
        let ttl = terms.ticks(ttl_within(request.ttl)?);
        let if_absent = match (missing, &self.known) {
            (Missing::Refuse, _) => IfAbsent::Refuse,
            (Missing::Create, None) => IfAbsent::Create,
            (Missing::Create, Some(known)) => IfAbsent::Remake(known.clone()),
        };
        let mut ask = Ask { token, ttl, after, owner: request.owner.clone(), crowd: 0, if_absent };
        let acquired = retried(|attempt| {
            let contents = read_original(&mut self.backend)?;
            let view = contents.view(&terms)?;
            let decision = protocol::acquire(&view, &ask, &terms);
            let decision = decision.map_err(|denied| self.denial(&contents, &terms, view.now, denied, 0))?;
            let (is_written, lease) = match decision {
                Decision::Again(lease) => {
                    self.backend.settle()?;
                    (true, Some(lease))
                }
                Decision::Grant(change, lease) => (self.backend.grant(&contents, &change, request.ttl)?, Some(lease)),
                Decision::Mend(change) => (self.backend.swap(&contents, &change)?, None),
            };
            if !is_written {
                ask.crowd = (2 * ask.crowd + 1).min(CROWD);
                pause(attempt, &ask);
            }
            let granted = lease.filter(|_| is_written);
            if let Some(lease) = &granted {
                self.remember(&contents, lease);
                self.backend.granted(&contents);
            }
            Ok(granted.map(|lease| Grant::new(lease, contents.unix_ns)))
        });
        if acquired.is_err() {
            self.backend.give_up();
        }
        acquired
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        let terms = Terms::of(&renewal.layout);
        let ttl = terms.ticks(ttl_within(renewal.ttl)?);
        let (mut lease, mut unanswered) = (renewal.lease, renewal.unanswered);
        retried(|_| {
            if let Some(renewed) = self.backend.renew(&lease, ttl, &terms)? {
                self.known = known_after(self.known.take(), &renewed);
                return Ok(Some(Grant::new(renewed.lease, renewed.unix_ns)));
            }
            let contents = read_original(&mut self.backend)?;
            let view = contents.view(&terms)?;
            // If another `BackendStore` acquired the lease, this `BackendStore` does not know the place where the lease
            // was granted.
            let if_absent = self.known.clone().map_or(IfAbsent::Refuse, IfAbsent::Remake);
            match protocol::explain(&view, &lease, unanswered, &if_absent, &terms) {
                Finding::Held(held) => {
                    self.remember(&contents, &held);
                    // The others may still be written, during this call.
                    unanswered = unanswered.saturating_sub(held.counter.saturating_sub(lease.counter));
                    lease = held;
                }
                Finding::Mend(change) => {
                    self.backend.swap(&contents, &change)?;
                }
                Finding::Denied(denied) => {
                    return Err(self.denial(&contents, &terms, view.now, denied, lease.worker));
                }
            }
            Ok(None)
        })
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        let mut lease = *lease;
        retried(|_| {
            if self.backend.release(&lease, last_tick)? {
                return Ok(Some(()));
            }
            let contents = read_original(&mut self.backend)?;
            match contents.records.get(&lease.worker) {
                // An earlier call has renewed the lease, and the reply to that call was lost.
                Some(record) if record.token == Some(lease.token) => {
                    lease = record.lease(lease.worker, lease.token);
                    Ok(None)
                }
                _ => self.backend.settle().map(Some),
            }
        })
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        self.backend.others()
    }
}

impl<B: Backend> LeaseAdmin for BackendStore<B> {
    fn init(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError> {
        let (terms, workers) = (Terms::of(layout), workers_within(layout, workers)?);
        let mut is_created = false;
        retried(|_| {
            let contents = read_original(&mut self.backend)?;
            match protocol::init(&contents.view(&terms)?, workers, &terms) {
                Some(Operation::Begin(change)) => {
                    is_created |= self.backend.swap(&contents, &change)?;
                    Ok(None)
                }
                Some(Operation::Finish(change)) => self.backend.swap(&contents, &change).map(|_| None),
                None => self.backend.settle().map(|()| Some(is_created)),
            }
        })
    }

    fn init_immediately(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError> {
        let (terms, workers) = (Terms::of(layout), workers_within(layout, workers)?);
        retried(|_| {
            let contents = self.backend.read()?;
            let view = contents.view(&terms)?;
            match protocol::init_immediately(&view, workers, &terms) {
                Ok(Operation::Begin(change)) => self.backend.swap(&contents, &change).map(|_| None),
                Ok(Operation::Finish(change)) => Ok(self.backend.swap(&contents, &change)?.then_some(())),
                Err(denied) => Err(self.denial(&contents, &terms, view.now, denied, 0)),
            }
        })
    }

    fn survey(&mut self) -> Result<Survey, StoreError> {
        let Contents { unix_ns, space, records, is_from_elsewhere, .. } = self.backend.read()?;
        if space.is_none() && records.is_empty() {
            let (space, place) = (self.backend.space_name().into(), self.backend.place());
            return Err(StoreError::NoSpace { space, place, others: Vec::new(), layout: String::new() });
        }
        let space = space.map(|Space { layout, workers, floor, .. }| SurveyedSpace { layout, workers, floor });
        let workers = records.into_iter().map(|(worker, record)| {
            let Record { from, until, counter, token, owner } = record;
            SurveyedWorker { worker, from, until, counter, owner: token.map(|_| owner) }
        });
        Ok(Survey { unix_ns, space, workers: workers.collect(), is_copy: is_from_elsewhere })
    }

    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError> {
        let terms = Terms::of(layout);
        retried(|_| {
            let contents = read_original(&mut self.backend)?;
            let view = contents.view(&terms)?;
            if contents.space.as_ref().is_some_and(|space| space.layout != terms.layout) {
                return Err(self.denial(&contents, &terms, view.now, Denied::OtherLayout, worker));
            }
            let Some(record) = contents.records.get(&worker) else {
                return Err(StoreError::NoSuchWorker { worker });
            };
            let record = protocol::reclaimed(&view, record, &terms);
            let change = Change { space: None, records: [(worker, record)].into() };
            Ok(self.backend.swap(&contents, &change)?.then_some(()))
        })
    }

    fn notes(&self) -> Vec<String> {
        self.backend.notes()
    }
}

impl<B: fmt::Debug> fmt::Debug for BackendStore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.backend.fmt(f)
    }
}

/// Returns the new value of the field `known` after a renewal. The value is `None` if neither the old `known` nor
/// `renewed` has the place of the space.
fn known_after(known: Option<Known>, renewed: &Renewed) -> Option<Known> {
    let until = known.as_ref().map_or(0, |known| known.until).max(renewed.lease.until);
    let place = renewed.place.clone().or_else(|| Some(known?.place))?;
    Some(Known { place, workers: renewed.workers, until })
}

/// Calls `once` repeatedly, with the number of the attempt, until `once` returns `Some` or fails. Gives up after
/// [`ATTEMPTS`] attempts, or after the time [`TRYING`].
fn retried<T>(once: impl FnMut(u32) -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    retried_for(TRYING, once)
}

fn retried_for<T>(time: Duration, mut once: impl FnMut(u32) -> Result<Option<T>, StoreError>) -> Result<T, StoreError> {
    let started = Instant::now();
    let mut attempts = 0;
    while attempts < ATTEMPTS && started.elapsed() < time {
        if let Some(done) = once(attempts)? {
            return Ok(done);
        }
        attempts += 1;
    }
    Err(StoreError::Contended { attempts })
}

/// Pauses for a random time of up to 5 ms, so that processes that failed at the same moment do not retry at the same
/// moment.
fn pause(attempt: u32, ask: &Ask) {
    let limit_micros = 500 * (attempt as usize + 1).min(10);
    let micros = ask.token.rotated(attempt).pick(limit_micros);
    thread::sleep(Duration::from_micros(micros as u64));
}

#[cfg(test)]
mod tests;
