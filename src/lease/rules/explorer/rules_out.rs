//! Each rule taken out, from outside: what the shipped functions are given, or what they answer, is changed. What
//! breaks then is what the rule is for.

use std::println;

use super::super::{
    Ask, Change, Decision, Denied, Finding, IfAbsent, Known, NEWBORN, Operation, Record, Space, Terms, View,
};
use super::super::{acquire, create, explain, initialise, release, renew};
use super::bounds::{Bounds, Operators};
use super::model::{Broken, Model, Rules, SHIPPED};
use super::search::search;
use super::world::World;
use crate::lease::cells::Contents;
use crate::lease::error::LostReason;
use crate::lease::lease::Lease;

/// Two processes, one worker, and a store that loses something once: no more than it takes.
const LOSS: Bounds = Bounds { losses: 1, ttl: 1, max_ttl: 1, clock: 4, ..SMALL };

type Rule = (&'static str, Rules, Bounds, fn(&Broken) -> bool);

fn overlap(broken: &Broken) -> bool {
    matches!(broken, Broken::Overlap { .. } | Broken::Foreign { .. })
}

fn robbed(broken: &Broken) -> bool {
    matches!(broken, Broken::Robbed { .. })
}

const OF_ALL_STORES: &[Rule] = &[
    ("a renewal never lowers the end", Rules { renew: lowering, ..SHIPPED }, SMALL, overlap),
    ("a window begins where the last one ended", Rules { acquire: anywhere, ..SHIPPED }, Bounds::CALM, overlap),
    ("... and after the caller's last tick", Rules { acquire: not_after, ..SHIPPED }, TWO_WORKERS, |broken| {
        matches!(broken, Broken::Backwards { .. })
    }),
    ("... and ends with the layout", Rules { acquire: without_end, ..SHIPPED }, ENDING, |broken| {
        matches!(broken, Broken::Beyond { .. })
    }),
    ("a worker is free when its window has passed", Rules { acquire: free_at_once, ..SHIPPED }, Bounds::CALM, robbed),
    ("a release clears the token", Rules { release: keeping_the_token, ..SHIPPED }, Bounds::CALM, |broken| {
        matches!(broken, Broken::Revived { .. })
    }),
    ("... and leaves the last tick that was issued", Rules { release: one_too_many, ..SHIPPED }, SMALL, overlap),
    ("... of its own lease alone", Rules { release: whosever, ..SHIPPED }, SMALL, robbed),
    ("a swap compares token and counter", Rules { is_as_seen: whatever_the_record, ..SHIPPED }, Bounds::CALM, overlap),
    (
        "renewals whose replies were lost are the holder's",
        Rules { explain: never_lost, ..SHIPPED },
        Bounds::CALM,
        robbed,
    ),
    ("... but no more than he has sent", Rules { explain: any_number, ..SHIPPED }, CLONES, |broken| {
        *broken == Broken::Twins
    }),
];

const OF_STORES_THAT_LOSE: &[Rule] = &[
    ("the floor of a space found missing", Rules { acquire: born_low, explain: missing_low, ..SHIPPED }, ALL, overlap),
    ("... is looked at twice", Rules { acquire: born_whole, explain: missing_whole, ..SHIPPED }, ALL_NEW, overlap),
    ("... and is no other's", Rules { acquire: born_alike, explain: missing_alike, ..SHIPPED }, ALL_OF_THREE, overlap),
    ("... not even of his own", Rules { acquire: born_of_the_token, ..SHIPPED }, ALL_LATE, overlap),
    ("a window begins at the floor", Rules { acquire: below_the_floor, ..SHIPPED }, ALL, overlap),
    (
        "the floor under another server",
        Rules { acquire: taken_over, explain: taken_over_from, ..SHIPPED },
        RESTORED,
        overlap,
    ),
    ("the floor where a holder knows more", Rules { explain: unmoved, ..SHIPPED }, KNOWN, overlap),
    ("a renewal compares the counter", Rules { renew: any_counter, ..SHIPPED }, KNOWN, overlap),
    ("... and the floor", Rules { renew: from_below_the_floor, ..SHIPPED }, RESTORED, overlap),
    ("... and the window's begin", Rules { renew: any_begin, explain: any_begin_of, ..SHIPPED }, LATE, overlap),
    ("what is lost is mended once", Rules { explain: again_and_again, ..SHIPPED }, ALL, |broken| {
        *broken == Broken::Endless
    }),
    ("a lost record is mended", Rules { acquire: unmended, ..SHIPPED }, RECORD, overlap),
    (
        "... under another version",
        Rules { acquire: quietly_mended, explain: quietly_found, ..SHIPPED },
        TWO_RECORDS,
        overlap,
    ),
    ("a swap compares the version", Rules { is_as_seen: whatever_the_space, ..SHIPPED }, ALL, overlap),
    ("... and the window of a record", Rules { is_as_seen: whatever_the_window, ..SHIPPED }, ANYTHING, overlap),
    ("... and all of the space", Rules { is_as_seen: version_alone, ..SHIPPED }, KNOWN, overlap),
    (
        "a grant that nobody was told of is none",
        Rules { acquire: again_whatever_the_floor, ..SHIPPED },
        TOLD_AFTER,
        overlap,
    ),
    ("... and who serves it", Rules { is_as_seen: whoever_serves, ..SHIPPED }, RESTORED, overlap),
];

const OF_SPACES: &[Rule] = &[
    ("a process that was never granted a lease makes no space", Rules { acquire: creating, ..SHIPPED }, MOVED, overlap),
    (
        "... and none is remade where no lease was granted",
        Rules { acquire: remaking_anywhere, explain: remaking_anywhere_else, ..SHIPPED },
        MOVED_AND_LOST,
        overlap,
    ),
    ("a space that is created is looked at twice", Rules { create: created_whole, ..SHIPPED }, CREATED_TWICE, overlap),
    ("an operator vouches for what there is", Rules { initialise: in_one_step, ..SHIPPED }, VOUCHED, overlap),
    (
        "a holder whose window contains the floor stops immediately",
        Rules { explain: using_it_up, ..SHIPPED },
        DECEIVED,
        overlap,
    ),
    (
        "... and one whose worker another has been granted meanwhile",
        Rules { explain: using_it_up_beside_another, ..SHIPPED },
        Bounds { counter: 2, ..DECEIVED },
        overlap,
    ),
];

const OF_A_FLEETS_PROGRESS: &[Rule] = &[
    (
        "a process that was ever granted a lease remakes a lost space",
        Rules { acquire: never_remaking, ..SHIPPED },
        Bounds { losses: 2, clock: 3, ..ALL },
        |broken| *broken == Broken::Stuck,
    ),
    (
        "... also by a renewal",
        Rules { explain: never_remaking_by_a_renewal, ..SHIPPED },
        Bounds { clock: 3, ..ALL },
        |broken| *broken == Broken::Stuck,
    ),
];

/// Whoever is robbed there is so by a store that was made.
const MOVED: Bounds = Bounds { moves: true, losses: 1, crashes: false, backwards: false, ttl: 1, max_ttl: 1, ..SMALL };
const MOVED_AND_LOST: Bounds = Bounds { processes: 3, releases: false, counter: 1, ..MOVED };
const CREATED: Bounds = Bounds { operators: Operators::Create, operations: 1, crashes: false, backwards: false, ..ALL };
const CREATED_TWICE: Bounds = Bounds { initialised: false, creates: true, ..CREATED };
const VOUCHED: Bounds = Bounds { operators: Operators::Vouch, counter: 1, releases: false, ..CREATED_TWICE };
const DECEIVED: Bounds = Bounds { operators: Operators::Deceive, ..CREATED };

const SMALL: Bounds = Bounds { late: 0, lossy: false, unanswered: 0, counter: 2, ..Bounds::CALM };
const TWO_WORKERS: Bounds = Bounds { workers: 2, clock: 3, crashes: false, releases: false, backwards: false, ..SMALL };
const ENDING: Bounds = Bounds { end: 4, ..SMALL };
const CLONES: Bounds = Bounds { clones: true, releases: false, ..SMALL };
const ALL: Bounds = Bounds { all: true, ..LOSS };
const ALL_NEW: Bounds = Bounds { all: true, initialised: false, creates: true, ..LOSS };
const ALL_OF_THREE: Bounds =
    Bounds { processes: 3, clock: 3, counter: 1, crashes: false, backwards: false, releases: false, ..ALL_NEW };
const ALL_LATE: Bounds = Bounds { processes: 2, late: 1, clock: 2, ..ALL_OF_THREE };
const RESTORED: Bounds = Bounds { restored: true, clock: 3, ..LOSS };
const TOLD_AFTER: Bounds = Bounds { told_after: true, ..RESTORED };
const KNOWN: Bounds = Bounds { known: true, workers: 2, clock: 3, ..LOSS };
const TWO_RECORDS: Bounds = Bounds { losses: 2, clock: 3, ..RECORD };
const ANYTHING: Bounds = Bounds { known: true, releases: false, counter: 1, clock: 2, ..TWO_RECORDS };
const RECORD: Bounds = Bounds { record: true, crashes: false, backwards: false, ..LOSS };
const LATE: Bounds = Bounds { late: 1, releases: false, clock: 3, ..RECORD };

#[test]
fn each_rule_is_needed() {
    all_break(OF_ALL_STORES);
}

#[test]
fn each_rule_for_losses_is_needed() {
    all_break(OF_STORES_THAT_LOSE);
}

#[test]
fn each_rule_for_spaces_is_needed() {
    all_break(OF_SPACES);
}

#[test]
fn each_rule_for_progress_is_needed() {
    each_breaks(OF_A_FLEETS_PROGRESS, Model::everybody_gets_on);
}

fn all_break(rules_out: &[Rule]) {
    each_breaks(rules_out, |_, _| Ok(()));
}

fn each_breaks(rules_out: &[Rule], check: impl Fn(&Model, &World) -> Result<(), Broken>) {
    for &(name, rules, bounds, is_expected) in rules_out {
        let model = Model::new(bounds, rules);
        let found = search(&model, |world, _| check(&model, world));
        let Some(trace) = found.broken else { panic!("nothing breaks without: {name}, in {} states", found.states) };
        println!(
            "without: {name}: {:?} after {} steps, {} states, {} transitions",
            trace.broken,
            trace.len(),
            found.states,
            found.transitions
        );
        assert!(is_expected(&trace.broken), "without: {name}:\n{trace}");
    }
}

fn lowering(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    Some(Record { until: terms.until(view.now, ttl), ..renew(view, held, ttl, terms)? })
}

/// Those that are free, as if their windows had ended at 0.
fn anywhere(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    for record in view.records.values_mut().filter(|record| record.until <= view.now && record.token != Some(ask.token))
    {
        record.until = 0;
    }
    acquire(&view, ask, terms)
}

fn not_after(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { after: None, ..ask.clone() }, terms)
}

