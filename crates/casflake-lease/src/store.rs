//! `LeaseStore` and `LeaseAdmin`: the calls of a store of leases, for processes and for the operator of the store.

use casflake::Layout;

use crate::error::StoreError;
use crate::lease::Lease;
use crate::request::{AcquireRequest, Grant, Renewal};
use crate::survey::Survey;

/// A store that keeps leases: grants of workers for windows of ticks.
///
/// Each call is atomic, blocks until it is done or has failed, and ends within seconds. Even if a call fails, the store
/// may have made the change that the call asked for.
///
/// To write a store of your own, implement [`Backend`](crate::Backend). [`BackendStore`](crate::BackendStore) makes a
/// `LeaseStore` of your backend, with the same rules as the stores of this crate.
///
/// # Invariants
/// A caller may rely on these invariants. A window is the range of ticks from a lease's [`from`](Lease::from) up to,
/// but not including, its [`until`](Lease::until).
///
/// * **L1.** No two windows granted for one worker overlap, whichever processes hold them.
/// * **L2.** A renewal never lowers the end of a window.
/// * **L3.** A grant or a renewal never moves the end of a window to a tick more than [`MAX_TTL`] after the store's
///   clock. No window contains a tick after the layout's last tick.
/// * **L4.** A message renews or releases a lease only if the message has the token and the counter of the worker's
///   record. A message that renews a lease must also have the first tick of the record's window, and the end in the
///   message must not be later than the end of that window. So a late or repeated message has no effect.
/// * **L5.** A released lease is never renewed, and the worker's next window begins after the last tick in which the
///   holder issued an ID.
/// * **L6.** If a store has lost data and may have forgotten a window of a worker, that worker is not granted until
///   [`MAX_TTL`] + [`CLOCK_SLACK`] have passed since the loss was found.
/// * **L7.** A process that was never granted a lease of a space does not create that space, unless the process asks
///   for a new space explicitly.
/// * **L8.** If a space is known to be a copy of a space that was made in another place, the store grants, renews and
///   releases nothing in the copy.
/// * **L9.** If the store's clock moves back, that costs time, but never causes a duplicate ID.
/// * **L10.** A window begins after the tick in [`AcquireRequest::after`], the last tick in which the caller has issued
///   an ID. So the IDs of one process keep increasing when the process changes workers.
/// * **L11.** A second request with the same token gets the lease that was granted to the first request, as long as
///   that lease is neither lost nor released.
///
/// The invariants hold under two conditions:
///
/// * The store keeps all data that it has acknowledged, or notices the loss of such data. Each store documents which
///   losses it does not notice.
/// * An operator who [vouches](LeaseAdmin::init_immediately) for a space or [reclaims](LeaseAdmin::reclaim) a worker is
///   right. If an operator was wrong, a process still uses a lease that the operator took to be unused. The next
///   renewal of this lease fails with [`LostReason::Initialised`](crate::LostReason::Initialised) or
///   [`LostReason::Taken`](crate::LostReason::Taken). The process must then stop using the lease immediately.
///
/// In detail:
///
/// * L3: the store rounds the TTL up to whole ticks, and adds the TTL to the tick that the store's clock reads. The sum
///   is the new end of the window. If the old end is later than the sum, a renewal keeps the old end. If the old end is
///   more than [`MAX_TTL`] + [`CLOCK_SLACK`] after the store's clock, the renewal is refused.
/// * L4: a renewal is written only if the worker's record has the token, the counter and the first tick of the holder's
///   lease, and if the record's window does not end earlier than that lease. A release is written only if the record
///   has the token and the counter of the lease. Each grant and each renewal raises the counter. If replies to renewals
///   were lost, the record's counter is higher than the holder's counter. `renew` then recognises the lease by its
///   token and its first tick. `renew` fails if the record's counter is higher by more than [`Renewal::unanswered`],
///   the number of renewals that the holder has sent without a reply. `release` recognises the lease by its token
///   alone. Both calls then send a new message, with the record's counter.
/// * L5: a release clears the token, and ends the window right after the tick of the last ID. If no ID was issued, the
///   window becomes empty: its end is set to its first tick.
/// * L6: a loss is found if the record of the space or of a worker is missing, if the store is now on another server,
///   if the data of the server was replaced, or if a holder presents a lease that is newer than the worker's record. If
///   only the records of some workers are missing, only these workers have to wait; otherwise all workers have to wait.
///   If a holder presents a lease, and the worker's record is missing or older than the lease, the wait does not end
///   before the window of that lease ends. A lease is not renewed if the worker's record is missing. If all workers
///   have to wait, no lease that was granted before the loss is renewed. An operator who vouches for the space ends the
///   wait. But if the store has already replaced the missing record of a worker, this worker still has to wait.
/// * L7: a process asks for a new space with [`Missing::Create`](crate::Missing::Create). A
///   [`LeasedGenerator`](crate::LeasedGenerator) that was not granted a lease yet asks for a new space only if
///   [`create_if_missing`](crate::LeasedGeneratorBuilder::create_if_missing) was called on its builder and the store
///   lists no other space. Otherwise the process gets [`NoSpace`](StoreError::NoSpace), and the store writes nothing.
///   If a space is lost, a process that was granted a lease of the space creates the space again, but only in the place
///   where the lease was granted. If the record of the space is lost, but the store still has records of workers, the
///   space has suffered a loss (L6) but still exists. Any process then restores the record of the space.
/// * L8: calls fail with [`Copied`](StoreError::Copied) until an operator [vouches](LeaseAdmin::init_immediately) for
///   the copy.
/// * L9: a worker is not granted before the store's clock has reached the end of the worker's last window. As long as
///   the store loses nothing, the clock may move by any amount. If the store loses data, L9 holds only if the clock has
///   moved back by at most [`CLOCK_SLACK`].
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
    /// Grants a free worker. A worker is free if the store's clock has reached the end of the worker's last window, and
    /// the worker's holder is not known to be alive. The new window begins at the end of the last window or at the
    /// space's floor, whichever is later, but not before the tick after [`AcquireRequest::after`]. The new window ends
    /// at the store's clock + the TTL.
    ///
    /// # Errors
    /// [`StoreError::NoFreeWorker`] if every worker is leased; [`StoreError::NoSpace`] if the ID space does not exist;
    /// [`StoreError::NotYet`] if the space is new or has lost data; [`StoreError::StoreClockBehind`] if the floor or
    /// the end of a granted window is too far ahead of the store's clock, or if the new window would contain no tick
    /// after [`AcquireRequest::after`]; [`StoreError::Ttl`] if the TTL is out of range; other errors if the store can't
    /// be reached or refuses the caller.
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

    /// Moves the end of a lease's window to the store's clock + the TTL. If the window already ends at a later tick,
    /// the call does not change the end.
    ///
    /// # Errors
    /// [`StoreError::Lost`] if the caller no longer holds the lease; [`StoreError::StoreClockBehind`] if the window
    /// already ends too far ahead of the store's clock; [`StoreError::Ttl`] if the TTL is out of range; other errors if
    /// the store can't be reached or refuses the caller.
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

    /// Releases the worker of a lease. `last_tick` is the tick of the last ID that was issued with this lease, or
    /// `None` if no ID was issued. The caller must not issue further IDs with this lease. Succeeds without effect if
    /// the caller no longer holds the lease.
    ///
    /// # Errors
    /// Fails with [`StoreError::Unavailable`] or another error if the store can't be reached or refuses the caller.
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

    /// Returns the names of at most ten other ID spaces in this store. The search should take at most about a second.
    /// The error [`StoreError::NoSpace`] shows these names. The default method returns no names. Override this method
    /// if a store can hold more than one space.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the store can't list the names.
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

