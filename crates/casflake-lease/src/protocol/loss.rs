//! The rules for a space that is new or has lost data. The floor of such a space is raised. Every window that the store
//! may have forgotten ends at the new floor or earlier. If only records of workers are missing, the floor stays, and
//! only these workers wait.

use super::{Change, Denied, IfAbsent, Known, NEWBORN, Space, View, unowned};
use crate::terms::Terms;
use crate::token::Token;

/// Returns the change that creates a space whose record is missing. Fails if the store has no records of workers, and
/// `if_absent` forbids creating the space. `known` is the end of a window that was granted, or 0. The new floor is not
/// before `known`.
pub(super) fn made(view: &View, if_absent: &IfAbsent, known: u64, terms: &Terms) -> Result<Change, Denied> {
    match if_absent {
        IfAbsent::Remake(Known { place, workers, until }) if *place == view.place => {
            Ok(born(view, known.max(*until), *workers, terms))
        }
        IfAbsent::Refuse | IfAbsent::Remake(_) if view.is_absent() => Err(Denied::NoSpace),
        _ => Ok(born(view, known, terms.workers, terms)),
    }
}

/// Returns the change that creates a space. The store has no record of that space, because the space is new or was
/// lost. `known` has the same meaning as for `made`.
pub(super) fn born(view: &View, known: u64, workers: u64, terms: &Terms) -> Change {
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

/// Returns the incarnation of a newborn space (see [`NEWBORN`]). This text contains `look`, a random number, so that
/// two newborn spaces never have the same incarnation. Even one caller can write two newborn spaces: the caller may try
/// again before the store has carried out the caller's first write.
pub fn found_empty(incarnation: &str, look: Token) -> String {
    format!("{incarnation}, found empty by {look}")
}

/// Returns the change that must be written before any lease is granted. Returns `None` if no change is necessary. A
/// change is necessary in three cases: the store's incarnation has changed, the space is newborn, or records of workers
/// are missing.
pub(super) fn mended(view: &View, space: &Space, terms: &Terms) -> Option<Change> {
    if !space.is_whole(view) {
        return Some(suspected(view, space, 0, terms));
    }
    let horizon = terms.horizon(view.now);
    let lost = (0..space.granted).filter(|worker| !view.records.contains_key(worker));
    let records: Vec<_> = lost.map(|worker| (worker, unowned(horizon))).collect();
    // The new version makes every earlier decision invalid. Otherwise, if one of these records is lost again, a slower
    // process could still write a decision that it has made before.
    let space = Space { version: space.version + 1, ..space.clone() };
    (!records.is_empty()).then_some(Change { space: Some(space), records })
}

/// Returns the change that raises the floor of the space to [`Terms::horizon`], or to `known` if `known` is later. If
/// the present floor is later than both, the change keeps the floor. Every window that the store may have forgotten
/// ends at the floor of the change or earlier.
pub(super) fn suspected(view: &View, space: &Space, known: u64, terms: &Terms) -> Change {
    let space = Space {
        version: space.version + 1,
        floor: space.floor.max(terms.horizon(view.now)).max(known),
        incarnation: view.incarnation.clone(),
        ..space.clone()
    };
    Change { space: Some(space), records: Vec::new() }
}
