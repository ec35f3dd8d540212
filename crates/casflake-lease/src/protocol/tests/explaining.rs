//! Tests of the explanations why a renewal was not written.

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

/// Would catch: two holders issue the same IDs, because an operator was wrong to vouch for the space. The operator
/// vouched in the first tick of a holder's window, or while the store's clock was behind.
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
        // The loss is handled already, because the floor was raised after it.
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
