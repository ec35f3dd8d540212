//! Tests which renewals are written, and how far they move the end of the window.

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
