//! Tests of each function of the rules: what it grants and refuses, and the exact limits between the two.

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

/// The horizon is 150 ticks from now.
fn terms() -> Terms {
    Terms { layout: "ours".into(), epoch_unix_ms: 0, tick_ms: 1, end: 10_000, workers: 3, max_ttl: 120, slack: 30 }
}

fn ask(token: Token) -> Ask {
    Ask { token, ttl: TTL, after: None, owner: "me".into(), crowd: 0, if_absent: IfAbsent::Refuse }
}

/// Returns the knowledge of a process that was granted a lease at this place, with a window that ends at 1160.
fn known(place: &str) -> IfAbsent {
    IfAbsent::Remake(Known { place: place.into(), workers: 2, until: 1160 })
}

/// Explains to a holder that was granted its lease here.
fn explain(view: &View, held: &Lease, unanswered: u64, terms: &Terms) -> Finding {
    super::explain(view, held, unanswered, &known("here"), terms)
}

fn space() -> Space {
    Space { version: 7, layout: "ours".into(), workers: 3, granted: 0, floor: 100, incarnation: "one".into() }
}

fn held_until(until: u64, token: Token) -> Record {
    Record { from: 900, until, counter: 5, token: Some(token), owner: "them".into() }
}

/// At tick 1000, with these records of the first workers, all of which were granted.
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

/// Returns the record of a grant that writes one record and nothing else.
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

mod acquiring {
    use super::*;

    #[test]
    fn the_first_grant_begins_at_the_floor_and_is_counted_in_the_space() {
        let (change, lease) = change_of(acquire(&view(&[]), &ask(OURS), &terms()));
        let record = Record { from: 100, until: 1030, counter: 1, token: Some(OURS), owner: "me".into() };
        let space = Space { version: 8, granted: 1, ..space() };
        assert_eq!(change, Change { space: Some(space), records: [(0, record)].into() });
        assert_eq!(lease, Some(Lease::new(0, 100, 1030, 1, OURS)));
    }

    #[test]
    fn a_worker_is_free_from_the_end_of_its_window_on() {
        let (change, _) = change_of(acquire(&view(&[held_until(1000, THEIRS)]), &ask(OURS), &terms()));
        let record = Record { from: 1000, until: 1030, counter: 6, token: Some(OURS), owner: "me".into() };
        assert_eq!(change, Change { space: None, records: [(0, record)].into() });
        let (worker, _) = granted(acquire(&view(&[held_until(1001, THEIRS)]), &ask(OURS), &terms()));
        assert_eq!(worker, 1, "the next one, which was never granted");
    }

    #[test]
    fn a_worker_whose_holder_is_alive_is_not_free() {
        let mut view = view(&[held_until(900, THEIRS), held_until(901, THEIRS)]);
        view.live.insert(0);
        assert_eq!(granted(acquire(&view, &ask(OURS), &terms())).0, 1);
        view.live.insert(1);
        assert_eq!(granted(acquire(&view, &ask(OURS), &terms())).0, 2);
    }

    #[test]
    fn the_token_picks_one_of_the_free_workers() {
        let three = [held_until(950, THEIRS), held_until(1001, THEIRS), held_until(960, THEIRS)];
        let picked = |token| granted(acquire(&view(&three), &ask(Token::numbered(token)), &terms()));
        assert_eq!((picked(2).0, picked(2).1.from), (0, 950));
        assert_eq!((picked(3).0, picked(3).1.from), (2, 960));
    }

    #[test]
    fn a_grant_prepares_additional_workers_for_a_crowd() {
        let crowd = |crowd, workers| {
            let mut view = view(&[held_until(1020, THEIRS)]);
            view.space.as_mut().unwrap().workers = workers;
            // A record from before the space was lost.
            view.records.insert(3, held_until(1001, THEIRS));
            change_of(acquire(&view, &Ask { crowd, ..ask(OURS) }, &terms())).0
        };
        let made = |crowd_of, workers| crowd(crowd_of, workers).records.iter().map(|made| made.0).collect::<Vec<_>>();
        assert_eq!(
            [made(0, 6), made(1, 6), made(2, 6), made(9, 6), made(9, 3)],
            [Vec::from([1]), Vec::from([1, 2]), Vec::from([1, 2]), Vec::from([1, 2, 4, 5]), Vec::from([1, 2])]
        );
        assert_eq!(crowd(2, 6).space.unwrap().granted, 4);
        let free = Record { from: 100, until: 100, counter: 0, token: None, owner: String::new() };
        assert_eq!(crowd(1, 6).records[1], (2, free));
    }

