//! The rules, each with a part taken out.

use casflake_lease::{Lease, LostReason, Token};
use lease_explorer::protocol::{
    Ask, Change, Contents, Decision, Denied, Finding, IfAbsent, Known, LOST, NEWBORN, Operation, Record, Space, Terms,
    View, acquire, explain, init, init_immediately, release, renew,
};

/// Returns the lease with another begin, counter and token.
fn with(held: &Lease, from: u64, counter: u64, token: Token) -> Lease {
    Lease::new(held.worker(), from, held.until(), counter, token)
}

pub(crate) fn lowering(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    Some(Record { until: terms.until(view.now, ttl), ..renew(view, held, ttl, terms)? })
}

/// Those that are free, as if their windows had ended at 0.
pub(crate) fn anywhere(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    for record in view.records.values_mut().filter(|record| record.until <= view.now && record.token != Some(ask.token))
    {
        record.until = 0;
    }
    acquire(&view, ask, terms)
}

pub(crate) fn not_after(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { after: None, ..ask.clone() }, terms)
}

pub(crate) fn without_end(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut endless = terms.clone();
    endless.end = u64::MAX;
    acquire(view, ask, &endless)
}

pub(crate) fn free_at_once(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut free = view.clone();
    free.records.values_mut().for_each(|record| record.until = record.until.min(view.now));
    let decision = acquire(&free, ask, terms)?;
    let Decision::Grant(mut change, lease) = decision else { return Ok(decision) };
    let Some((_, record)) = change.records.first_mut() else { return Ok(Decision::Grant(change, lease)) };
    record.from = record.from.max(view.records.get(&lease.worker()).map_or(0, |record| record.until));
    if record.from >= record.until {
        return Err(Denied::Floor { floor: record.from });
    }
    let lease = record.lease(lease.worker(), lease.token());
    Ok(Decision::Grant(change, lease))
}

pub(crate) fn keeping_the_token(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    Some(Record { token: Some(held.token()), ..release(record, held, last)? })
}

pub(crate) fn one_too_many(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, held, last.and_then(|last| last.checked_sub(1)))
}

pub(crate) fn whosever(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, &with(held, held.from(), record.counter, record.token?), last)
}

pub(crate) fn whatever_the_record(now: &Contents, seen: &Contents, change: &Change) -> bool {
    now.is_as_seen(seen, &Change { records: [].into(), ..change.clone() })
}

pub(crate) fn never_lost(view: &View, held: &Lease, _: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, 0, if_absent, terms)
}

pub(crate) fn any_number(view: &View, held: &Lease, _: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, u64::MAX, if_absent, terms)
}

/// What `acquire` answers, but for the space that it mends.
pub(crate) fn mending(
    decision: Result<Decision, Denied>,
    write: impl FnOnce(Change) -> Change,
) -> Result<Decision, Denied> {
    match decision {
        Ok(Decision::Mend(change)) => Ok(Decision::Mend(write(change))),
        decision => decision,
    }
}

pub(crate) fn finding(finding: Finding, write: impl FnOnce(Change) -> Change) -> Finding {
    match finding {
        Finding::Mend(change) => Finding::Mend(write(change)),
        finding => finding,
    }
}

pub(crate) fn to_space(mut change: Change, write: impl FnMut(&mut Space)) -> Change {
    change.space.iter_mut().for_each(write);
    change
}

/// For a space found missing, and one that nobody has looked at since.
pub(crate) fn is_new(view: &View) -> bool {
    view.space.as_ref().is_none_or(|space| space.version == NEWBORN)
}

pub(crate) fn low(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if is_new(view) {
            space.floor = view.now;
        }
    })
}

pub(crate) fn born_low(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| low(view, change))
}

pub(crate) fn missing_low(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| low(view, change))
}

pub(crate) fn whole(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            (space.version, space.incarnation) = (NEWBORN + 1, view.incarnation.clone());
        }
    })
}

pub(crate) fn born_whole(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| whole(view, change))
}

pub(crate) fn missing_whole(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| whole(view, change))
}

pub(crate) fn alike(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            space.incarnation.clone_from(&view.incarnation);
        }
    })
}

pub(crate) fn born_alike(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| alike(view, change))
}

pub(crate) fn missing_alike(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| alike(view, change))
}

pub(crate) fn born_of_the_token(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(&View { look: ask.token, ..view.clone() }, ask, terms)
}

pub(crate) fn below_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    // What is to be mended still is.
    if let Some(space) = view.space.as_mut().filter(|space| space.version > NEWBORN) {
        space.floor = 0;
    }
    acquire(&view, ask, terms)
}

pub(crate) fn not_raised(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if let Some(before) = view.space.as_ref().filter(|space| space.incarnation != view.incarnation) {
            space.floor = before.floor;
        }
    })
}

pub(crate) fn again_whatever_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let decision = acquire(view, ask, terms)?;
    let granted = view.records.iter().find(|(_, record)| record.token == Some(ask.token));
    match (decision, granted) {
        (Decision::Grant(..), Some((&worker, record))) => Ok(Decision::Again(record.lease(worker, ask.token))),
        (decision, _) => Ok(decision),
    }
}