fn without_end(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, ask, &Terms { end: u64::MAX, ..terms.clone() })
}

fn free_at_once(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut free = view.clone();
    free.records.values_mut().for_each(|record| record.until = record.until.min(view.now));
    let decision = acquire(&free, ask, terms)?;
    let Decision::Grant(mut change, lease) = decision else { return Ok(decision) };
    let Some((_, record)) = change.records.first_mut() else { return Ok(Decision::Grant(change, lease)) };
    record.from = record.from.max(view.records.get(&lease.worker).map_or(0, |record| record.until));
    if record.from >= record.until {
        return Err(Denied::Floor { floor: record.from });
    }
    let lease = Lease::of(lease.worker, lease.token, record);
    Ok(Decision::Grant(change, lease))
}

fn keeping_the_token(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    Some(Record { token: Some(held.token), ..release(record, held, last)? })
}

fn one_too_many(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, held, last.and_then(|last| last.checked_sub(1)))
}

fn whosever(record: &Record, held: &Lease, last: Option<u64>) -> Option<Record> {
    release(record, &Lease { token: record.token?, counter: record.counter, ..*held }, last)
}

fn whatever_the_record(now: &Contents, seen: &Contents, change: &Change) -> bool {
    now.is_as_seen(seen, &Change { records: [].into(), ..change.clone() })
}