    #[test]
    fn a_window_begins_after_the_last_window_the_floor_and_the_last_tick_of_the_caller() {
        let at_floor = |floor| {
            let mut view = view(&[held_until(990, THEIRS)]);
            view.space.as_mut().unwrap().floor = floor;
            granted(acquire(&view, &ask(OURS), &terms())).1.from
        };
        assert_eq!([at_floor(989), at_floor(991)], [990, 991]);
        let after = |last| {
            let ask = Ask { after: Some(last), ..ask(OURS) };
            granted(acquire(&view(&[held_until(990, THEIRS)]), &ask, &terms())).1.from
        };
        assert_eq!([after(0), after(989), after(990)], [990, 990, 991]);
    }

    #[test]
    fn a_window_is_not_empty_and_does_not_begin_in_the_future() {
        let at_floor = |floor| {
            let mut view = view(&[]);
            view.space.as_mut().unwrap().floor = floor;
            acquire(&view, &ask(OURS), &terms())
        };
        assert_eq!(granted(at_floor(1000)).1.from, 1000);
        assert_eq!(at_floor(1001), Err(Denied::Floor { floor: 1001 }));
        let after = |last| acquire(&view(&[]), &Ask { after: Some(last), ..ask(OURS) }, &terms());
        assert_eq!(granted(after(1028)).1.from, 1029);
        assert_eq!(after(1029), Err(Denied::StoreClockBehind { until: 1030 }));
        assert_eq!(after(u64::MAX), Err(Denied::StoreClockBehind { until: u64::MAX }));
    }

    #[test]
    fn a_floor_in_the_future_is_reported_rather_than_a_clock_that_is_behind() {
        // Both reasons apply. The store's comes first.
        let mut view = view(&[]);
        view.space.as_mut().unwrap().floor = 1030;
        let ask = Ask { after: Some(2000), ..ask(OURS) };
        assert_eq!(acquire(&view, &ask, &terms()), Err(Denied::Floor { floor: 1030 }));
    }

    #[test]
    fn a_window_ends_with_the_layout() {
        let at = |now| {
            let view = View { now, ..view(&[]) };
            acquire(&view, &ask(OURS), &terms())
        };
        assert_eq!(granted(at(9_969)).1.until, 9_999);
        assert_eq!(granted(at(9_971)).1.until, 10_000);
        assert_eq!(granted(at(9_999)).1.until, 10_000);
        assert_eq!(at(10_000), Err(Denied::OutOfTicks));
    }

    #[test]
    fn if_no_worker_is_free_the_denial_names_the_tick_of_the_first_that_will_be() {
        let full =
            |untils: [u64; 3]| acquire(&view(&untils.map(|until| held_until(until, THEIRS))), &ask(OURS), &terms());
        assert_eq!(full([1020, 1010, 1030]), Err(Denied::NoFreeWorker { workers: 3, until: 1010 }));
        assert_eq!(full([1180, 1180, 1180]), Err(Denied::NoFreeWorker { workers: 3, until: 1180 }));
        assert_eq!(full([1181, 1182, 1183]), Err(Denied::StoreClockBehind { until: 1183 }));
    }

