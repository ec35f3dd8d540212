//! The rules for stores that lose something.

use casflake_lease::Lease;
use lease_explorer::protocol::{
    Ask, Change, Contents, Decision, Denied, Finding, IfAbsent, LOST, NEWBORN, Record, Space, Terms, View, acquire,
    explain, renew,
};

use super::with;

/// Changes the space that `acquire` mends, and passes on any other answer.
fn mend_with(decision: Result<Decision, Denied>, write: impl FnOnce(Change) -> Change) -> Result<Decision, Denied> {
    match decision {
        Ok(Decision::Mend(change)) => Ok(Decision::Mend(write(change))),
        decision => decision,
    }
}

fn find_with(finding: Finding, write: impl FnOnce(Change) -> Change) -> Finding {
    match finding {
        Finding::Mend(change) => Finding::Mend(write(change)),
        finding => finding,
    }
}

fn to_space(mut change: Change, write: impl FnMut(&mut Space)) -> Change {
    change.space.iter_mut().for_each(write);
    change
}

/// Returns whether the space is missing, or was created and not looked at since.
fn is_new(view: &View) -> bool {
    view.space.as_ref().is_none_or(|space| space.version == NEWBORN)
}

fn with_low_floor(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if is_new(view) {
            space.floor = view.now;
        }
    })
}

pub(crate) fn acquire_with_low_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mend_with(acquire(view, ask, terms), |change| with_low_floor(view, change))
}

pub(crate) fn explain_with_low_floor(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    find_with(explain(view, held, unanswered, if_absent, terms), |change| with_low_floor(view, change))
}

pub(super) fn without_second_look(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            (space.version, space.incarnation) = (NEWBORN + 1, view.incarnation.clone());
        }
    })
}

pub(crate) fn acquire_without_second_look(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mend_with(acquire(view, ask, terms), |change| without_second_look(view, change))
}

pub(crate) fn explain_without_second_look(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    find_with(explain(view, held, unanswered, if_absent, terms), |change| without_second_look(view, change))
}

fn without_finder(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            space.incarnation.clone_from(&view.incarnation);
        }
    })
}

pub(crate) fn acquire_without_finder(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mend_with(acquire(view, ask, terms), |change| without_finder(view, change))
}

pub(crate) fn explain_without_finder(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    find_with(explain(view, held, unanswered, if_absent, terms), |change| without_finder(view, change))
}

pub(crate) fn acquire_with_its_token_as_finder(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(&View { look: ask.token, ..view.clone() }, ask, terms)
}

pub(crate) fn acquire_below_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    // A space that still has to be mended is left as it is.
    if let Some(space) = view.space.as_mut().filter(|space| space.version > NEWBORN) {
        space.floor = 0;
    }
    acquire(&view, ask, terms)
}

fn without_raised_floor(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if let Some(before) = view.space.as_ref().filter(|space| space.incarnation != view.incarnation) {
            space.floor = before.floor;
        }
    })
}

pub(crate) fn acquire_again_below_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let decision = acquire(view, ask, terms)?;
    let granted = view.records.iter().find(|(_, record)| record.token == Some(ask.token));
    match (decision, granted) {
        (Decision::Grant(..), Some((&worker, record))) => Ok(Decision::Again(record.lease(worker, ask.token))),
        (decision, _) => Ok(decision),
    }
}

pub(crate) fn acquire_without_raised_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mend_with(acquire(view, ask, terms), |change| without_raised_floor(view, change))
}

pub(crate) fn explain_without_raised_floor(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    find_with(explain(view, held, unanswered, if_absent, terms), |change| without_raised_floor(view, change))
}

/// A holder that knows more learns that its lease is lost, but the store is not changed.
pub(crate) fn explain_without_mending(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Mend(change) if !is_new(view) && change.records.is_empty() => LOST,
        finding => finding,
    }
}

pub(crate) fn renew_any_counter(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let counter = view.records.get(&held.worker())?.counter;
    renew(view, &with(held, held.from(), counter, held.token()), ttl, terms)
}

pub(crate) fn renew_from_below_the_floor(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let mut view = view.clone();
    view.space.iter_mut().for_each(|space| space.floor = 0);
    renew(&view, held, ttl, terms)
}

fn with_beginning_of_the_record(view: &View, held: &Lease) -> Lease {
    with(held, view.records.get(&held.worker()).map_or(held.from(), |record| record.from), held.counter(), held.token())
}

pub(crate) fn renew_any_beginning(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    renew(view, &with_beginning_of_the_record(view, held), ttl, terms)
}

pub(crate) fn explain_any_beginning(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, &with_beginning_of_the_record(view, held), unanswered, if_absent, terms)
}

pub(crate) fn explain_mending_again(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    // As if the lease had been granted after the store was mended.
    let from = held.from().max(view.space.as_ref().map_or(0, |space| space.floor));
    explain(view, &with(held, from, held.counter(), held.token()), unanswered, if_absent, terms)
}

/// Grants a worker without a record as if it had never been granted.
pub(crate) fn acquire_unmended(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    if let Some(space) = &mut view.space {
        let lost = (0..space.granted).find(|worker| !view.records.contains_key(worker));
        space.granted = lost.unwrap_or(space.granted);
    }
    acquire(&view, ask, terms)
}

fn with_same_version(change: Change) -> Change {
    if change.records.is_empty() { change } else { Change { space: None, ..change } }
}

pub(crate) fn acquire_with_same_version(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mend_with(acquire(view, ask, terms), with_same_version)
}

pub(crate) fn explain_with_same_version(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    find_with(explain(view, held, unanswered, if_absent, terms), with_same_version)
}

/// Returns `now` with the space of `seen`, whatever its version.
fn with_space_of(now: &Contents, seen: &Contents) -> Contents {
    let mut now = now.clone();
    (now.space, now.incarnation) = (seen.space.clone(), seen.incarnation.clone());
    now
}

pub(crate) fn ignoring_the_space(now: &Contents, seen: &Contents, change: &Change) -> bool {
    with_space_of(now, seen).is_as_seen(seen, change)
}

pub(crate) fn ignoring_the_window(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let mut now = now.clone();
    for (worker, record) in &mut now.records {
        let is_alike = |seen: &&Record| (seen.token, seen.counter) == (record.token, record.counter);
        if let Some(seen) = seen.records.get(worker).filter(is_alike) {
            record.clone_from(seen);
        }
    }
    now.is_as_seen(seen, change)
}

pub(crate) fn comparing_only_the_version(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let version = |contents: &Contents| contents.space.as_ref().map(|space| space.version);
    version(now) == version(seen) && with_space_of(now, seen).is_as_seen(seen, change)
}

pub(crate) fn ignoring_the_server(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let mut now = now.clone();
    now.incarnation.clone_from(&seen.incarnation);
    now.is_as_seen(seen, change)
}
