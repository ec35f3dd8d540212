//! The rules for the decisions of an operator: creating a space, vouching that no lease is in use, and reclaiming a
//! worker.

use super::loss::{born, suspected};
use super::{Change, Denied, NEWBORN, Record, Space, View, unowned};
use crate::terms::Terms;

/// The next change to write in an operation of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The record of the space is missing. Write this change to create the record. Then read the store again, and
    /// decide again. The second read is necessary because this process may have been slow. Between its first read and
    /// its write, the store may have granted leases to other processes, and may have lost the records of these leases.
    Begin(Change),
    /// Write this change. The operation is then complete.
    Finish(Change),
}

/// Decides how to create a space for an operator, or how to restore a space that has lost its own record. A lost space
/// of the same name may have granted windows, so the new space grants nothing until each of these windows has ended.
/// Returns `None` if the space exists and no further change is necessary.
pub fn init(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match &view.space {
        None => Some(Operation::Begin(born(view, 0, workers, terms))),
        // The first process that asks for a lease would write the same change. With this write the wait begins now.
        Some(space) if space.version == NEWBORN && space.layout == terms.layout => {
            Some(Operation::Finish(suspected(view, space, 0, terms)))
        }
        _ => None,
    }
}

/// Decides how to create or change a space for an operator, if the operator vouches that the store knows every lease
/// that is in use, and the last renewal of each of them. The space grants leases immediately, and keeps the records
/// that it has.
///
/// # Errors
/// `OtherLayout` if the layout of the space differs from the layout of `terms`.
pub fn init_immediately(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    let Some(known) = &view.space else {
        return Ok(Operation::Begin(born(view, 0, workers, terms)));
    };
    if known.layout != terms.layout {
        return Err(Denied::OtherLayout);
    }
    let lost = (0..known.granted).filter(|worker| !view.records.contains_key(worker));
    let records = lost.map(|worker| (worker, unowned(view.now))).collect();
    // If nothing was lost, the floor stays, because leases that were granted before a new floor could not be renewed.
    let is_open = known.is_whole(view) && known.floor <= view.now;
    let floor = if is_open { known.floor } else { view.now };
    let version = known.version + 1;
    let space = Space { version, workers, floor, incarnation: view.incarnation.clone(), ..known.clone() };
    Ok(Operation::Finish(Change { space: Some(space), records }))
}

/// Returns the record of a worker after it is reclaimed. The operator vouches that no process uses the worker any more,
/// and that no process has used it to issue IDs ahead of the store's clock.
pub fn reclaimed(view: &View, record: &Record, terms: &Terms) -> Record {
    // If the clock has moved back, the worker is not free before the start of its last window. The exception is a
    // window that starts beyond the horizon: the store's clock was far ahead when that window was granted.
    let from = Some(record.from).filter(|&from| from <= terms.horizon(view.now)).unwrap_or(0);
    Record { counter: record.counter + 1, ..unowned(from.max(view.now)) }
}