    /// Would catch: a store that is reported as new or as full for a day, although its clock moved back.
    #[test]
    fn a_longer_wait_than_that_of_a_new_space_is_reported_as_a_clock_that_is_behind() {
        let denied = |floor, records: &[Record], workers| {
            let mut view = view(records);
            let space = view.space.as_mut().unwrap();
            (space.floor, space.workers) = (floor, workers);
            acquire(&view, &ask(OURS), &terms()).unwrap_err()
        };
        let behind = |until| Denied::StoreClockBehind { until };
        assert_eq!(denied(1180, &[], 3), Denied::Floor { floor: 1180 }, "as long as a new space waits");
        assert_eq!(denied(1181, &[], 3), behind(1181));
        // Behind the latest tick known: the space was created a while before the clock moved back.
        let held = |until| held_until(until, THEIRS);
        assert_eq!(denied(1181, &[held(1500), held(1400)], 3), behind(1500));
        assert_eq!(denied(2000, &[held(1500), held(1400)], 3), behind(2000));
        assert_eq!(denied(1181, &[held(1500), held(900)], 3), behind(1500), "one is free by its window");
        // If no worker is free, the end of the first window alone does not decide.
        assert_eq!(denied(900, &[held(1500), held(1400)], 2), behind(1500));
        assert_eq!(denied(900, &[held(1500), held(1180)], 2), Denied::NoFreeWorker { workers: 2, until: 1180 });
        assert_eq!(denied(1181, &[held(1020), held(1010)], 2), behind(1181), "nor does it if it ends soon");
    }

    #[test]
    fn workers_beyond_those_of_the_space_are_not_granted() {
        let mut view = view(&[held_until(1020, THEIRS), held_until(900, THEIRS), held_until(900, THEIRS)]);
        view.space.as_mut().unwrap().workers = 1;
        let denied = Err(Denied::NoFreeWorker { workers: 1, until: 1020 });
        assert_eq!(acquire(&view, &ask(OURS), &terms()), denied);
        view.records.remove(&0);
        view.space.as_mut().unwrap().granted = 0;
        view.space.as_mut().unwrap().workers = 0;
        let denied = Err(Denied::StoreClockBehind { until: 10_000 });
        assert_eq!(acquire(&view, &ask(OURS), &terms()), denied, "the space has no workers, so the wait never ends");
    }

    #[test]
    fn the_same_token_gets_the_same_lease_again() {
        let record = held_until(1020, OURS);
        let again = Ok(Decision::Again(Lease::new(1, 900, 1020, 5, OURS)));
        assert_eq!(acquire(&view(&[held_until(900, THEIRS), record]), &ask(OURS), &terms()), again);
    }

    #[test]
    fn a_record_that_is_left_of_a_lost_space_is_respected() {
        // The space was created again and counts no worker as granted.
        let mut view = view(&[held_until(1020, THEIRS)]);
        view.space.as_mut().unwrap().granted = 0;
        assert_eq!(acquire(&view, &ask(OURS), &terms()), Err(Denied::Floor { floor: 1020 }));
        view.now = 1020;
        let (change, _) = change_of(acquire(&view, &ask(OURS), &terms()));
        assert_eq!((change.records[0].1.from, change.records[0].1.counter), (1020, 6));
        assert_eq!(change.space.unwrap().granted, 1);
    }

    #[test]
    fn another_layout_is_refused() {
        let theirs = Terms { layout: "theirs".into(), ..terms() };
        assert_eq!(acquire(&view(&[]), &ask(OURS), &theirs), Err(Denied::OtherLayout));
    }
}

mod mending {
    use super::*;

    fn made(view: &View, if_absent: IfAbsent) -> Result<Space, Denied> {
        match acquire(view, &Ask { if_absent, ..ask(OURS) }, &terms()) {
            Err(denied) => Err(denied),
            decision => Ok(mended_space(change_of(decision).0)),
        }
    }

    #[test]
    fn a_process_that_was_never_granted_a_lease_does_not_create_a_space() {
        assert_eq!(made(&empty(), IfAbsent::Refuse), Err(Denied::NoSpace));
    }