/// The calls with which an operator manages a store of leases. The command `casflake leases` makes these calls.
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
    /// Creates the ID space with `workers` workers, if the space does not exist or if the record of the space is lost.
    /// After this call, the new space grants nothing until [`MAX_TTL`](crate::MAX_TTL) +
    /// [`CLOCK_SLACK`](crate::CLOCK_SLACK) have passed. By then, all leases of a lost space with the same name have
    /// ended. If the space exists already, this call changes nothing, and the space keeps its number of workers. There
    /// is one exception: if another process has just created the space with the same layout, and no process has changed
    /// the space since, this call makes the wait of the space begin anew.
    ///
    /// Returns whether this call created the space.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS)
    /// allows; other errors if the store can't be reached or refuses the caller.
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

    /// Creates the ID space if it does not exist, sets its number of workers, and ends any wait: after this call the
    /// space grants leases immediately, even if it is new or has lost data. There is one exception: if the store has
    /// already replaced the lost record of a worker, this worker still has to wait. By this call, the operator vouches
    /// that the store knows every lease that is in use while the call runs, and the last renewal of each of them. If
    /// the space is a copy, the operator also vouches that the original is not in use.
    ///
    /// **IDs can be issued twice after this call if a process still holds a lease that the store has lost, or of which
    /// the store has lost a renewal, or if a process has used such a lease to issue IDs ahead of the store's clock.** A
    /// process that still holds such a lease stops issuing IDs with it when the store answers the next renewal of this
    /// lease. IDs can also be issued twice if a copy of the space and its original are both in use. No renewal ends
    /// that.
    ///
    /// # Errors
    /// [`StoreError::Workers`] if `workers` is 0, or more than the layout or [`MAX_WORKERS`](crate::MAX_WORKERS)
    /// allows; [`StoreError::OtherLayout`] if the space has another layout; other errors if the store can't be reached
    /// or refuses the caller.
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

    /// Returns the contents of the store, whatever layout the space has. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; other errors if the store can't be reached or refuses
    /// the caller.
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

    /// Reclaims the worker with the index `worker` from its holder. The worker is free immediately, with two
    /// exceptions. If the store's clock has moved back to a time before the worker's last window, the worker may stay
    /// leased until the store's clock reaches the first tick of that window. If the store has replaced a lost record of
    /// the worker, the worker still has to wait as [L6](LeaseStore#invariants) says.
    ///
    /// **IDs can be issued twice after this call if the holder of the worker still runs, or if the holder has issued
    /// IDs in ticks that the store's clock has not passed.**
    ///
    /// # Errors
    /// [`StoreError::NoSuchWorker`] if the store has no record of the worker, because the worker was never granted or
    /// the record is lost; [`StoreError::OtherLayout`] if the space has another layout; other errors if the store can't
    /// be reached or refuses the caller.
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

    /// Returns notes about the URL that the store was made from. The notes are for people, and each note is one
    /// sentence. A note names the parameters that the store skips as parameters for other clients, or the parameters
    /// that have no effect because of another parameter. The default method returns no notes.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
