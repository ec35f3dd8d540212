//! The rules of leases. They are pure functions, which decide from the contents of a store whether a request is granted
//! or refused. This module has no clock, no store and no threads.
//!
//! | rule | prevents |
//! |---|---|
//! | a worker is free when its window has ended on the store's clock, and its holder is not known to be alive | that a holder loses a worker that it still uses |
//! | a new window begins at the end of the worker's last one, or later | overlapping windows of one worker, whatever the clocks do |
//! | a new window begins at the floor or later, and is not granted until the clock has reached the floor | an overlap with a window that the store has forgotten |
//! | a new window begins after the last tick in which the caller issued an ID | that the IDs of one process are out of order |
//! | a renewal never lowers the end of a window | that the next window begins before the holder's fence, which never moves back |
//! | a renewal must match the token, the counter and the start of the window in the worker's record; a release must match the token and the counter | that a late or repeated message has an effect |
//! | a release clears the token | that a late renewal revives a released lease |
//! | a change is written only if everything that it replaces is still as it was read | that an outdated decision has an effect |
//! | a space that was found missing and was created is read again before it grants leases | that a slow process, which found the space missing long ago, sets a floor that is too low |
//! | a process that was never granted a lease does not create a space | that a misspelt name becomes a second ID space |
//! | a process that was ever granted a lease creates a lost space again, in the place where the lease was granted | that a fleet stops for good |
//! | an operator's vouching takes effect only if the space exists and is still as it was read | that a slow operator lowers the floor |
//! | a holder whose window contains the floor stops immediately | two holders of one worker after an operator was wrong to vouch for the space |
//! | a holder stops immediately if its worker was granted again after the holder's own grant | two holders of one worker after an operator was wrong to vouch for the space, in the case that the floor is the first tick of the holder's window |
//!
//! If a store has lost data, or if another server has taken over, the store may have forgotten windows that it has
//! granted. The store may have lost all data, one record, or all data since some moment. Each forgotten window ends at
//! most `MAX_TTL` + `CLOCK_SLACK` after the loss. So when the loss is noticed, the floor is raised to at least the
//! present tick of the store's clock + `MAX_TTL` + `CLOCK_SLACK`. If only the records of some workers are missing, the
//! floor stays, and only these workers are not granted before that tick.
//!
//! Each rule is proved necessary: if the rule is removed, the package `lease-explorer` finds a case with two
//! overlapping windows, or with a worse fault. The rules keep the invariants of
//! [`LeaseStore`](crate::LeaseStore#invariants).

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

/// The record of an ID space as a whole. Each worker has a [`Record`] of its own.
///
/// # Examples
/// ```
/// use casflake::{Scheme, Standard};
/// use casflake_lease::{Space, Terms};
///
/// // A backend makes it from the row that it has read.
/// let layout = Terms::of(&Standard::LAYOUT).layout;
/// let space = Space { version: 1, layout, workers: 1024, granted: 4, floor: 0, incarnation: "server 7, run 2".into() };
/// assert!(space.granted <= space.workers);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// The number of times that this record was changed. The version of a new space is 0. A process that writes version
    /// 1 has first read the new space, and then the store's clock. So the floor of version 1 is high enough even if the
    /// process that created the space was slow.
    pub version: u64,
    /// The layout, as a text. The windows are counted in ticks of this layout.
    pub layout: String,
    /// The number of workers of the space: their indices are 0 to `workers` - 1. No other worker is granted.
    pub workers: u64,
    /// The workers 0 to `granted` - 1 may have been granted already. Each of them has a record, unless the record was
    /// lost.
    pub granted: u64,
    /// No new window may begin before this tick.
    pub floor: u64,
    /// The incarnation that the store had when the floor was last set. In version 0, a random number is added to this
    /// text. An incarnation is a text that changes when the store may have lost data. If the store now has another
    /// incarnation, the floor must be raised.
    pub incarnation: String,
}

impl Space {
    /// Returns whether the floor lies inside the window of `held`. If it does, an operator has vouched for the space
    /// after the grant of `held`, and so has declared that `held` is not in use. A loss of data can not cause such a
    /// floor, because after a loss the floor is raised to a tick at which all windows of earlier grants have ended.
    const fn is_initialised_within(&self, held: &Lease) -> bool {
        held.from < self.floor && self.floor < held.until
    }

    /// Returns whether the floor can be trusted. This is so if the store still has the incarnation that it had when the
    /// floor was set, and the space is not newborn.
    fn is_whole(&self, view: &View) -> bool {
        self.incarnation == view.incarnation && self.version > NEWBORN
    }
}

/// The version of a newborn space. A space is newborn if a process found the space missing and has created it, and no
/// process has changed it since. The floor of a newborn space may be too low, because the process may have been slow.
/// After the process had read the clock, and before it wrote the space, the store may have granted windows that end
/// after this floor, and may have lost the records of these windows.
pub const NEWBORN: u64 = 0;