    #[test]
    fn a_space_is_created_with_a_floor_beyond_every_forgotten_window() {
        let space = made(&empty(), IfAbsent::Create).unwrap();
        let Space { version, layout, workers, granted, floor, .. } = space.clone();
        assert_eq!((version, &*layout, workers, granted, floor), (NEWBORN, "ours", 3, 0, 1150));
        let looked_again = View { look: Token::numbered(31), ..empty() };
        let again = made(&looked_again, IfAbsent::Create).unwrap();
        assert_ne!(space.incarnation, again.incarnation, "each view makes another incarnation");
        let Some(Operation::Begin(change)) = init(&empty(), 3, &terms()) else { panic!() };
        assert_eq!(mended_space(change), space);
        // An hour later: the wait begins with the second write.
        let later = View { now: 4600, space: Some(space), ..empty() };
        let Some(Operation::Finish(change)) = init(&later, 3, &terms()) else { panic!() };
        let space = mended_space(change);
        assert_eq!((space.version, space.workers, space.floor), (NEWBORN + 1, 3, 4750));
        let later = View { space: Some(space), ..later };
        assert_eq!(init(&later, 3, &terms()), None);
        assert_eq!(acquire(&later, &ask(OURS), &terms()), Err(Denied::Floor { floor: 4750 }));
    }

    #[test]
    fn a_process_that_was_granted_a_lease_creates_the_space_again_only_in_its_place() {
        let space = made(&empty(), known("here")).unwrap();
        assert_eq!((space.version, space.workers, space.granted, space.floor), (NEWBORN, 2, 0, 1160));
        assert_eq!(made(&empty(), known("elsewhere")), Err(Denied::NoSpace));
        let short = IfAbsent::Remake(Known { place: "here".into(), workers: 2, until: 1149 });
        assert_eq!(made(&empty(), short).unwrap().floor, 1150);
    }

    #[test]
    fn a_holder_creates_the_space_again_with_a_floor_beyond_its_own_window() {
        let floor = |until| {
            let finding = explain(&empty(), &Lease::new(0, 900, until, 5, OURS), 0, &terms());
            let Finding::Mend(change) = finding else { panic!("{finding:?}") };
            let space = mended_space(change);
            assert_eq!((space.version, space.workers), (NEWBORN, 2));
            space.floor
        };
        assert_eq!([floor(1020), floor(1161)], [1160, 1161]);
        let lease = Lease::new(0, 900, 1020, 5, OURS);
        for if_absent in [known("elsewhere"), IfAbsent::Refuse] {
            let finding = super::super::explain(&empty(), &lease, 0, &if_absent, &terms());
            assert_eq!(finding, Finding::Denied(Denied::NoSpace));
        }
    }

    #[test]
    fn any_process_restores_a_space_if_records_are_left_of_it() {
        let lost = View { space: None, ..view(&[held_until(1020, THEIRS)]) };
        for (if_absent, workers) in [(IfAbsent::Refuse, 3), (known("elsewhere"), 3), (known("here"), 2)] {
            let space = made(&lost, if_absent).unwrap();
            assert_eq!((space.version, space.workers), (NEWBORN, workers));
            assert!(space.floor >= 1150);
        }
        let Some(Operation::Begin(change)) = init(&lost, 2, &terms()) else { panic!() };
        assert_eq!(mended_space(change).workers, 2);
    }

    #[test]
    fn a_space_that_exists_is_not_created() {
        assert_eq!(init(&view(&[]), 3, &terms()), None);
        assert_eq!(init(&view(&[]), 3, &Terms { layout: "theirs".into(), ..terms() }), None);
    }

    #[test]
    fn a_new_space_is_read_again_before_anything_is_granted() {
        for (version, incarnation) in [(NEWBORN, "one"), (NEWBORN, "other"), (7, "other")] {
            let mut view = view(&[held_until(900, OURS)]);
            let before = Space { version, incarnation: incarnation.into(), ..view.space.clone().unwrap() };
            let after = Space { version: version + 1, floor: 1150, incarnation: "one".into(), ..before.clone() };
            view.space = Some(before.clone());
            assert_eq!(mended_space(change_of(acquire(&view, &ask(OURS), &terms())).0), after);
            let lease = Lease::new(0, 900, 900, 5, OURS);
            assert_eq!(renew(&view, &lease, TTL, &terms()), None);
            let Finding::Mend(change) = explain(&view, &lease, 0, &terms()) else { panic!() };
            assert_eq!(mended_space(change), after);
            // A floor that is later already stays.
            view.space = Some(Space { floor: 1151, ..before });
            assert_eq!(mended_space(change_of(acquire(&view, &ask(OURS), &terms())).0).floor, 1151);
        }
    }

