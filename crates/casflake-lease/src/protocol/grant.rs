//! The rule of grants: which worker a request gets, and for which window.

use super::denied::until_then;
use super::loss::{made, mended};
use super::{Ask, Change, Decision, Denied, Record, Space, View, unowned};
use crate::terms::Terms;

/// Decides on a request for a worker.
///
/// # Errors
/// Fails with the reason why no worker is granted.
pub fn acquire(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let now_tick = view.now;
    if now_tick >= terms.end {
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
    // A grant whose window begins before the floor does not count. A store makes such a grant if it was restored from a
    // backup, but reports the restore only after it has written the grant. No caller has received that lease.
    let is_granted = |record: &Record| record.token == Some(ask.token) && record.from >= space.floor;
    if let Some((&worker, record)) = view.records.iter().find(|(_, record)| is_granted(record)) {
        return Ok(Decision::Again(record.lease(worker, ask.token)));
    }
    let worker = vacant(view, space, ask, terms)?;
    let before = view.records.get(&worker);
    let from = before.map_or(0, |record| record.until).max(space.floor);
    let after = ask.after.map_or(0, |last| last.saturating_add(1));
    let until = terms.until(now_tick, ask.ttl);
    // A window that begins in the future is not granted, because it would be of no use yet.
    if from > now_tick {
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
        // Prepares more workers than this one. Otherwise many processes that start together would have to write the
        // space one after the other.
        let granted = (worker + 1).saturating_add(ask.crowd).min(space.workers);
        let others = (worker + 1..granted).filter(|other| !view.records.contains_key(other));
        change.records.extend(others.map(|other| (other, unowned(space.floor))));
        change.space = Some(Space { version: space.version + 1, granted, ..space.clone() });
    }
    Ok(Decision::Grant(change, held))
}

/// Returns the index of a free worker. A worker is free if its window has ended, and its holder is not known to be
/// alive. If several workers are free, the token of the request chooses one of them, so that simultaneous requests do
/// not all choose the same worker. If no worker is free, returns the index [`Space::granted`]. Fails if the space has
/// no worker with that index.
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

/// Returns the records of the workers of the space, each with the worker's index. Leaves out the records of workers
/// that the space no longer has. Such records exist if the space had more workers before.
fn usable<'v>(view: &'v View, space: &Space) -> impl Iterator<Item = (u64, &'v Record)> {
    view.records.range(..space.workers).map(|(&worker, record)| (worker, record))
}
