//! Tests of the tick from which a released worker is free.

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
    let released = |counter, token| release(&held_until(1010, OURS), &Lease::new(0, 900, 1010, counter, token), None);
    assert!(released(5, OURS).is_some());
    assert_eq!([released(4, OURS), released(6, OURS), released(5, THEIRS)], [None, None, None]);
}
