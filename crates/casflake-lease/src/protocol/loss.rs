//! The rules of a space that is new or has lost data: its floor is raised beyond every window that may be forgotten.

use super::{Change, Denied, IfAbsent, Known, NEWBORN, Space, View, unowned};
use crate::terms::Terms;
use crate::token::Token;

/// Creates a space that was found missing, if the process may do so. `known` is the end of a window that the process
/// knows to have been granted.
pub(super) fn made(view: &View, if_absent: &IfAbsent, known: u64, terms: &Terms) -> Result<Change, Denied> {
    match if_absent {
        IfAbsent::Remake(Known { place, workers, until }) if *place == view.place => {
            Ok(born(view, known.max(*until), *workers, terms))
        }
        IfAbsent::Refuse | IfAbsent::Remake(_) if view.is_absent() => Err(Denied::NoSpace),
        _ => Ok(born(view, known, terms.workers, terms)),
    }
}

/// Creates a space in a store that has none, because it is new or was lost.
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

/// Returns the incarnation of a newborn space. It differs for any two of them, even if one caller creates both because
/// the first write was late and it tried again.
pub fn found_empty(incarnation: &str, look: Token) -> String {
    format!("{incarnation}, found empty by {look}")
}

/// Returns the change that must be written before anything is granted, if another server has taken over or records are
/// missing.
pub(super) fn mended(view: &View, space: &Space, terms: &Terms) -> Option<Change> {
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
pub(super) fn suspected(view: &View, space: &Space, known: u64, terms: &Terms) -> Change {
    let space = Space {
        version: space.version + 1,
        floor: space.floor.max(terms.horizon(view.now)).max(known),
        incarnation: view.incarnation.clone(),
        ..space.clone()
    };
    Change { space: Some(space), records: Vec::new() }
}
