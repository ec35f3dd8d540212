//! What is granted and what is refused: pure functions over what a store holds. No clock, no store and no thread in
//! here.
//!
//! | rule | keeps |
//! |---|---|
//! | a worker is free when its window has passed on the store's clock, and its holder is not known to be alive | a holder from being robbed |
//! | a new window begins where the worker's last one ended, or later | two windows of one worker apart, whatever the clocks do |
//! | ... and not below the floor, nor before that has come | windows apart from those that a store has forgotten |
//! | ... and after the last tick that the caller issued | one process's IDs in order |
//! | a renewal never lowers the end | a holder's fence, which never moves back, below the next window |
//! | token, counter and window must be the record's | late and repeated messages from having an effect |
//! | a release clears the token | a renewal that was late from reviving what was released |
//! | nothing is written but to what was looked at | a decision that was slow from having an effect |
//! | a space that was found missing is looked at twice | who was slow to find that from lowering the floor |
//! | a process that was never granted a lease makes no space | a misspelt name from becoming a second ID space |
//! | a process that was ever granted one remakes a lost space, where it was granted | a fleet from stopping for good |
//! | an operator vouches for a space that exists, as it was seen | an operator who was slow from lowering the floor |
//! | a holder whose window contains the floor stops immediately | two holders, after an operator was wrong |
//! | ... and one whose worker was granted after its own grant | the same, in the tick in which a window begins |
//!
//! A store that has lost something (all of it, one record, or all since some time ago), or that another server has
//! taken over, may have granted windows that it does not know of. None of them ends later than `MAX_TTL` +
//! `CLOCK_SLACK` after the loss: that is where its floor is put.
//!
//! What each rule is for is proved by taking it out: `rules/explorer` then finds two windows that overlap, or worse.

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

/// What a store keeps of an ID space as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Grows with each change; 0 until a process has seen the space, and has looked at the clock after that.
    pub version: u64,
    /// Whose ticks the windows are.
    pub layout: String,
    /// How many workers may be granted, from index 0.
    pub workers: u64,
    /// How many workers may have been granted, from index 0: each of them has a record, unless that was lost.
    pub granted: u64,
    /// No window may begin below this tick.
    pub floor: u64,
    /// What served the store when it was last known to be whole.
    pub incarnation: String,
}

impl Space {
    /// Whether an operator has vouched that this lease is not in use. Where nobody has, a floor that was raised after
    /// the grant lies beyond the window: no window that was granted before a loss reaches it.
    const fn is_initialised_within(&self, held: &Lease) -> bool {
        held.from < self.floor && self.floor < held.until
    }

    /// Whether it is known to have lost nothing.
    fn is_whole(&self, view: &View) -> bool {
        self.incarnation == view.incarnation && self.version > NEWBORN
    }
}

/// The version of a space that was found missing and made anew. Whoever has made it may have been slow, so that the
/// store has granted windows meanwhile, and lost them, that end after its floor.
pub const NEWBORN: u64 = 0;

/// What a store keeps of one worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where the window of the last grant begins.
    pub from: u64,
    /// Where it ends, and every other window that was ever granted for this worker has ended before.
    pub until: u64,
    /// How often the worker was granted or renewed.
    pub counter: u64,
    /// Whose it is, until it is released.
    pub token: Option<Token>,
    /// Who that is, for people.
    pub owner: String,
}

impl Record {
    /// Returns the lease of `worker` that this record is of.
    pub const fn lease(&self, worker: u64, token: Token) -> Lease {
        Lease::new(worker, self.from, self.until, self.counter, token)
    }
}

/// What a store holds at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The tick of the store's clock.
    pub now: u64,
    /// Where the store is, as it tells of itself.
    pub place: String,
    /// What serves the store.
    pub incarnation: String,
    /// `None` where the store is empty.
    pub space: Option<Space>,
    /// The record of each worker that has one, by the worker's index.
    pub records: BTreeMap<u64, Record>,
    /// Workers whose holders the store knows to be alive by other means than its clock.
    pub live: BTreeSet<u64>,
    /// A random number, by which this look at the store is told from every other.
    pub look: Token,
}

impl View {
    /// Whether nothing is left of the space, as if it never had been. (A space of which workers' records are left is
    /// lost, and anyone may mend it: no other store is mistaken for it.)
    fn is_absent(&self) -> bool {
        self.space.is_none() && self.records.is_empty()
    }
}