/// The record of one worker.
///
/// # Examples
/// ```
/// use casflake_lease::{Record, Token};
///
/// // A backend makes it from the row of a worker. The worker was granted once, to "web-1".
/// let record =
///     Record { from: 5_000, until: 35_000, counter: 1, token: Some(Token::random()?), owner: "web-1".into() };
/// assert_eq!(record.lease(3, record.token.unwrap()).worker(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The first tick of the window of the last grant.
    pub from: u64,
    /// The first tick after the window of the last grant. Every window that was granted for this worker ends at this
    /// tick or earlier.
    pub until: u64,
    /// The counter of the worker. Each grant, each renewal and each [reclaiming](crate::LeaseAdmin::reclaim) of the
    /// worker adds 1.
    pub counter: u64,
    /// The token of the holder. `None` if the worker was released or reclaimed, or if no grant of the worker is
    /// recorded.
    pub token: Option<Token>,
    /// The name of the holder, for people.
    pub owner: String,
}

impl Record {
    /// Returns the lease that this record describes, for the worker with the index `worker` and a holder with `token`.
    pub const fn lease(&self, worker: u64, token: Token) -> Lease {
        Lease::new(worker, self.from, self.until, self.counter, token)
    }
}

/// The contents of a store at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The tick that the store's clock reads.
    pub now: u64,
    /// A text that identifies where the store keeps the space, such as a server and its address.
    pub place: String,
    /// The incarnation of the store: a text that identifies the server that the store uses now, and the data of that
    /// server. The text changes when the store may have lost data.
    pub incarnation: String,
    /// The space; `None` if the store has none.
    pub space: Option<Space>,
    /// The records of the workers. The key is the worker's index. Some workers may have no record.
    pub records: BTreeMap<u64, Record>,
    /// The workers whose holders are known to be alive. Only a store that has its own kind of leases, such as etcd, can
    /// know this. In other stores the set is empty.
    pub live: BTreeSet<u64>,
    /// A random number that distinguishes this view from every other view.
    pub look: Token,
}

impl View {
    /// Returns whether the store has neither the record of the space nor a record of a worker. If only the record of
    /// the space is missing, the space does not count as absent. Any process may then restore the space, because the
    /// records of workers prove that this store is the right one.
    fn is_absent(&self) -> bool {
        self.space.is_none() && self.records.is_empty()
    }
}

/// The facts about a space that a process remembers from its last grant or renewal. With these facts the process can
/// create the space again if the space is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The [place](View::place) of the space at the last grant or renewal. The process creates the space again only in
    /// this place.
    pub place: String,
    /// The number of workers that the space had at the last grant or renewal.
    pub workers: u64,
    /// The latest end of all windows that the process was granted.
    pub until: u64,
}

/// What to do with a request for a worker if the space is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// Refuse the request, because the name of the space may be misspelt.
    Refuse,
    /// Create the space, whatever [`View::place`] is.
    Create,
    /// Create the space again if [`View::place`] is [`Known::place`]. Otherwise refuse the request.
    Remake(Known),
}

/// A request for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The token of the requested lease.
    pub token: Token,
    /// The TTL, in ticks.
    pub ttl: u64,
    /// The last tick in which the caller has issued an ID with an earlier lease. The new window begins after this tick.
    pub after: Option<u64>,
    /// A name of the caller, for people.
    pub owner: String,
    /// The maximum number of additional workers that the grant prepares for other callers. To prepare a worker, the
    /// grant writes a record of a free worker, if the worker has no record yet. The grant prepares workers only if the
    /// index of the granted worker is [`Space::granted`] or higher.
    pub crowd: u64,
    /// What to do with the request if the space is absent.
    pub if_absent: IfAbsent,
}

/// A change of the store's contents. The change was decided from contents that were read earlier. It must be written
/// completely or not at all. It may be written only if the space, and each record that the change replaces, are still
/// as they were in those contents.
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
    /// The new record of the space; `None` if that record stays as it is.
    pub space: Option<Space>,
    /// The records to write, each with the index of its worker.
    pub records: Vec<(u64, Record)>,
}

/// The decision on a request for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write the change. When it is written, the lease is granted.
    Grant(Change, Lease),
    /// Write nothing, and return this lease. An earlier request with the same token was granted the lease, and the
    /// reply was lost.
    Again(Lease),
    /// The store is new or has lost data. Write the change, then read the store and decide again.
    Mend(Change),
}

/// Returns the record of a worker that is free from `tick` on.
fn unowned(tick: u64) -> Record {
    Record { from: tick, until: tick, counter: 0, token: None, owner: String::new() }
}

#[cfg(test)]
mod tests;
