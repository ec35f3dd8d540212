//! Tests of a space that is new or has lost data.

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
    // The second write is an hour later. The wait begins with this write.
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
        // If the floor is later than the horizon already, the floor does not change.
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