fn never_lost(view: &View, held: &Lease, _: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, 0, if_absent, terms)
}

fn any_number(view: &View, held: &Lease, _: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, u64::MAX, if_absent, terms)
}

/// What `acquire` answers, but for the space that it mends.
fn mending(decision: Result<Decision, Denied>, write: impl FnOnce(Change) -> Change) -> Result<Decision, Denied> {
    match decision {
        Ok(Decision::Mend(change)) => Ok(Decision::Mend(write(change))),
        decision => decision,
    }
}

fn finding(finding: Finding, write: impl FnOnce(Change) -> Change) -> Finding {
    match finding {
        Finding::Mend(change) => Finding::Mend(write(change)),
        finding => finding,
    }
}

fn to_space(mut change: Change, write: impl FnMut(&mut Space)) -> Change {
    change.space.iter_mut().for_each(write);
    change
}

/// For a space found missing, and one that nobody has looked at since.
fn is_new(view: &View) -> bool {
    view.space.as_ref().is_none_or(|space| space.version == NEWBORN)
}

fn low(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if is_new(view) {
            space.floor = view.now;
        }
    })
}

fn born_low(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| low(view, change))
}

fn missing_low(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| low(view, change))
}

fn whole(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            (space.version, space.incarnation) = (NEWBORN + 1, view.incarnation.clone());
        }
    })
}