    #[test]
    fn lost_records_are_replaced_by_records_that_end_beyond_every_forgotten_window() {
        let mut view = view(&[held_until(900, THEIRS), held_until(900, THEIRS), held_until(900, THEIRS)]);
        view.records.remove(&0);
        view.records.remove(&2);
        let lost = Record { from: 1150, until: 1150, counter: 0, token: None, owner: String::new() };
        let space = Space { version: 8, ..view.space.clone().unwrap() };
        let mended = Change { space: Some(space), records: [(0, lost.clone()), (2, lost)].into() };
        assert_eq!(acquire(&view, &ask(OURS), &terms()), Ok(Decision::Mend(mended.clone())));
        let lease = Lease::new(0, 900, 1020, 5, OURS);
        assert_eq!(explain(&view, &lease, 0, &terms()), Finding::Mend(mended));
    }
}

mod renewing {
    use super::*;

    fn renewed(until: u64) -> Option<Record> {
        renew(&view(&[held_until(until, OURS)]), &Lease::new(0, 900, 980, 5, OURS), TTL, &terms())
    }

    #[test]
    fn the_end_moves_forward_and_never_back() {
        assert_eq!(renewed(1010), Some(Record { until: 1030, counter: 6, ..held_until(0, OURS) }));
        assert_eq!(renewed(1029).unwrap().until, 1030);
        assert_eq!(renewed(1031).unwrap().until, 1031);
    }

    #[test]
    fn a_record_that_ends_before_the_holders_lease_is_not_renewed() {
        assert_eq!(renewed(980).map(|record| record.until), Some(1030));
        assert_eq!(renewed(979), None);
    }

    #[test]
    fn a_record_that_ends_beyond_the_horizon_is_not_renewed() {
        assert_eq!(renewed(1150).unwrap().until, 1150);
        assert_eq!(renewed(1151), None);
    }

    #[test]
    fn a_renewal_never_ends_after_the_layouts_last_tick() {
        let view = View { now: 9_980, ..view(&[held_until(9_990, OURS)]) };
        assert_eq!(renew(&view, &Lease::new(0, 900, 9_990, 5, OURS), TTL, &terms()).unwrap().until, 10_000);
    }

    #[test]
    fn a_renewal_needs_the_worker_the_token_the_counter_and_the_first_tick_of_the_record() {
        let view = view(&[held_until(1010, OURS), held_until(1010, THEIRS)]);
        for lease in [
            Lease::new(0, 900, 1010, 5, THEIRS),
            Lease::new(0, 900, 1010, 4, OURS),
            Lease::new(0, 900, 1010, 6, OURS),
            Lease::new(0, 901, 1010, 5, OURS),
            Lease::new(1, 900, 1010, 5, OURS),
            Lease::new(2, 900, 1010, 5, OURS),
        ] {
            assert_eq!(renew(&view, &lease, TTL, &terms()), None, "{lease:?}");
        }
    }

    #[test]
    fn a_window_that_begins_before_the_floor_is_not_renewed() {
        let at_floor = |floor| {
            let mut view = view(&[held_until(1010, OURS)]);
            view.space.as_mut().unwrap().floor = floor;
            renew(&view, &Lease::new(0, 900, 1010, 5, OURS), TTL, &terms())
        };
        assert!(at_floor(900).is_some());
        assert_eq!(at_floor(901), None);
    }

    #[test]
    fn nothing_is_renewed_with_another_layout_or_in_an_empty_store() {
        let lease = Lease::new(0, 900, 1010, 5, OURS);
        let theirs = Terms { layout: "theirs".into(), ..terms() };
        assert_eq!(renew(&view(&[held_until(1010, OURS)]), &lease, TTL, &theirs), None);
        assert_eq!(renew(&empty(), &lease, TTL, &terms()), None);
    }
}

