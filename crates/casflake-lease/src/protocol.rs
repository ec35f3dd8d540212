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
mod operator;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::denied::until_then;
pub use self::denied::{Denied, latest};
pub use self::operator::{Operation, init, init_immediately, reclaimed};
use crate::error::LostReason;
use crate::lease::Lease;
use crate::terms::Terms;
use crate::token::Token;

/// The record of an ID space as a whole.
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

/// Decides on a request for a worker.
///
/// # Errors
/// The reason why no worker is granted.
pub fn acquire(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let now = view.now;
    if now >= terms.end {
        return Err(Denied::OutOfTicks);
    }
    let Some(space) = &view.space else {
        return made(view, &ask.if_absent, 0, terms).map(Decision::Mend);
    };
    if space.layout != terms.layout {
        return Err(Denied::OtherLayout);
    }
    if let Some(change) = mended(view, space, terms) {
        return Ok(Decision::Mend(change));
    }
    // Not one from before the floor. A store that reports only after a write that it was restored from a backup has
    // granted that one, but no caller has received it.
    let is_granted = |record: &Record| record.token == Some(ask.token) && record.from >= space.floor;
    if let Some((&worker, record)) = view.records.iter().find(|(_, record)| is_granted(record)) {
        return Ok(Decision::Again(record.lease(worker, ask.token)));
    }
    let worker = vacant(view, space, ask, terms)?;
    let before = view.records.get(&worker);
    let from = before.map_or(0, |record| record.until).max(space.floor);
    let after = ask.after.map_or(0, |last| last.saturating_add(1));
    let until = terms.until(now, ask.ttl);
    // A window in the future would be of no use until it begins.
    if from > now {
        return Err(until_then(view, space, from, Denied::Floor { floor: from }, terms));
    }
    if after >= until {
        return Err(Denied::StoreClockBehind { until: after });
    }
    let record = Record {
        from: from.max(after),
        until,
        counter: before.map_or(0, |record| record.counter) + 1,
        token: Some(ask.token),
        owner: ask.owner.clone(),
    };
    let held = record.lease(worker, ask.token);
    let mut change = Change { space: None, records: [(worker, record)].into() };
    if worker >= space.granted {
        // If only this worker were added, each process of a crowd would have to write the space, one after the other.
        let granted = (worker + 1).saturating_add(ask.crowd).min(space.workers);
        let others = (worker + 1..granted).filter(|other| !view.records.contains_key(other));
        change.records.extend(others.map(|other| (other, unowned(space.floor))));
        change.space = Some(Space { version: space.version + 1, granted, ..space.clone() });
    }
    Ok(Decision::Grant(change, held))
}

/// Returns a worker with a window that has ended, or one that was never granted. The token decides among them, so that
/// processes that ask at the same moment do not all choose the same.
fn vacant(view: &View, space: &Space, ask: &Ask, terms: &Terms) -> Result<u64, Denied> {
    let free: Vec<u64> = usable(view, space)
        .filter(|(at, record)| record.until <= view.now && !view.live.contains(at))
        .map(|(at, _)| at)
        .collect();
    if let Some(&worker) = free.get(ask.token.pick(free.len())) {
        return Ok(worker);
    }
    if space.granted < space.workers {
        return Ok(space.granted);
    }
    let until = usable(view, space).map(|(_, record)| record.until).min().unwrap_or(terms.end);
    let full = Denied::NoFreeWorker { workers: space.workers, until };
    Err(until_then(view, space, until, full, terms))
}

/// Returns the records of the workers that the space has. (It may have had more before.)
fn usable<'v>(view: &'v View, space: &Space) -> impl Iterator<Item = (u64, &'v Record)> {
    view.records.range(..space.workers).map(|(&worker, record)| (worker, record))
}

/// Creates a space that was found missing, if the process may do so. `known` is the end of a window that the process
/// knows to have been granted.
fn made(view: &View, if_absent: &IfAbsent, known: u64, terms: &Terms) -> Result<Change, Denied> {
    match if_absent {
        IfAbsent::Remake(Known { place, workers, until }) if *place == view.place => {
            Ok(born(view, known.max(*until), *workers, terms))
        }
        IfAbsent::Refuse | IfAbsent::Remake(_) if view.is_absent() => Err(Denied::NoSpace),
        _ => Ok(born(view, known, terms.workers, terms)),
    }
}

/// Creates a space in a store that has none, because it is new or was lost.
fn born(view: &View, known: u64, workers: u64, terms: &Terms) -> Change {
    let space = Space {
        version: NEWBORN,
        layout: terms.layout.clone(),
        workers,
        granted: 0,
        floor: terms.horizon(view.now).max(known),
        incarnation: found_empty(&view.incarnation, view.look),
    };
    Change { space: Some(space), records: Vec::new() }
}

/// Returns the incarnation of a newborn space. It differs for any two of them, even if one caller creates both because
/// the first write was late and it tried again.
pub fn found_empty(incarnation: &str, look: Token) -> String {
    format!("{incarnation}, found empty by {look}")
}

/// Returns the change that must be written before anything is granted, if another server has taken over or records are
/// missing.
fn mended(view: &View, space: &Space, terms: &Terms) -> Option<Change> {
    if !space.is_whole(view) {
        return Some(suspected(view, space, 0, terms));
    }
    let horizon = terms.horizon(view.now);
    let lost = (0..space.granted).filter(|worker| !view.records.contains_key(worker));
    let records: Vec<_> = lost.map(|worker| (worker, unowned(horizon))).collect();
    // The new version invalidates every earlier decision: even the same one by a slower process, after one of these
    // records is lost again.
    let space = Space { version: space.version + 1, ..space.clone() };
    (!records.is_empty()).then_some(Change { space: Some(space), records })
}