fn born_whole(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| whole(view, change))
}

fn missing_whole(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| whole(view, change))
}

fn alike(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if view.space.is_none() {
            space.incarnation.clone_from(&view.incarnation);
        }
    })
}

fn born_alike(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| alike(view, change))
}

fn missing_alike(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| alike(view, change))
}

fn born_of_the_token(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(&View { look: ask.token, ..view.clone() }, ask, terms)
}

fn below_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    // What is to be mended still is.
    if let Some(space) = view.space.as_mut().filter(|space| space.version > NEWBORN) {
        space.floor = 0;
    }
    acquire(&view, ask, terms)
}

fn not_raised(view: &View, change: Change) -> Change {
    to_space(change, |space| {
        if let Some(before) = view.space.as_ref().filter(|space| space.incarnation != view.incarnation) {
            space.floor = before.floor;
        }
    })
}

fn again_whatever_the_floor(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let decision = acquire(view, ask, terms)?;
    let granted = view.records.iter().find(|(_, record)| record.token == Some(ask.token));
    match (decision, granted) {
        (Decision::Grant(..), Some((&worker, record))) => Ok(Decision::Again(Lease::of(worker, ask.token, record))),
        (decision, _) => Ok(decision),
    }
}

fn taken_over(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), |change| not_raised(view, change))
}

fn taken_over_from(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), |change| not_raised(view, change))
}

/// A holder who knows more is told that his lease is lost, and nobody else hears of it.
fn unmoved(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Mend(change) if !is_new(view) && change.records.is_empty() => super::super::LOST,
        finding => finding,
    }
}

fn any_counter(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let counter = view.records.get(&held.worker)?.counter;
    renew(view, &Lease { counter, ..*held }, ttl, terms)
}

fn from_below_the_floor(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    let mut view = view.clone();
    view.space.iter_mut().for_each(|space| space.floor = 0);
    renew(&view, held, ttl, terms)
}

fn begun_at_the_records(view: &View, held: &Lease) -> Lease {
    Lease { from: view.records.get(&held.worker).map_or(held.from, |record| record.from), ..*held }
}

fn any_begin(view: &View, held: &Lease, ttl: u64, terms: &Terms) -> Option<Record> {
    renew(view, &begun_at_the_records(view, held), ttl, terms)
}

fn any_begin_of(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, &begun_at_the_records(view, held), unanswered, if_absent, terms)
}