mod explaining {
    use super::*;

    const LEASE: Lease = Lease::new(0, 900, 1010, 5, OURS);

    fn found(record: Record, unanswered: u64) -> Finding {
        explain(&view(&[record]), &LEASE, unanswered, &terms())
    }

    fn lost(reason: LostReason) -> Finding {
        Finding::Denied(Denied::Lost(reason))
    }

    #[test]
    fn renewals_whose_replies_were_lost_are_the_holders() {
        let renewed = |counter| Record { counter, ..held_until(1020, OURS) };
        assert_eq!(found(renewed(5), 0), Finding::Held(Lease::new(0, 900, 1020, 5, OURS)));
        assert_eq!(found(renewed(7), 2), Finding::Held(Lease::new(0, 900, 1020, 7, OURS)));
        assert_eq!(found(renewed(8), 2), lost(LostReason::Cloned));
        assert_eq!(found(renewed(6), 0), lost(LostReason::Cloned));
    }

    #[test]
    fn a_worker_that_was_granted_again_released_or_reclaimed_is_taken() {
        let taken = lost(LostReason::Taken);
        assert_eq!(found(Record { counter: 6, ..held_until(1020, THEIRS) }, 9), taken);
        assert_eq!(found(Record { token: None, ..held_until(1020, OURS) }, 9), taken);
        assert_eq!(found(Record { from: 1015, counter: 6, ..held_until(1020, OURS) }, 9), taken, "granted anew");
        assert_eq!(found(reclaimed(&view(&[]), &held_until(1010, OURS), &terms()), 9), taken);
    }

    #[test]
    fn a_store_that_has_forgotten_a_grant_is_mended_once() {
        let older = Record { counter: 4, ..held_until(1009, OURS) };
        let mut view = view(&[older]);
        let space = view.space.clone().unwrap();
        let mended = Space { version: 8, floor: 1150, ..space.clone() };
        let suspected = Finding::Mend(Change { space: Some(mended.clone()), records: Vec::new() });
        assert_eq!(explain(&view, &LEASE, 0, &terms()), suspected);
        view.space = Some(mended);
        assert_eq!(explain(&view, &LEASE, 0, &terms()), lost(LostReason::StoreChanged));
        view.space = Some(Space { floor: 900, ..space.clone() });
        assert!(matches!(explain(&view, &LEASE, 0, &terms()), Finding::Mend(_)), "granted at that floor");
        view.space = Some(Space { floor: 1010, ..space });
        assert_eq!(explain(&view, &LEASE, 0, &terms()), lost(LostReason::StoreChanged));
    }

    #[test]
    fn a_record_in_place_of_a_lost_one_does_not_mend_the_store_again() {
        let from = |from| Record { from, until: from, counter: 0, token: None, owner: String::new() };
        assert_eq!(found(from(1010), 0), lost(LostReason::StoreChanged));
        assert!(matches!(found(from(1009), 0), Finding::Mend(_)));
    }

    #[test]
    fn a_worker_that_was_never_granted_is_mended_once() {
        let mut view = view(&[]);
        let space = view.space.clone().unwrap();
        let mended = Space { version: 8, floor: 1150, ..space.clone() };
        let suspected = Finding::Mend(Change { space: Some(mended.clone()), records: Vec::new() });
        assert_eq!(explain(&view, &LEASE, 0, &terms()), suspected);
        view.space = Some(mended);
        assert_eq!(explain(&view, &LEASE, 0, &terms()), lost(LostReason::StoreChanged));
        view.space = Some(Space { floor: 900, ..space });
        assert!(matches!(explain(&view, &LEASE, 0, &terms()), Finding::Mend(_)));
    }

    #[test]
    fn a_window_that_begins_before_the_floor_is_lost() {
        let mut view = view(&[held_until(1020, OURS)]);
        view.space.as_mut().unwrap().floor = 1010;
        assert_eq!(explain(&view, &LEASE, 0, &terms()), lost(LostReason::StoreChanged));
        view.space.as_mut().unwrap().floor = 900;
        assert!(matches!(explain(&view, &LEASE, 0, &terms()), Finding::Held(_)));
    }

