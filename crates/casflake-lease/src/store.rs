//! `LeaseStore` and `LeaseAdmin`: what a store of leases does for processes, and for its operator.

use casflake::Layout;

use crate::error::StoreError;
use crate::lease::Lease;
use crate::request::{AcquireRequest, Grant, Renewal};
use crate::survey::Survey;

/// Where leases are kept: grants workers as windows of ticks, of which no two of one worker overlap.
///
/// Each call is atomic, blocks until it is done or has failed, and ends within seconds. A call that fails may have had
/// its effect all the same.
///
/// A store of your own is best written as a [`Backend`](crate::Backend), which [`BackendStore`](crate::BackendStore) makes a
/// `LeaseStore` by the rules that the stores of this crate keep to.
pub trait LeaseStore: Send {
    /// Grants a worker whose window has passed on the store's clock, for [the later of its end and the caller's last
    /// tick + 1, now + ttl).
    ///
    /// # Errors
    /// [`StoreError::NoFreeWorker`] if each worker is taken, [`StoreError::NoSpace`] if the ID space does not exist,
    /// [`StoreError::NotYet`] if the space is new or has lost something, [`StoreError::Ttl`] if the time to live is out of
    /// range; others if the store can't be asked.
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError>;

    /// Moves the end of the window to now + ttl, unless it is further on already.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the lease is no longer the caller's; [`StoreError::Ttl`] if the time to live is out of range;
    /// others if the store can't be asked.
    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError>;

    /// Gives the worker back, whose last ID was issued in `last_tick`; nothing is issued by this lease any more. A
    /// lease that is no longer the caller's is no error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and others if the store can't be asked.
    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError>;

    /// Returns the names of the other ID spaces in this store, ten at most, within a second or so: for an error that
    /// says that this one does not exist. A store that has only one returns none, as this does unless a store says
    /// otherwise.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't tell.
    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

impl<T: LeaseStore + ?Sized> LeaseStore for Box<T> {
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError> {
        (**self).acquire(request)
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError> {
        (**self).renew(renewal)
    }

    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        (**self).release(lease, last_tick)
    }

    fn others(&mut self) -> Result<Vec<String>, StoreError> {
        (**self).others()
    }
}

/// What an operator does with a store of leases, as the command `casflake leases`.
pub trait LeaseAdmin: LeaseStore {
    /// Creates the ID space if there is none, with this number of workers. It grants nothing until
    /// [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) are over, so that no lease of a space of the
    /// same name that was lost is still in use. A space that exists is left as it is, and so is its number of workers.
    ///
    /// Returns whether the space was created.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS) allows;
    /// others if the store can't be asked.
    fn init(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError>;

    /// Vouches that no lease is in use that the store does not know of, from the call to its return; creates the ID space
    /// if there is none; and sets its number of workers. The space grants immediately after this, whether it is new or
    /// has lost something.
    ///
    /// **If a process still holds a lease that the store has lost, or has issued IDs ahead of the store's clock by one,
    /// IDs can be issued twice after this**, until that process hears from the store again.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS) allows;
    /// [`StoreError::OtherLayout`] if the space is another layout's; others if the store can't be asked.
    fn init_immediately(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError>;

    /// Returns what the store holds, of whatever layout. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; others if the store can't be asked.
    fn survey(&mut self) -> Result<Survey, StoreError>;

    /// Takes the worker with this index from its holder, and frees it immediately.
    ///
    /// **If its holder still runs, or has issued IDs ahead of the store's clock, IDs can be issued twice after this.**
    ///
    /// # Errors
    /// [`StoreError::NoSuchWorker`] if the worker was never granted; [`StoreError::OtherLayout`] if the space is another
    /// layout's; others if the store can't be asked.
    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError>;

    /// Returns what people should know of how the store was opened, a sentence each: parameters of its URL that are for
    /// other clients, and were skipped, or that have no force beside another one. None, unless a store says otherwise.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
