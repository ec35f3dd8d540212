//! The rules of leases: pure functions that decide from the contents of a store what to grant and what to refuse. This
//! file has no clock, no store and no threads.
//!
//! | rule | prevents |
//! |---|---|
//! | a worker is free when its window has ended on the store's clock, and its holder is not known to be alive | that a holder loses its worker while it uses it |
//! | a new window begins at the end of the worker's last one, or later | overlapping windows of one worker, whatever the clocks do |
//! | ... and not before the floor, and not until the clock has reached the floor | an overlap with a window that the store has forgotten |
//! | ... and after the last tick that the caller issued | that the IDs of one process are out of order |
//! | a renewal never lowers the end | that a holder's fence, which never moves back, lies after the start of the next window |
//! | token, counter and window must be those of the record | that a late or repeated message has an effect |
//! | a release clears the token | that a late renewal revives a released lease |
//! | a change is written only if what it replaces is still as it was read | that a slow decision has an effect |
//! | a space that was found missing is looked at twice | that a process which was slow to find it missing lowers the floor |
//! | a process that was never granted a lease does not create a space | that a misspelt name becomes a second ID space |
//! | a process that was ever granted one creates a lost space again, in the place of its grant | that a fleet stops for good |
//! | an operator vouches for a space that exists, as it was read | that a slow operator lowers the floor |
//! | a holder whose window contains the floor stops immediately | two holders after an operator was wrong |
//! | ... and so does a holder whose worker was granted again after its own grant | the same, in the tick in which a window begins |
//!
//! A store may have granted windows that it does not know of, if it has lost data (all of it, one record, or everything
//! since some time ago), or if another server has taken over. None of these windows ends later than `MAX_TTL` +
//! `CLOCK_SLACK` after the loss, so the floor is put there.
//!
//! Each rule is proved necessary by its removal: without it, the package `lease-explorer` finds two overlapping
//! windows, or worse. The invariants that the rules keep are those of [`LeaseStore`](crate::LeaseStore#invariants).

mod denied;
mod grant;
mod holder;
mod loss;
mod operator;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::denied::{Denied, latest};
pub use self::grant::acquire;
#[cfg(feature = "_protocol")]
pub use self::holder::LOST;
pub use self::holder::{Finding, explain, release, renew};
#[cfg(feature = "_protocol")]
pub use self::loss::found_empty;
pub use self::operator::{Operation, init, init_immediately, reclaimed};
use crate::lease::Lease;
use crate::token::Token;

/// The record of an ID space as a whole.
///
/// # Examples
/// ```
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{Space, Terms};
///
/// // As a backend reads it from its row.
/// let layout = Terms::of(&Standard::LAYOUT).layout;
/// let space = Space { version: 1, layout, workers: 1024, granted: 4, floor: 0, incarnation: "server 7, run 2".into() };
/// assert!(space.granted <= space.workers);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// The number of changes of this record. 0 until a process has seen the new space and has then read the clock.
    pub version: u64,
    /// The layout. The windows are counted in its ticks.
    pub layout: String,
    /// How many workers may be granted, from index 0.
    pub workers: u64,
    /// How many workers may have been granted, from index 0. Each of them has a record, unless that was lost.
    pub granted: u64,
    /// No new window may begin before this tick.
    pub floor: u64,
    /// The incarnation of the store when it was last known to have lost nothing.
    pub incarnation: String,
}

impl Space {
    /// Returns whether an operator has vouched that this lease is not in use. Without an operator, a floor that was
    /// raised after the grant lies at the end of the window or later, because no window granted before a loss reaches
    /// beyond it.
    const fn is_initialised_within(&self, held: &Lease) -> bool {
        held.from < self.floor && self.floor < held.until
    }

    /// Returns whether the space is known to have lost nothing.
    fn is_whole(&self, view: &View) -> bool {
        self.incarnation == view.incarnation && self.version > NEWBORN
    }
}

/// The version of a space that was found missing and created again. Its floor can not be trusted: the process that has
/// created it may have been slow, and the store may have granted windows that end after the floor, and lost them, in
/// between.
pub const NEWBORN: u64 = 0;