pub(crate) fn taken_over(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| not_raised(view, change))
}

pub(crate) fn taken_over_from(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| not_raised(view, change))
}

/// A holder who knows more is told that his lease is lost, and nobody else hears of it.
pub(crate) fn unmoved(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Mend(change) if !is_new(view) && change.records.is_empty() => LOST,
        finding => finding,
    }
}

pub(crate) fn any_counter(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let counter = view.records.get(&held.worker())?.counter;
    renew(view, &with(held, held.from(), counter, held.token()), ttl, terms)
}

pub(crate) fn from_below_the_floor(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let mut view = view.clone();
    view.space.iter_mut().for_each(|space| space.floor = 0);
    renew(&view, held, ttl, terms)
}

pub(crate) fn begun_at_the_records(view: &View, held: &Lease) -> Lease {
    with(held, view.records.get(&held.worker()).map_or(held.from(), |record| record.from), held.counter(), held.token())
}

pub(crate) fn any_begin(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    renew(view, &begun_at_the_records(view, held), ttl, terms)
}

pub(crate) fn any_begin_of(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, &begun_at_the_records(view, held), unanswered, if_absent, terms)
}

pub(crate) fn again_and_again(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    // As if it had been granted after whatever was mended.
    let from = held.from().max(view.space.as_ref().map_or(0, |space| space.floor));
    explain(view, &with(held, from, held.counter(), held.token()), unanswered, if_absent, terms)
}

/// Grants a worker without a record as if it never had been.
pub(crate) fn unmended(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    if let Some(space) = &mut view.space {
        let lost = (0..space.granted).find(|worker| !view.records.contains_key(worker));
        space.granted = lost.unwrap_or(space.granted);
    }
    acquire(&view, ask, terms)
}

pub(crate) fn quiet(change: Change) -> Change {
    if change.records.is_empty() { change } else { Change { space: None, ..change } }
}

pub(crate) fn quietly_mended(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), quiet)
}

pub(crate) fn quietly_found(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), quiet)
}

/// As the other one is, of whatever version.
pub(crate) fn spaced(now: &Contents, seen: &Contents) -> Contents {
    let mut now = now.clone();
    (now.space, now.incarnation) = (seen.space.clone(), seen.incarnation.clone());
    now
}

pub(crate) fn whatever_the_space(now: &Contents, seen: &Contents, change: &Change) -> bool {
    spaced(now, seen).is_as_seen(seen, change)
}

pub(crate) fn whatever_the_window(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let mut now = now.clone();
    for (worker, record) in &mut now.records {
        let is_alike = |seen: &&Record| (seen.token, seen.counter) == (record.token, record.counter);
        if let Some(seen) = seen.records.get(worker).filter(is_alike) {
            record.clone_from(seen);
        }
    }
    now.is_as_seen(seen, change)
}

pub(crate) fn version_alone(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let version = |contents: &Contents| contents.space.as_ref().map(|space| space.version);
    version(now) == version(seen) && spaced(now, seen).is_as_seen(seen, change)
}

pub(crate) fn whoever_serves(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let mut now = now.clone();
    now.incarnation.clone_from(&seen.incarnation);
    now.is_as_seen(seen, change)
}

pub(crate) fn creating(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let if_absent = if ask.if_absent == IfAbsent::Refuse { IfAbsent::Create } else { ask.if_absent.clone() };
    acquire(view, &Ask { if_absent, ..ask.clone() }, terms)
}

pub(crate) fn never_remaking(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: IfAbsent::Refuse, ..ask.clone() }, terms)
}

pub(crate) fn never_remaking_by_a_renewal(
    view: &View,
    held: &Lease,
    unanswered: u64,
    _: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, held, unanswered, &IfAbsent::Refuse, terms)
}

/// As if the lease had been granted here.
pub(crate) fn granted_here(view: &View, if_absent: &IfAbsent) -> IfAbsent {
    match if_absent {
        IfAbsent::Remake(known) => IfAbsent::Remake(Known { place: view.place.clone(), ..known.clone() }),
        other => other.clone(),
    }
}

pub(crate) fn remaking_anywhere(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: granted_here(view, &ask.if_absent), ..ask.clone() }, terms)
}

pub(crate) fn remaking_anywhere_else(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, held, unanswered, &granted_here(view, if_absent), terms)
}

pub(crate) fn created_whole(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match init(view, workers, terms)? {
        Operation::Begin(change) => Some(Operation::Finish(whole(view, change))),
        finish => Some(finish),
    }
}

/// Vouches for a space that is absent, as if it had been seen when it was new.
pub(crate) fn in_one_step(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    match init_immediately(view, workers, terms)? {
        Operation::Begin(change) => {
            let seen = View { space: change.space, ..view.clone() };
            init_immediately(&seen, workers, terms)
        }
        finish => Ok(finish),
    }
}

pub(crate) fn using_it_up(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Initialised)) => LOST,
        finding => finding,
    }
}

/// As if nobody else had been granted anything meanwhile.
pub(crate) fn using_it_up_beside_another(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    let is_less = view.records.get(&held.worker()).is_some_and(|record| record.counter < held.counter());
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Taken)) if is_less => LOST,
        finding => finding,
    }
}
