//! `LeaseStore` and `LeaseAdmin`: the calls on a store of leases, by processes and by its operator.

use casflake::Layout;

use crate::error::StoreError;
use crate::lease::Lease;
use crate::request::{AcquireRequest, Grant, Renewal};
use crate::survey::Survey;

/// A store that keeps leases: grants of workers for windows of ticks.
///
/// Each call is atomic, blocks until it is done or has failed, and ends within seconds. A call that fails may have had
/// its effect nevertheless.
///
/// To write a store of your own, implement [`Backend`](crate::Backend). [`BackendStore`](crate::BackendStore) makes a
/// `LeaseStore` of it, by the rules that the stores of this crate follow.
///
/// # Invariants
/// A caller may rely on these. A window is the range of ticks from a lease's [`from`](Lease::from) up to, but not
/// including, its [`until`](Lease::until).
///
/// * **L1.** No two windows granted for one worker overlap, whichever processes hold them.
/// * **L2.** A renewal never lowers the end of a window.
/// * **L3.** A grant or a renewal moves the end of a window to at most [`MAX_TTL`] after the store's clock, and never
///   beyond the layout's last tick.
/// * **L4.** Only a message with the token, the counter and the window of the holder's lease renews or releases it, so
///   a late or repeated message has no effect.
/// * **L5.** A released lease is never renewed, and the worker's next window begins after the last tick that the holder
///   issued.
/// * **L6.** After a loss, a worker with a window that the store may have forgotten is not granted until [`MAX_TTL`] +
///   [`CLOCK_SLACK`] have passed since the loss was found.
/// * **L7.** A space that does not exist is not created by a process that was never granted a lease of it, unless that
///   process asks for it.
/// * **L8.** A space that is known to be a copy of one made elsewhere grants, renews and releases nothing.
/// * **L9.** A store's clock that moves back costs time, never a duplicate.
/// * **L10.** A window begins after the tick that the request names as the caller's last ([`AcquireRequest::after`]),
///   so the IDs of one process keep increasing when it changes workers.
/// * **L11.** A second request with the same token gets the lease that was granted to the first, as long as that lease
///   is neither lost nor released.
///
/// They hold under two conditions:
///
/// * The store keeps what it has acknowledged, or its loss is found. Each store documents which losses it does not
///   find.
/// * An operator who [vouches](LeaseAdmin::init_immediately) for a space or [reclaims](LeaseAdmin::reclaim) a worker is
///   right. If one was wrong, the next renewal tells the holder, by
///   [`LostReason::Initialised`](crate::LostReason::Initialised) or [`LostReason::Taken`](crate::LostReason::Taken).
///   The holder must stop immediately.
///
/// In detail:
///
/// * L3: the end is the store's clock + the TTL, rounded up to a whole tick. A renewal leaves an end that is later
///   already. It is refused if that end is more than [`MAX_TTL`] + [`CLOCK_SLACK`] after the store's clock.
/// * L4: a renewal is written only if the worker's record has the token, the counter and the first tick of the holder's
///   lease, and does not end earlier. A release is written only if the record has its token and its counter. Each grant
///   and each renewal raises the counter. If replies were lost, the store knows the holder by its token and first tick:
///   a renewal then succeeds unless the record counts more renewals than the holder has sent without a reply
///   ([`Renewal::unanswered`]), and a release succeeds by the token alone.
/// * L5: a release clears the token, and ends the window right after the last tick issued, or at its first tick if none
///   was issued.
/// * L6: a loss is found if the record of the space or of a worker is missing, if another server or other data now
///   serves the store, or if a holder presents a lease that is newer than the worker's record. If only the records of
///   some workers are missing, only these workers have to wait; otherwise all workers. They also wait for the end of
///   the window that a holder has presented. A lease whose record is missing, or that was granted before the loss, is
///   not renewed. An operator who vouches for the space ends the wait.
/// * L7: a process asks for it by [`Missing::Create`](crate::Missing::Create); a
///   [`LeasedGenerator`](crate::LeasedGenerator) without a grant does so only if its builder says
///   [`create_if_missing`](crate::LeasedGeneratorBuilder::create_if_missing) and the store lists no other space.
///   Otherwise it gets [`NoSpace`](StoreError::NoSpace), and the store writes nothing. A process that was granted a
///   lease creates a lost space again, but only in the place of that lease. If records of workers are left of a space,
///   it is not absent but has suffered a loss (L6), and any process restores it.
/// * L8: calls fail with [`Copied`](StoreError::Copied) until an operator [vouches](LeaseAdmin::init_immediately) for
///   the copy.
/// * L9: a worker is not granted before the store's clock has reached the end of its last window. As long as the store
///   loses nothing, the clock may move by any amount. In a store that loses something, it may move back by
///   [`CLOCK_SLACK`] at most.
///
/// [`MAX_TTL`]: crate::MAX_TTL
/// [`CLOCK_SLACK`]: crate::CLOCK_SLACK
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, Token};
///
/// # let directory = testkit::Scratch::new();
/// let mut store = FileStore::new(directory.path());
/// store.init_immediately(&Standard::LAYOUT, 4)?;
///
/// let ttl = Duration::from_secs(30);
/// let granted = store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-1"))?;
/// let renewed = store.renew(&Renewal::new(&Standard::LAYOUT, granted.lease, ttl))?;
/// assert!(renewed.lease.until() >= granted.lease.until(), "a renewal never lowers the end");
/// store.release(&renewed.lease, None)?; // no ID was issued
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait LeaseStore: Send {
    /// Grants a free worker: its last window has ended on the store's clock. The new window begins at the end of that
    /// one or at the space's floor, whichever is later, and after the caller's last tick. It ends at the store's clock +
    /// the TTL.
    ///
    /// # Errors
    /// [`StoreError::NoFreeWorker`] if every worker is leased; [`StoreError::NoSpace`] if the ID space does not exist;
    /// [`StoreError::NotYet`] if the space is new or has lost data; [`StoreError::StoreClockBehind`] if the store's
    /// clock is behind the leases granted or the caller's last tick; [`StoreError::Ttl`] if the TTL is out of range;
    /// others if the store can't be reached or refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// # store.init_immediately(&Standard::LAYOUT, 1)?;
    /// let ttl = Duration::from_secs(30);
    /// let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-1");
    /// let lease = store.acquire(&request)?.lease;
    /// assert_eq!(store.acquire(&request)?.lease, lease, "the same token gets the same lease");
    ///
    /// let other = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-2");
    /// match store.acquire(&other) {
    ///     Err(StoreError::NoFreeWorker { workers: 1, retry_after }) => assert!(retry_after <= ttl),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn acquire(&mut self, request: &AcquireRequest) -> Result<Grant, StoreError>;

    /// Extends the window of a lease to the store's clock + the TTL, unless its end is later already.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the caller no longer holds the lease; [`StoreError::Ttl`] if the TTL is out of range;
    /// others if the store can't be reached or refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// # store.init_immediately(&Standard::LAYOUT, 1)?;
    /// # let ttl = Duration::from_secs(30);
    /// # let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-1");
    /// # let lease = store.acquire(&request)?.lease;
    /// let lease = store.renew(&Renewal::new(&Standard::LAYOUT, lease, ttl))?.lease;
    ///
    /// store.reclaim(&Standard::LAYOUT, lease.worker())?;
    /// let lost = store.renew(&Renewal::new(&Standard::LAYOUT, lease, ttl));
    /// assert!(matches!(lost, Err(StoreError::Lost { worker: 0, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn renew(&mut self, renewal: &Renewal) -> Result<Grant, StoreError>;

    /// Releases the worker of a lease. Its last ID was issued in `last_tick`; `None` if none was issued. The caller
    /// must not issue further IDs by this lease. Succeeds without effect if the caller no longer holds the lease.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and others if the store can't be reached or refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// # store.init_immediately(&Standard::LAYOUT, 1)?;
    /// # let ttl = Duration::from_secs(30);
    /// # let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, ttl, "web-1");
    /// # let lease = store.acquire(&request)?.lease;
    /// let last_tick = lease.from(); // of the last ID
    /// store.release(&lease, Some(last_tick))?;
    /// assert_eq!(store.survey()?.workers[0].until, last_tick + 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn release(&mut self, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError>;

    /// Returns the names of the other ID spaces in this store: ten at most, within about a second. They are for an
    /// error that says that this space does not exist. The default, for a store that has only one space, returns no
    /// names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't list them.
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

/// A store of leases as its operator uses it. The command `casflake leases` calls these methods.
///
/// # Examples
/// ```
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{LeaseAdmin, from_url};
///
/// # let directory = testkit::Scratch::new();
/// # let url = format!("file://{}", directory.path().display());
/// # #[cfg(unix)]
/// # {
/// let mut store = from_url(&url)?; // such as "file:/var/lib/ids"
/// store.init(&Standard::LAYOUT, 1024)?;
/// for worker in store.survey()?.workers {
///     println!("worker {} of {:?} until tick {}", worker.worker, worker.owner, worker.until);
/// }
/// # }
/// # Ok::<(), casflake_lease::StoreError>(())
/// ```
pub trait LeaseAdmin: LeaseStore {
    /// Creates the ID space with this number of workers, if it does not exist. It grants nothing until
    /// [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed: if a space of the same name was
    /// lost, none of its leases is in use then. A space that exists is not changed, and neither is its number of
    /// workers.
    ///
    /// Returns whether the space was created.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS)
    /// allows; others if the store can't be reached or refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, StoreError};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// assert!(store.init(&Standard::LAYOUT, 1024)?, "created");
    /// assert!(!store.init(&Standard::LAYOUT, 8)?, "it exists, and keeps its 1024 workers");
    /// assert_eq!(store.survey()?.space.unwrap().workers, 1024);
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    fn init(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError>;

    /// Vouches that no lease that the store does not know of is in use, from the call to its return. Creates the ID
    /// space if it does not exist, and sets its number of workers. The space grants leases immediately after this,
    /// whether it is new or has lost data.
    ///
    /// **If a process still holds a lease that the store has lost, or has used such a lease to issue IDs ahead of the
    /// store's clock, IDs can be issued twice after this**, until that process gets an answer from the store again.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS)
    /// allows; [`StoreError::OtherLayout`] if the space has another layout; others if the store can't be reached or
    /// refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use casflake_lease::LeasedGenerator;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, StoreError};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// // Every process that held a lease of this space has ended for good.
    /// store.init_immediately(&Standard::LAYOUT, 1024)?;
    /// let ids: LeasedGenerator = LeasedGenerator::new(store)?;
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    fn init_immediately(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError>;

    /// Returns what the store holds, whatever its layout. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; others if the store can't be reached or refuses the
    /// caller.
    ///
    /// # Examples
    /// ```
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{FileStore, LeaseAdmin, StoreError};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// store.init_immediately(&Standard::LAYOUT, 8)?;
    /// let survey = store.survey()?;
    /// assert_eq!(survey.space.unwrap().workers, 8);
    /// assert!(survey.workers.is_empty(), "no worker was granted yet");
    /// # Ok::<(), casflake_lease::StoreError>(())
    /// ```
    fn survey(&mut self) -> Result<Survey, StoreError>;

    /// Reclaims the worker with this index from its holder. The worker is free immediately.
    ///
    /// **If its holder still runs, or has issued IDs ahead of the store's clock, IDs can be issued twice after this.**
    ///
    /// # Errors
    /// [`StoreError::NoSuchWorker`] if the worker was never granted; [`StoreError::OtherLayout`] if the space has
    /// another layout; others if the store can't be reached or refuses the caller.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # use casflake::{Scheme, Standard};
    /// # use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};
    /// # let directory = testkit::Scratch::new();
    /// # let mut store = FileStore::new(directory.path());
    /// store.init_immediately(&Standard::LAYOUT, 1)?;
    /// assert!(matches!(store.reclaim(&Standard::LAYOUT, 0), Err(StoreError::NoSuchWorker { worker: 0 })));
    ///
    /// let request = AcquireRequest::new(&Standard::LAYOUT, Token::random()?, Duration::from_secs(30), "web-1");
    /// let lease = store.acquire(&request)?.lease;
    /// // The process of "web-1" has ended for good, at least a second ago.
    /// store.reclaim(&Standard::LAYOUT, lease.worker())?;
    /// assert_eq!(store.survey()?.workers[0].owner, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError>;

    /// Returns notes for people on how the store was opened, one sentence each: which parameters of its URL are for
    /// other clients and were skipped, and which have no effect because of another one. The default returns none.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
