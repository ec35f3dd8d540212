//! Tests of the decisions of an operator.

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