fn again_and_again(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    // As if it had been granted after whatever was mended.
    let from = held.from.max(view.space.as_ref().map_or(0, |space| space.floor));
    explain(view, &Lease { from, ..*held }, unanswered, if_absent, terms)
}

/// Grants a worker without a record as if it never had been.
fn unmended(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let mut view = view.clone();
    if let Some(space) = &mut view.space {
        let lost = (0..space.granted).find(|worker| !view.records.contains_key(worker));
        space.granted = lost.unwrap_or(space.granted);
    }
    acquire(&view, ask, terms)
}

fn quiet(change: Change) -> Change {
    if change.records.is_empty() { change } else { Change { space: None, ..change } }
}

fn quietly_mended(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    mending(acquire(view, ask, terms), quiet)
}

fn quietly_found(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    finding(explain(view, held, unanswered, if_absent, terms), quiet)
}

/// As the other one is, of whatever version.
fn spaced(now: &Contents, seen: &Contents) -> Contents {
    Contents { space: seen.space.clone(), incarnation: seen.incarnation.clone(), ..now.clone() }
}

fn whatever_the_space(now: &Contents, seen: &Contents, change: &Change) -> bool {
    spaced(now, seen).is_as_seen(seen, change)
}

fn whatever_the_window(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let mut now = now.clone();
    for (worker, record) in &mut now.records {
        let is_alike = |seen: &&Record| (seen.token, seen.counter) == (record.token, record.counter);
        if let Some(seen) = seen.records.get(worker).filter(is_alike) {
            record.clone_from(seen);
        }
    }
    now.is_as_seen(seen, change)
}

fn version_alone(now: &Contents, seen: &Contents, change: &Change) -> bool {
    let version = |contents: &Contents| contents.space.as_ref().map(|space| space.version);
    version(now) == version(seen) && spaced(now, seen).is_as_seen(seen, change)
}

fn whoever_serves(now: &Contents, seen: &Contents, change: &Change) -> bool {
    Contents { incarnation: seen.incarnation.clone(), ..now.clone() }.is_as_seen(seen, change)
}

fn creating(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let if_absent = if ask.if_absent == IfAbsent::Refuse { IfAbsent::Create } else { ask.if_absent.clone() };
    acquire(view, &Ask { if_absent, ..ask.clone() }, terms)
}

fn never_remaking(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: IfAbsent::Refuse, ..ask.clone() }, terms)
}

fn never_remaking_by_a_renewal(view: &View, held: &Lease, unanswered: u64, _: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, unanswered, &IfAbsent::Refuse, terms)
}

/// As if the lease had been granted here.
fn granted_here(view: &View, if_absent: &IfAbsent) -> IfAbsent {
    match if_absent {
        IfAbsent::Remake(known) => IfAbsent::Remake(Known { place: view.place.clone(), ..known.clone() }),
        other => other.clone(),
    }
}

fn remaking_anywhere(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: granted_here(view, &ask.if_absent), ..ask.clone() }, terms)
}

fn remaking_anywhere_else(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    explain(view, held, unanswered, &granted_here(view, if_absent), terms)
}

fn created_whole(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match create(view, workers, terms)? {
        Operation::Begin(change) => Some(Operation::Finish(whole(view, change))),
        finish => Some(finish),
    }
}

/// Vouches for a space that is absent, as if it had been seen when it was new.
fn in_one_step(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    match initialise(view, workers, terms)? {
        Operation::Begin(change) => {
            let seen = View { space: change.space, ..view.clone() };
            initialise(&seen, workers, terms)
        }
        finish => Ok(finish),
    }
}

fn using_it_up(view: &View, held: &Lease, unanswered: u64, if_absent: &IfAbsent, terms: &Terms) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Initialised)) => super::super::LOST,
        finding => finding,
    }
}

/// As if nobody else had been granted anything meanwhile.
fn using_it_up_beside_another(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    let is_less = view.records.get(&held.worker).is_some_and(|record| record.counter < held.counter);
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Taken)) if is_less => super::super::LOST,
        finding => finding,
    }
}