/// What a process knows that was ever granted a lease of the space. By this it remakes the space if that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where the lease was granted: the space is remade nowhere else.
    pub place: String,
    /// How many workers the space had.
    pub workers: u64,
    /// Where the last window ends that the process was granted.
    pub until: u64,
}

/// What a request for a worker does about a space that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfAbsent {
    /// It refuses: the name may be misspelt.
    Refuse,
    /// It creates the space, whatever the place.
    Create,
    /// It remakes the space, if this is the place where it was.
    Remake(Known),
}

/// What someone who wants a worker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The token of the lease that is asked for.
    pub token: Token,
    /// How long a window the caller asks for, in ticks.
    pub ttl: u64,
    /// The last tick that the caller has issued by another lease; its next window begins after it.
    pub after: Option<u64>,
    /// The caller, for people.
    pub owner: String,
    /// For how many others to provide as well, where a worker is granted that never was.
    pub crowd: u64,
    /// What to do if the space is absent.
    pub if_absent: IfAbsent,
}

/// What to write, all of it or nothing, and only where everything that it replaces, and the space, is still as the view
/// has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The space; `None` if it stays as it is.
    pub space: Option<Space>,
    /// The records to write, by their workers' indices.
    pub records: Vec<(u64, Record)>,
}

/// What is to be done for someone who wants a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Write this, and it is granted.
    Grant(Change, Lease),
    /// It was granted before, and the reply was lost.
    Again(Lease),
    /// The store has lost something, or is new: write this, then decide anew.
    Mend(Change),
}

/// A worker for `ask`, or why there is none.
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
    // Not one from below the floor, of which nobody was told: in a store that says only after a write that it was set
    // back.
    let is_granted = |record: &Record| record.token == Some(ask.token) && record.from >= space.floor;
    if let Some((&worker, record)) = view.records.iter().find(|(_, record)| is_granted(record)) {
        return Ok(Decision::Again(record.lease(worker, ask.token)));
    }
    let worker = vacant(view, space, ask, terms)?;
    let before = view.records.get(&worker);
    let from = before.map_or(0, |record| record.until).max(space.floor);
    let after = ask.after.map_or(0, |last| last.saturating_add(1));
    let until = terms.until(now, ask.ttl);
    // A window that had not begun would be of no use until it does.
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
        // Each of a crowd would have to write the space, one after the other, if there were no more than this one.
        let granted = (worker + 1).saturating_add(ask.crowd).min(space.workers);
        let others = (worker + 1..granted).filter(|other| !view.records.contains_key(other));
        change.records.extend(others.map(|other| (other, unowned(space.floor))));
        change.space = Some(Space { version: space.version + 1, granted, ..space.clone() });
    }
    Ok(Decision::Grant(change, held))
}

/// A worker whose window has passed, or one that was never granted. Which of them, the token decides, so that those who
/// ask at once don't all want the same.
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

fn usable<'v>(view: &'v View, space: &Space) -> impl Iterator<Item = (u64, &'v Record)> {
    view.records.range(..space.workers).map(|(&worker, record)| (worker, record))
}

/// The space that was found missing, made by a process that may do so. `known`: where a window ends that it knows to
/// have been granted.
fn made(view: &View, if_absent: &IfAbsent, known: u64, terms: &Terms) -> Result<Change, Denied> {
    match if_absent {
        IfAbsent::Remake(Known { place, workers, until }) if *place == view.place => {
            Ok(born(view, known.max(*until), *workers, terms))
        }
        IfAbsent::Refuse | IfAbsent::Remake(_) if view.is_absent() => Err(Denied::NoSpace),
        _ => Ok(born(view, known, terms.workers, terms)),
    }
}

/// A space in a store that has none: new, or lost.
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

/// What serves a newborn space, named so that no two of them are the same: not even two that one caller makes who tries
/// again, of which the first was late.
pub fn found_empty(incarnation: &str, look: Token) -> String {
    format!("{incarnation}, found empty by {look}")
}