    /// Would catch: two holders that issue the same IDs because an operator has vouched in the tick in which the window
    /// begins, or by a clock that moved back.
    #[test]
    fn a_worker_that_was_granted_again_is_taken_although_the_store_has_forgotten_a_grant() {
        for (from, until, counter, token, reason) in [
            (900, 1009, 4, Some(THEIRS), LostReason::Taken),
            (1009, 1020, 4, Some(THEIRS), LostReason::Taken),
            (1010, 1020, 4, Some(THEIRS), LostReason::Taken),
            (900, 901, 1, None, LostReason::Taken),
            (890, 901, 4, Some(THEIRS), LostReason::Taken),
            (890, 900, 4, Some(THEIRS), LostReason::StoreChanged),
            (900, 1009, 4, Some(OURS), LostReason::StoreChanged),
            (1020, 1020, 0, None, LostReason::StoreChanged),
        ] {
            let record = Record { from, until, counter, token, owner: String::new() };
            let mut view = view(&[record]);
            // The loss is handled already.
            view.space.as_mut().unwrap().floor = 1160;
            assert_eq!(explain(&view, &LEASE, 0, &terms()), lost(reason), "{from} {until} {counter}");
        }
    }

    #[test]
    fn a_window_that_contains_the_floor_was_in_use_when_an_operator_initialised_the_space() {
        let records = [&[][..], &[held_until(1020, OURS)], &[held_until(1020, THEIRS)]];
        for (records, incarnation) in records.into_iter().flat_map(|records| [(records, "one"), (records, "other")]) {
            let mut view = view(records);
            let mut at_floor = |floor| {
                let space = view.space.as_mut().unwrap();
                (space.floor, space.incarnation) = (floor, incarnation.into());
                explain(&view, &LEASE, 0, &terms()) == lost(LostReason::Initialised)
            };
            assert_eq!([900, 901, 1009, 1010].map(&mut at_floor), [false, true, true, false]);
        }
    }

    #[test]
    fn a_record_that_ends_before_the_holders_lease_mends_the_store() {
        for unanswered in [0, 1] {
            let until = |until| Record { counter: 5 + unanswered, ..held_until(until, OURS) };
            assert!(matches!(found(until(1009), unanswered), Finding::Mend(_)));
            assert!(matches!(found(until(1010), unanswered), Finding::Held(_)));
        }
    }

    #[test]
    fn an_end_beyond_the_horizon_is_reported_as_a_clock_that_is_behind() {
        assert_eq!(found(held_until(1150, OURS), 0), Finding::Held(Lease::new(0, 900, 1150, 5, OURS)));
        assert_eq!(found(held_until(1151, OURS), 0), Finding::Denied(Denied::StoreClockBehind { until: 1151 }));
    }

    #[test]
    fn another_layout_is_refused() {
        let theirs = Terms { layout: "theirs".into(), ..terms() };
        let finding = explain(&view(&[held_until(1010, OURS)]), &LEASE, 0, &theirs);
        assert_eq!(finding, Finding::Denied(Denied::OtherLayout));
    }
}

mod releasing {
    use super::*;

    fn released(last: Option<u64>) -> Option<Record> {
        release(&held_until(1010, OURS), &Lease::new(0, 900, 1010, 5, OURS), last)
    }

    #[test]
    fn the_worker_is_free_after_the_last_tick_that_was_issued() {
        let until = |until| Some(Record { until, token: None, ..held_until(0, OURS) });
        assert_eq!(released(None), until(900), "unused");
        assert_eq!(released(Some(899)), until(900), "of another lease");
        assert_eq!(released(Some(900)), until(901));
        assert_eq!(released(Some(1009)), until(1010));
        assert_eq!(released(Some(1010)), until(1010));
        assert_eq!(released(Some(u64::MAX)), until(1010));
    }

