//! What only an operator decides: that there is a space, that no lease is in use, that a worker is free.

use super::{Change, Denied, NEWBORN, Record, Space, View, born, suspected, unowned};
use crate::terms::Terms;

/// What is to be written for an operator, and whether that is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// There is no space: write this one, then look again. Whoever is slow between the look and the write would else not
    /// know of leases that were granted, and lost, in between.
    Begin(Change),
    /// Write this, and it is done.
    Finish(Change),
}

/// How a space is created that an operator wants to be there, or one that has lost its own record is mended. It grants
/// when no window reaches its floor any more that another space of its name may have granted. `None` if there is one
/// already, whatever it is.
pub fn init(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match &view.space {
        None => Some(Operation::Begin(born(view, 0, workers, terms))),
        // As the first process that asks for a lease would: the wait begins now.
        Some(space) if space.version == NEWBORN && space.layout == terms.layout => {
            Some(Operation::Finish(suspected(view, space, 0, terms)))
        }
        _ => None,
    }
}

/// How a space becomes one whose operator vouches that no lease is in use that the store does not know of. It grants
/// immediately, and keeps what it knows.
pub fn init_immediately(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    let Some(known) = &view.space else {
        return Ok(Operation::Begin(born(view, 0, workers, terms)));
    };
    if known.layout != terms.layout {
        return Err(Denied::OtherLayout);
    }
    let lost = (0..known.granted).filter(|worker| !view.records.contains_key(worker));
    let records = lost.map(|worker| (worker, unowned(view.now))).collect();
    // Leases from before a floor can't be renewed: where nothing was lost it stays where it is.
    let is_open = known.is_whole(view) && known.floor <= view.now;
    let floor = if is_open { known.floor } else { view.now };
    let version = known.version + 1;
    let space = Space { version, workers, floor, incarnation: view.incarnation.clone(), ..known.clone() };
    Ok(Operation::Finish(Change { space: Some(space), records }))
}

/// The record of a worker that its operator takes from whoever holds it, vouching that nobody uses it any more, and
/// that nobody has used it ahead of the store's clock.
pub fn reclaimed(view: &View, record: &Record, terms: &Terms) -> Record {
    // Where the clock was set back, not below the last window, but for one that a wild clock has granted.
    let from = Some(record.from).filter(|&from| from <= terms.horizon(view.now)).unwrap_or(0);
    Record { counter: record.counter + 1, ..unowned(from.max(view.now)) }
}
