//! Tests of each function of the rules. They cover grants, refusals, and the exact limits between the two.

mod acquiring;
mod administering;
mod explaining;
mod mending;
mod releasing;
mod renewing;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Ask, Change, Decision, Denied, Finding, IfAbsent, Known, NEWBORN, Operation, Record, Space, View, acquire, init,
    init_immediately, reclaimed, release, renew,
};
use crate::error::LostReason;
use crate::lease::Lease;
use crate::terms::Terms;
use crate::token::Token;

const OURS: Token = Token::numbered(10);
const THEIRS: Token = Token::numbered(20);
const TTL: u64 = 30;

/// Returns terms with which the horizon is 150 ticks from now.
fn terms() -> Terms {
    Terms { layout: "ours".into(), epoch_unix_ms: 0, tick_ms: 1, end: 10_000, workers: 3, max_ttl: 120, slack: 30 }
}

fn ask(token: Token) -> Ask {
    Ask { token, ttl: TTL, after: None, owner: "me".into(), crowd: 0, if_absent: IfAbsent::Refuse }
}

/// Returns the value of `if_absent` for a process that was granted a lease in `place`. The window of this lease ends at
/// tick 1160.
fn known(place: &str) -> IfAbsent {
    IfAbsent::Remake(Known { place: place.into(), workers: 2, until: 1160 })
}

/// Calls `explain` for a holder that was granted its lease in the place "here".
fn explain(view: &View, held: &Lease, unanswered: u64, terms: &Terms) -> Finding {
    super::explain(view, held, unanswered, &known("here"), terms)
}

fn space() -> Space {
    Space { version: 7, layout: "ours".into(), workers: 3, granted: 0, floor: 100, incarnation: "one".into() }
}

fn held_until(until: u64, token: Token) -> Record {
    Record { from: 900, until, counter: 5, token: Some(token), owner: "them".into() }
}

/// Returns a view at tick 1000. The first of `records` is that of worker 0, the second is that of worker 1, and so on.
/// All these workers were granted.
fn view(records: &[Record]) -> View {
    let granted = records.len() as u64;
    View {
        now: 1000,
        place: "here".into(),
        incarnation: "one".into(),
        space: Some(Space { granted, ..space() }),
        records: (0..).zip(records.iter().cloned()).collect(),
        live: BTreeSet::new(),
        look: Token::numbered(30),
    }
}

fn empty() -> View {
    View { space: None, records: BTreeMap::new(), ..view(&[]) }
}

fn change_of(decision: Result<Decision, Denied>) -> (Change, Option<Lease>) {
    match decision {
        Ok(Decision::Grant(change, lease)) => (change, Some(lease)),
        Ok(Decision::Mend(change)) => (change, None),
        other => panic!("{other:?}"),
    }
}

/// Returns the record that a grant writes, and the index of its worker. Panics if the grant writes more than one
/// record.
fn granted(decision: Result<Decision, Denied>) -> (u64, Record) {
    let (change, lease) = change_of(decision);
    let [(worker, record)] = &change.records[..] else { panic!("{change:?}") };
    assert_eq!(lease, Some(record.lease(*worker, record.token.unwrap())));
    (*worker, record.clone())
}

fn mended_space(change: Change) -> Space {
    assert_eq!(change.records, []);
    change.space.unwrap()
}
