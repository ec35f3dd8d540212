//! The rules for the requests of a holder: renewing its lease, explaining why a renewal was not written, and releasing
//! its lease.

use super::loss::{made, mended, suspected};
use super::{Change, Denied, IfAbsent, Record, View};
use crate::error::LostReason;
use crate::lease::Lease;
use crate::terms::Terms;

/// Returns the new record of the worker after the renewal of `held`. Returns `None` if the renewal is forbidden;
/// [`explain`] then finds the reason. This rule reads only the space, the worker's record, and the clock and the
/// incarnation of the store, so that a store can apply the rule in one statement.
pub fn renew(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let space = view.space.as_ref()?;
    let record = view.records.get(&held.worker)?;
    let is_whole = space.layout == terms.layout && space.is_whole(view);
    let is_holders = is_of_grant(record, held) && record.counter == held.counter;
    // If the floor was raised after the grant, the store may have granted, and forgotten, another window between the
    // end of this window and the floor.
    let is_after_floor = record.from >= space.floor;
    // If the record ends earlier than `held`, the store has forgotten a renewal.
    let is_up_to_date = record.until >= held.until;
    let is_near = record.until <= terms.horizon(view.now);
    (is_whole && is_holders && is_after_floor && is_up_to_date && is_near).then(|| Record {
        until: record.until.max(terms.until(view.now, ttl)),
        counter: record.counter + 1,
        ..record.clone()
    })
}

/// The result of [`explain`]: why a renewal was not written, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The caller still holds the lease. This value has the counter and the end of the window from the worker's record.
    /// Both can be higher than in the lease that the caller knows, because replies to earlier renewals may have been
    /// lost. Renew this value, in place of the lease that the caller knows.
    Held(Lease),
    /// The store has forgotten something that the holder knows. Write this change, so that no forgotten window is
    /// granted again.
    Mend(Change),
    /// The lease can't be renewed.
    Denied(Denied),
}

/// Explains why [`renew`] returned `None`. `unanswered` is the number of renewals that the holder has sent since a
/// renewal was last answered. `if_absent` says what to do if the space is absent.
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
            // The record of the space is older than the worker's first grant. If the floor was raised after that grant,
            // this loss is handled already.
            None if held.from >= space.floor => Finding::Mend(suspected(view, space, held.until, terms)),
            None => LOST,
        };
    };
    let is_less = record.counter < held.counter || is_of_grant(record, held) && record.until < held.until;
    if is_less {
        // The loss is handled already if the floor was raised, or if another record was written in place of the lost
        // record.
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

/// Returns whether the record belongs to the same grant as `held`. A renewal changes neither the token nor the start of
/// the window. The token alone is not enough: a late request can be granted a second window with the same token, and
/// that window starts at another tick.
fn is_of_grant(record: &Record, held: &Lease) -> bool {
    record.token == Some(held.token) && record.from == held.from
}

/// Returns whether the record belongs to a grant that was made after the grant of `held`. A record with the counter 0
/// belongs to no grant: it was written in place of a lost record, or in advance for a worker that was not granted yet.
/// If this function returns `true` and the counter of the record is lower than that of `held`, an operator was wrong to
/// vouch for the space.
fn is_after(record: &Record, held: &Lease) -> bool {
    record.counter > 0 && !is_of_grant(record, held) && held.from < record.until
}

const TAKEN: Finding = Finding::Denied(Denied::Lost(LostReason::Taken));
/// The finding that the store has lost the lease.
pub const LOST: Finding = Finding::Denied(Denied::Lost(LostReason::StoreChanged));

/// Returns the new record of the worker after the release of `held`. Returns `None` if `record` does not have the token
/// and the counter of `held`. The window of the new record ends right after `last`, the tick of the holder's last ID.
/// If `last` is `None`, no ID was issued, and the new window is empty.
pub fn release(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    let is_holders = record.token == Some(held.token) && record.counter == held.counter;
    is_holders.then(|| Record { until: released_at(record, last), token: None, ..record.clone() })
}

/// Returns the new end of a released window: the tick after `last`, but neither before the start of the window nor
/// after its old end. If `last` is `None`, no ID was issued, and the new end is the start.
fn released_at(record: &Record, last: Option<u64>) -> u64 {
    last.map_or(0, |last| last.saturating_add(1)).max(record.from).min(record.until)
}