/// The record of one worker.
///
/// # Examples
/// ```
/// use casflake_lease::{Record, Token};
///
/// // As a backend reads it from its row: the worker of "web-1", granted once.
/// let record =
///     Record { from: 5_000, until: 35_000, counter: 1, token: Some(Token::random()?), owner: "web-1".into() };
/// assert_eq!(record.lease(3, record.token.unwrap()).worker(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The first tick of the window of the last grant.
    pub from: u64,
    /// The first tick after that window. Every window that was granted for this worker ends there or earlier.
    pub until: u64,
    /// How often the worker was granted or renewed.
    pub counter: u64,
    /// The token of the holder; `None` if the worker was released.
    pub token: Option<Token>,
    /// The name of the holder, for people.
    pub owner: String,
}

impl Record {
    /// Returns the lease of `worker` that this record states.
    pub const fn lease(&self, worker: u64, token: Token) -> Lease {
        Lease::new(worker, self.from, self.until, self.counter, token)
    }
}

/// The contents of a store at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The tick of the store's clock.
    pub now: u64,
    /// The place of the store, as it identifies itself.
    pub place: String,
    /// The incarnation that serves the store.
    pub incarnation: String,
    /// The space; `None` if the store has none.
    pub space: Option<Space>,
    /// The record of each worker that has one, by the worker's index.
    pub records: BTreeMap<u64, Record>,
    /// Workers with holders that the store knows to be alive by other means than its clock.
    pub live: BTreeSet<u64>,
    /// A random number that distinguishes this view from every other.
    pub look: Token,
}

impl View {
    /// Returns whether nothing is left of the space, as if it had never existed. (If records of workers are left, the
    /// space has lost its own record, and any process may restore it: no other store can be mistaken for it.)
    fn is_absent(&self) -> bool {
        self.space.is_none() && self.records.is_empty()
    }
}

/// The knowledge of a space that a process has since it was granted a lease. With this it can create a lost space
/// again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The place where the lease was granted. The space is created again only there.
    pub place: String,
    /// How many workers the space had.
    pub workers: u64,
    /// The end of the last window that the process was granted.
    pub until: u64,
}

/// The treatment of a request for a worker if the space is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// Refuse it: the name may be misspelt.
    Refuse,
    /// Create the space, whatever the place.
    Create,
    /// Create the space again if this is the place where it was; otherwise refuse.
    Remake(Known),
}

/// A request for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The token of the requested lease.
    pub token: Token,
    /// The TTL, in ticks.
    pub ttl: u64,
    /// The last tick that the caller has issued by another lease. The new window begins after it.
    pub after: Option<u64>,
    /// A name of the caller, for people.
    pub owner: String,
    /// How many additional workers to prepare for other callers, if the granted worker was never granted before.
    pub crowd: u64,
    /// The treatment of the request if the space is absent.
    pub if_absent: IfAbsent,
}

/// A change to write completely or not at all: only if the space, and each record that the change replaces, is still as
/// in the view.
///
/// # Examples
/// ```
/// use casflake_lease::{Change, Contents, Record};
///
/// let record = Record { from: 5_000, until: 35_000, counter: 2, token: None, owner: String::new() };
/// let change = Change { space: None, records: vec![(3, record.clone())] };
/// let mut contents = Contents::new(0, "server 7, run 2", "table leases");
/// contents.apply(&change);
/// assert_eq!(contents.records[&3], record);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The new space; `None` to leave it as it is.
    pub space: Option<Space>,
    /// The records to write, by their workers' indices.
    pub records: Vec<(u64, Record)>,
}

/// The decision on a request for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write the change. The lease is granted once it is written.
    Grant(Change, Lease),
    /// The lease was granted before, and the reply was lost.
    Again(Lease),
    /// The store is new or has lost data: write the change, then decide again.
    Mend(Change),
}

/// Returns the record of a worker that is free from `tick` on.
fn unowned(tick: u64) -> Record {
    Record { from: tick, until: tick, counter: 0, token: None, owner: String::new() }
}

#[cfg(test)]
mod tests;