    #[test]
    fn a_release_needs_the_token_and_the_counter_of_the_record() {
        let released =
            |counter, token| release(&held_until(1010, OURS), &Lease::new(0, 900, 1010, counter, token), None);
        assert!(released(5, OURS).is_some());
        assert_eq!([released(4, OURS), released(6, OURS), released(5, THEIRS)], [None, None, None]);
    }
}

mod administering {
    use super::*;

    fn initialised(view: &View, workers: u64) -> (Space, Vec<(u64, Record)>) {
        let initialising = init_immediately(view, workers, &terms()).unwrap();
        let Operation::Finish(change) = initialising else { panic!("{initialising:?}") };
        (change.space.unwrap(), change.records)
    }

    #[test]
    fn an_absent_space_is_created_then_read_again_and_then_grants_immediately() {
        let Ok(Operation::Begin(change)) = init_immediately(&empty(), 2, &terms()) else { panic!() };
        let newborn = mended_space(change);
        assert_eq!((newborn.version, newborn.workers, newborn.floor), (NEWBORN, 2, 1150));
        let view = View { space: Some(newborn), ..empty() };
        let space = Space { version: 1, workers: 2, floor: 1000, ..space() };
        assert_eq!(initialised(&view, 2), (space.clone(), Vec::new()));
        let view = View { space: Some(space), ..view };
        assert_eq!(granted(acquire(&view, &ask(OURS), &terms())).1.from, 1000);
    }

    #[test]
    fn a_whole_space_keeps_its_floor_and_its_leases() {
        let view = view(&[held_until(1010, OURS)]);
        let space = Space { version: 8, workers: 2, ..view.space.clone().unwrap() };
        assert_eq!(initialised(&view, 2), (space.clone(), Vec::new()));
        let view = View { space: Some(space), ..view };
        assert!(renew(&view, &Lease::new(0, 900, 1010, 5, OURS), TTL, &terms()).is_some());
    }

    #[test]
    fn a_space_that_has_lost_something_gets_its_floor_at_this_tick() {
        for (version, floor, incarnation, begins) in [
            (7, 100, "other", 1000),
            (NEWBORN, 100, "one", 1000),
            (7, 1001, "one", 1000),
            (7, 1000, "one", 1000),
            (7, 999, "one", 999),
        ] {
            let mut view = view(&[held_until(1010, OURS)]);
            let before = Space { version, floor, incarnation: incarnation.into(), ..view.space.clone().unwrap() };
            let after = Space { version: version + 1, floor: begins, incarnation: "one".into(), ..before.clone() };
            view.space = Some(before);
            assert_eq!(initialised(&view, 3), (after, Vec::new()), "{version} {floor} {incarnation}");
        }
    }

    #[test]
    fn workers_whose_records_are_lost_are_free_immediately() {
        let mut view = view(&[held_until(1010, OURS), held_until(1010, THEIRS)]);
        view.records.remove(&0);
        let free = Record { from: 1000, until: 1000, counter: 0, token: None, owner: String::new() };
        assert_eq!(initialised(&view, 3).1, [(0, free)]);
    }

    #[test]
    fn another_layout_is_left_as_it_is() {
        let theirs = Terms { layout: "theirs".into(), ..terms() };
        assert_eq!(init_immediately(&view(&[]), 3, &theirs), Err(Denied::OtherLayout));
    }

    #[test]
    fn a_reclaimed_worker_is_free_immediately_unless_its_window_begins_in_the_future() {
        let free = Record { from: 1000, until: 1000, counter: 6, token: None, owner: String::new() };
        assert_eq!(reclaimed(&view(&[]), &held_until(1010, THEIRS), &terms()), free);
        let (worker, record) = granted(acquire(&view(&[free]), &ask(OURS), &terms()));
        assert_eq!((worker, record.from, record.counter), (0, 1000, 7));
        let ahead = |from| reclaimed(&view(&[]), &Record { from, ..held_until(2000, THEIRS) }, &terms()).until;
        assert_eq!([1001, 1150, 1151].map(ahead), [1001, 1150, 1000], "the last is beyond the horizon");
    }
}