/// What has to be written before anything is granted, where another server has taken over or records are missing.
fn mended(view: &View, space: &Space, terms: &Terms) -> Option<Change> {
    if !space.is_whole(view) {
        return Some(suspected(view, space, 0, terms));
    }
    let horizon = terms.horizon(view.now);
    let lost = (0..space.granted).filter(|worker| !view.records.contains_key(worker));
    let records: Vec<_> = lost.map(|worker| (worker, unowned(horizon))).collect();
    // By the version nothing is written that was decided on before: not even the same by somebody slower, when one of
    // them is lost again.
    let space = Space { version: space.version + 1, ..space.clone() };
    (!records.is_empty()).then_some(Change { space: Some(space), records })
}

/// The space with its floor above all that may have been granted and forgotten, and all that is known to have been.
fn suspected(view: &View, space: &Space, known: u64, terms: &Terms) -> Change {
    let space = Space {
        version: space.version + 1,
        floor: space.floor.max(terms.horizon(view.now)).max(known),
        incarnation: view.incarnation.clone(),
        ..space.clone()
    };
    Change { space: Some(space), records: Vec::new() }
}

/// The record of `held`, renewed. What a renewal looks at, a store can look at in the same breath: its space, this one
/// record, its clock. `None` where it is not to be renewed just like that: [`explain`] says why.
pub fn renew(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let space = view.space.as_ref()?;
    let record = view.records.get(&held.worker)?;
    let is_whole = space.layout == terms.layout && space.is_whole(view);
    let is_his = is_of_grant(record, held) && record.counter == held.counter;
    // Granted before the floor was raised: another window may lie between this one's end and the floor.
    let is_sound = record.from >= space.floor;
    // Or the store knows less than its holder.
    let is_no_less = record.until >= held.until;
    let is_near = record.until <= terms.horizon(view.now);
    (is_whole && is_his && is_sound && is_no_less && is_near).then(|| Record {
        until: record.until.max(terms.until(view.now, ttl)),
        counter: record.counter + 1,
        ..record.clone()
    })
}

/// What a holder is to know whose renewal was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is his all the same: renewals were written whose replies were lost. This is what he holds.
    Held(Lease),
    /// The store knows less than he does: write this, so that nobody is granted what it has forgotten.
    Mend(Change),
    /// It can't be renewed.
    Denied(Denied),
}

/// Why [`renew`] said no. `unanswered`: how many renewals the holder has sent since one was answered. `if_absent`: what
/// it does about a space that is absent.
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
            // The space itself is older than the worker's first grant. Unless somebody has seen to it already.
            None if held.from >= space.floor => Finding::Mend(suspected(view, space, held.until, terms)),
            None => LOST,
        };
    };
    let is_less = record.counter < held.counter || is_of_grant(record, held) && record.until < held.until;
    if is_less {
        // Unless somebody has seen to it: by the floor, or by a record in place of one that was lost.
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

/// Whether the record is that of the grant by which `held` is held, renewed or not: no renewal moves the window's
/// begin. A request that was late can have made another grant to the same token, whose window is not this one's.
fn is_of_grant(record: &Record, held: &Lease) -> bool {
    record.token == Some(held.token) && record.from == held.from
}

/// Whether the record is of a grant that was made after `held`, although the store knows less of the worker than its
/// holder: an operator was wrong to vouch for it. (A record in place of one that was lost was never granted.)
fn is_after(record: &Record, held: &Lease) -> bool {
    record.counter > 0 && !is_of_grant(record, held) && held.from < record.until
}

const TAKEN: Finding = Finding::Denied(Denied::Lost(LostReason::Taken));
/// The store has lost the lease.
pub const LOST: Finding = Finding::Denied(Denied::Lost(LostReason::StoreChanged));

/// The record of `held`, given back: free from the tick after `last` on, the last that its holder issued.
pub fn release(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    let is_his = record.token == Some(held.token) && record.counter == held.counter;
    is_his.then(|| Record { until: released_at(record, last), token: None, ..record.clone() })
}

/// Where a window ends that is given back after the tick `last`, or unused.
pub fn released_at(record: &Record, last: Option<u64>) -> u64 {
    last.map_or(0, |last| last.saturating_add(1)).max(record.from).min(record.until)
}

/// Of a worker that is free from `tick` on.
fn unowned(tick: u64) -> Record {
    Record { from: tick, until: tick, counter: 0, token: None, owner: String::new() }
}

#[cfg(test)]
mod tests;
