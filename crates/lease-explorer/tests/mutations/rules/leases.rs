//! The rules that leases of every store need.

use casflake_lease::Lease;
use lease_explorer::protocol::{
    Ask, Change, Contents, Decision, Denied, Finding, IfAbsent, Record, Terms, View, acquire, explain, release, renew,
};

use super::with;

pub(crate) fn renew_lowering_the_end(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    Some(Record { until: terms.until(view.now, ttl), ..renew(view, held, ttl, terms)? })
}

/// Treats free workers as if their windows had ended at 0.
pub(crate) fn acquire_from_any_tick(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    for record in view.records.values_mut().filter(|record| record.until <= view.now && record.token != Some(ask.token))
    {
        record.until = 0;
    }
    acquire(&view, ask, terms)
}

pub(crate) fn acquire_from_any_tick_of_the_caller(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { after: None, ..ask.clone() }, terms)
}

pub(crate) fn acquire_beyond_the_layout(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut endless = terms.clone();
    endless.end = u64::MAX;
    acquire(view, ask, &endless)
}

pub(crate) fn acquire_before_the_end(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
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

pub(crate) fn release_keeping_the_token(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    Some(Record { token: Some(held.token()), ..release(record, held, last)? })
}

pub(crate) fn release_one_tick_too_many(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, held, last.and_then(|last| last.checked_sub(1)))
}

pub(crate) fn release_of_any_lease(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, &with(held, held.from(), record.counter, record.token?), last)
}

pub(crate) fn ignoring_the_record(now: &Contents, seen: &Contents, change: &Change) -> bool {
    now.is_as_seen(seen, &Change { records: [].into(), ..change.clone() })
}

pub(crate) fn explain_without_unanswered(
    view: &View,
    held: &Lease,
    _: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, held, 0, if_absent, terms)
}

pub(crate) fn explain_any_number(view: &View, held: &Lease, _: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, u64::MAX, if_absent, terms)
}
