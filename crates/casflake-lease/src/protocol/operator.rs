//! The rules of an operator's decisions: to create a space, to vouch that no lease is in use, to reclaim a worker.

use super::loss::{born, suspected};
use super::{Change, Denied, NEWBORN, Record, Space, View, unowned};
use crate::terms::Terms;

/// The next write of an operator's operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The space does not exist: write this one, then read again. A process that is slow between its first read and the
    /// write does not know of leases that were granted, and lost, in between.
    Begin(Change),
    /// Write this. The operation is then complete.
    Finish(Change),
}

/// Creates a space for an operator, or restores one that has lost its own record. The space grants nothing until every
/// window that another space of its name may have granted has ended. Returns `None` if the space exists, whatever its
/// state.
pub fn init(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match &view.space {
        None => Some(Operation::Begin(born(view, 0, workers, terms))),
        // The first process that asks for a lease would do the same. The wait begins now.
        Some(space) if space.version == NEWBORN && space.layout == terms.layout => {
            Some(Operation::Finish(suspected(view, space, 0, terms)))
        }
        _ => None,
    }
}

/// Creates or changes a space for an operator, after the operator has vouched that every lease in use is known to the
/// store. The space grants leases immediately, and keeps the records that it has.
///
/// # Errors
/// `OtherLayout` if the space has another layout.
pub fn init_immediately(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    let Some(known) = &view.space else {
        return Ok(Operation::Begin(born(view, 0, workers, terms)));
    };
    if known.layout != terms.layout {
        return Err(Denied::OtherLayout);
    }
    let lost = (0..known.granted).filter(|worker| !view.records.contains_key(worker));
    let records = lost.map(|worker| (worker, unowned(view.now))).collect();
    // Leases from before the floor can't be renewed, so the floor stays if nothing was lost.
    let is_open = known.is_whole(view) && known.floor <= view.now;
    let floor = if is_open { known.floor } else { view.now };
    let version = known.version + 1;
    let space = Space { version, workers, floor, incarnation: view.incarnation.clone(), ..known.clone() };
    Ok(Operation::Finish(Change { space: Some(space), records }))
}

/// Returns the record of a reclaimed worker. The operator vouches that no process uses the worker any more, and that
/// none has used it ahead of the store's clock.
pub fn reclaimed(view: &View, record: &Record, terms: &Terms) -> Record {
    // If the clock has moved back, not before the start of the last window, unless a clock that was far ahead has
    // granted that window.
    let from = Some(record.from).filter(|&from| from <= terms.horizon(view.now)).unwrap_or(0);
    Record { counter: record.counter + 1, ..unowned(from.max(view.now)) }
}
