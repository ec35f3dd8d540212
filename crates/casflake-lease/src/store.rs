//! `LeaseStore`: what a store of leases does.

use std::time::Duration;

use casflake::Layout;

use crate::error::StoreError;
use crate::lease::Lease;
use crate::protocol::latest;
use crate::terms::{duration, fingerprint, terms, tick};
use crate::token::Token;

/// Who wants a worker, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Whose the lease will be. The same one again gets the same lease: after a reply that was lost.
    pub token: Token,
    /// How far into the future the window reaches, up to [`MAX_TTL`](crate::MAX_TTL).
    pub ttl: Duration,
    /// The last tick that the caller has issued by an earlier lease, after which the window begins.
    pub after: Option<u64>,
    /// Who asks, for people who look at the list of leases.
    pub owner: String,
    /// What the store does if the ID space does not exist.
    pub missing: Missing,
}

impl Request {
    /// The request of a caller that has issued nothing before, and that creates no ID space.
    #[must_use]
    pub fn new(token: Token, ttl: Duration, owner: impl Into<String>) -> Self {
        Self { token, ttl, after: None, owner: owner.into(), missing: Missing::Refuse }
    }
}

/// What a store does about a request for a worker of an ID space that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Missing {
    /// Refuses it with [`StoreError::NoSpace`] and writes nothing: the name may be misspelt, and a second ID space would
    /// issue the IDs of the first one again.
    #[default]
    Refuse,
    /// Creates the space, which grants nothing until [`MAX_TTL`](crate::MAX_TTL) + [`CLOCK_SLACK`](crate::CLOCK_SLACK)
    /// are over. After this store object was granted a lease, it remakes the space only where that was granted, and with
    /// as many workers as it had.
    Create,
}

/// A lease, and the time at which it was granted or renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The lease.
    pub lease: Lease,
    /// What the store's clock read, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_nanos: u64,
}

impl Grant {
    /// A lease that was granted when the store's clock read `unix_nanos`.
    #[must_use]
    pub const fn new(lease: Lease, unix_nanos: u64) -> Self {
        Self { lease, unix_nanos }
    }
}

/// Where leases are kept: grants workers as windows of ticks, of which no two of one worker overlap.
///
/// Each call is atomic, blocks until it is done or has failed, and ends within seconds. A call that fails may have had
/// its effect all the same.
pub trait LeaseStore: Send {
    /// Grants a worker whose window has passed on the store's clock, for [the later of its end and the caller's last
    /// tick + 1, now + ttl).
    ///
    /// # Errors
    /// No worker is free, or the store is not to be asked: see [`StoreError`].
    fn acquire(&mut self, layout: &Layout, request: &Request) -> Result<Grant, StoreError>;

    /// Moves the end of the window to now + ttl, unless it is further on already. `unanswered`: how many renewals of
    /// the lease the caller has sent since one was answered; they may have had their effect.
    ///
    /// # Errors
    /// [`StoreError::Lost`]: the lease is the caller's no more. Others: see [`StoreError`].
    fn renew(&mut self, layout: &Layout, lease: &Lease, ttl: Duration, unanswered: u64) -> Result<Grant, StoreError>;

