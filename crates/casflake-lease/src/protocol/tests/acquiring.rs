//! Tests which worker a request gets, and for which window.

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
        // This record was written before the space was lost.
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
    // Both reasons apply. The floor, which is the store's reason, is reported first.
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
    let full = |untils: [u64; 3]| acquire(&view(&untils.map(|until| held_until(until, THEIRS))), &ask(OURS), &terms());
    assert_eq!(full([1020, 1010, 1030]), Err(Denied::NoFreeWorker { workers: 3, until: 1010 }));
    assert_eq!(full([1180, 1180, 1180]), Err(Denied::NoFreeWorker { workers: 3, until: 1180 }));
    assert_eq!(full([1181, 1182, 1183]), Err(Denied::StoreClockBehind { until: 1183 }));
}

/// Would catch: the store's clock was set back by a day, but the error during this day says that the space is new or
/// has no free worker.
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
    // The clock is behind the latest tick that the store knows, because the space was created a while before the clock
    // moved back.
    let held = |until| held_until(until, THEIRS);
    assert_eq!(denied(1181, &[held(1500), held(1400)], 3), behind(1500));
    assert_eq!(denied(2000, &[held(1500), held(1400)], 3), behind(2000));
    assert_eq!(denied(1181, &[held(1500), held(900)], 3), behind(1500), "one is free by its window");
    // If no worker is free, the reason does not depend only on the window that ends first.
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