/// Returns the space with its floor raised to the end of every window that may have been granted and forgotten, and to
/// `known`.
fn suspected(view: &View, space: &Space, known: u64, terms: &Terms) -> Change {
    let space = Space {
        version: space.version + 1,
        floor: space.floor.max(terms.horizon(view.now)).max(known),
        incarnation: view.incarnation.clone(),
        ..space.clone()
    };
    Change { space: Some(space), records: Vec::new() }
}

/// Returns the renewed record of `held`, or `None` if the rule does not allow it: [`explain`] then says why. The rule
/// needs only the space, this one record and the clock, so that a store can evaluate it in one statement.
pub fn renew(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let space = view.space.as_ref()?;
    let record = view.records.get(&held.worker)?;
    let is_whole = space.layout == terms.layout && space.is_whole(view);
    let is_holders = is_of_grant(record, held) && record.counter == held.counter;
    // If the grant is from before the floor was raised, another window may lie between this one's end and the floor.
    let is_after_floor = record.from >= space.floor;
    // A lower end means that the store has forgotten a renewal.
    let is_up_to_date = record.until >= held.until;
    let is_near = record.until <= terms.horizon(view.now);
    (is_whole && is_holders && is_after_floor && is_up_to_date && is_near).then(|| Record {
        until: record.until.max(terms.until(view.now, ttl)),
        counter: record.counter + 1,
        ..record.clone()
    })
}

/// Why a renewal was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The caller still holds the lease. Renewals have changed it to this one, and their replies were lost.
    Held(Lease),
    /// The store has forgotten something that the holder knows: write this, so that no forgotten window is granted
    /// again.
    Mend(Change),
    /// The lease can't be renewed.
    Denied(Denied),
}

/// Explains why [`renew`] returned `None`. `unanswered` is the number of renewals that the holder has sent since the
/// last one that was answered. `if_absent` says what to do if the space is absent.
pub fn explain(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    let Some(space) = &view.space else {
        return made(view, if_absent, held.until, terms).map_or_else(Finding::Denied, Finding::Mend);
    };
    if space.layout != terms.layout {
        return Finding::Denied(Denied::OtherLayout);
    }
    if space.is_initialised_within(held) {
        return Finding::Denied(Denied::Lost(LostReason::Initialised));
    }
    if !space.is_whole(view) {
        return Finding::Mend(suspected(view, space, held.until, terms));
    }
    let Some(record) = view.records.get(&held.worker) else {
        return match mended(view, space, terms) {
            Some(change) => Finding::Mend(change),
            // The store has the space as it was before the worker's first grant. If the floor was raised since, that
            // loss is handled already.
            None if held.from >= space.floor => Finding::Mend(suspected(view, space, held.until, terms)),
            None => LOST,
        };
    };
    let is_less = record.counter < held.counter || is_of_grant(record, held) && record.until < held.until;
    if is_less {
        // The loss is handled already if the floor was raised, or a record was written in place of the lost one.
        let is_news = held.from >= space.floor && record.from < held.until;
        return match is_news {
            true => Finding::Mend(suspected(view, space, held.until, terms)),
            false if is_after(record, held) => TAKEN,
            false => LOST,
        };
    }
    if !is_of_grant(record, held) {
        return TAKEN;
    }
    if record.counter - held.counter > unanswered {
        return Finding::Denied(Denied::Lost(LostReason::Cloned));
    }
    if record.from < space.floor {
        return LOST;
    }
    if record.until > terms.horizon(view.now) {
        return Finding::Denied(Denied::StoreClockBehind { until: record.until });
    }
    Finding::Held(record.lease(held.worker, held.token))
}

/// Returns whether the record is that of the grant of `held`, renewed or not: no renewal moves the start of the window.
/// A late request can have made another grant to the same token; its window is a different one.
fn is_of_grant(record: &Record, held: &Lease) -> bool {
    record.token == Some(held.token) && record.from == held.from
}

/// Returns whether the record is that of a grant made after `held`, although the store has forgotten something that the
/// holder of `held` knows: an operator was wrong to vouch for the space. (A record in place of a lost one was never
/// granted.)
fn is_after(record: &Record, held: &Lease) -> bool {
    record.counter > 0 && !is_of_grant(record, held) && held.from < record.until
}

const TAKEN: Finding = Finding::Denied(Denied::Lost(LostReason::Taken));
/// The finding that the store has lost the lease.
pub const LOST: Finding = Finding::Denied(Denied::Lost(LostReason::StoreChanged));

/// Returns the released record of `held`: free from the tick after `last`, which is the last that its holder issued.
/// Returns `None` if the record is not that of `held`.
pub fn release(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    let is_holders = record.token == Some(held.token) && record.counter == held.counter;
    is_holders.then(|| Record { until: released_at(record, last), token: None, ..record.clone() })
}

/// Returns the end of a window that is released after the tick `last`, or unused.
pub fn released_at(record: &Record, last: Option<u64>) -> u64 {
    last.map_or(0, |last| last.saturating_add(1)).max(record.from).min(record.until)
}

/// Returns the record of a worker that is free from `tick` on.
fn unowned(tick: u64) -> Record {
    Record { from: tick, until: tick, counter: 0, token: None, owner: String::new() }
}

#[cfg(test)]
mod tests;