    /// Gives the worker back, whose last ID was issued in `last_tick`; nothing is issued by this lease any more. A
    /// lease that is the caller's no more is no error.
    ///
    /// # Errors
    /// The store is not to be asked: see [`StoreError`].
    fn release(&mut self, layout: &Layout, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError>;

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
    fn acquire(&mut self, layout: &Layout, request: &Request) -> Result<Grant, StoreError> {
        (**self).acquire(layout, request)
    }

    fn renew(&mut self, layout: &Layout, lease: &Lease, ttl: Duration, unanswered: u64) -> Result<Grant, StoreError> {
        (**self).renew(layout, lease, ttl, unanswered)
    }

    fn release(&mut self, layout: &Layout, lease: &Lease, last_tick: Option<u64>) -> Result<(), StoreError> {
        (**self).release(layout, lease, last_tick)
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
    fn create(&mut self, layout: &Layout, workers: u64) -> Result<bool, StoreError>;

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
    fn initialise(&mut self, layout: &Layout, workers: u64) -> Result<(), StoreError>;

    /// Returns what the store holds, of whatever layout. Creates nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] if the ID space does not exist; others if the store can't be asked.
    fn survey(&mut self) -> Result<Survey, StoreError>;

    /// Takes the worker with this index from whoever holds it, and frees it at once.
    ///
    /// **If its holder still runs, or has issued IDs ahead of the store's clock, IDs can be issued twice after this.**
    ///
    /// # Errors
    /// The worker was never granted; the leases are another layout's; the store is not to be asked.
    fn reclaim(&mut self, layout: &Layout, worker: u64) -> Result<(), StoreError>;

    /// Returns what people should know of how the store was opened, a sentence each: parameters of its URL that are for
    /// other clients, and were skipped, or that have no force beside another one. None, unless a store says otherwise.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// What the store's clock reads, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_nanos: u64,
    /// The space; `None` if its own record is lost and those of workers are not.
    pub space: Option<SurveyedSpace>,
    /// Each worker that was granted, and some that were made ready, by index.
    pub workers: Vec<SurveyedWorker>,
    /// Whether this is a copy of a space that was made elsewhere: then no process gets a worker of it
    /// ([`StoreError::Copied`]).
    pub is_copy: bool,
}

impl Survey {
    /// What a store of your own holds.
    #[must_use]
    pub const fn new(unix_nanos: u64, space: Option<SurveyedSpace>, workers: Vec<SurveyedWorker>) -> Self {
        Self { unix_nanos, space, workers, is_copy: false }
    }

    /// Returns by how much the store's clock is behind what the store holds, ticks of `layout`, if that lies further in the
    /// future than anything a clock that is right has put there: more than [`MAX_TTL`](crate::MAX_TTL) +
    /// twice [`CLOCK_SLACK`](crate::CLOCK_SLACK), 180 s. (Or the clock is right, and was ahead at that time.)
    #[must_use]
    pub fn clock_behind(&self, layout: &Layout) -> Option<Duration> {
        let now = tick(layout, self.unix_nanos / 1_000_000).ok()?;
        let floor = self.space.as_ref().map_or(0, |space| space.floor);
        let latest = latest(floor, self.workers.iter().map(|worker| worker.until));
        (latest > terms(layout).reach(now)).then(|| duration(layout, latest - now))
    }
}

/// What a store holds of all workers together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedSpace {
    /// The layout whose ticks the windows are.
    pub layout: String,
    /// How many workers there are.
    pub workers: u64,
    /// The tick below which no window begins.
    pub floor: u64,
}

impl SurveyedSpace {
    /// That of a store of your own, whose windows are ticks of `layout`.
    #[must_use]
    pub fn new(layout: &Layout, workers: u64, floor: u64) -> Self {
        Self { layout: fingerprint(layout), workers, floor }
    }

    /// Whether the windows are ticks of this layout.
    #[must_use]
    pub fn is_of(&self, layout: &Layout) -> bool {
        self.layout == fingerprint(layout)
    }
}

/// What a store holds of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedWorker {
    /// Its index.
    pub worker: u64,
    /// The first tick of its last window.
    pub from: u64,
    /// The first tick after it.
    pub until: u64,
    /// How often it was granted or renewed.
    pub counter: u64,
    /// Who holds it; `None` where it was released.
    pub owner: Option<String>,
}

impl SurveyedWorker {
    /// That of a store of your own, by its last lease; `owner` where that was not released.
    #[must_use]
    pub const fn new(lease: &Lease, owner: Option<String>) -> Self {
        let Lease { worker, from, until, counter, .. } = *lease;
        Self { worker, from, until, counter, owner }
    }
}
