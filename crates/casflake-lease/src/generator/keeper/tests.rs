//! Each row of the table of transitions, and the invariants L12 to L20 as far as single steps show them.

use std::time::Duration;

use super::{Effect, Event, FIRST_RETRY, Held, Keeper, Next, Now, Step, Unpublished};
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;
use crate::request::Grant;
use crate::token::Token;

const TTL: Duration = Duration::from_secs(12);
const PAUSE: Duration = Duration::from_secs(1);
const STORE_NS: u64 = 1_800_000_000_000_000_000;

/// The lease that a keeper begins with, and one that it acquires later.
const FIRST: Lease = Lease::new(3, 100, 200, 1, Token::numbered(1));
const SECOND: Lease = Lease::new(5, 150, 300, 1, Token::numbered(2));

const fn at(seconds: u64) -> Now {
    Now { at: Duration::from_secs(seconds), remaining: Some(TTL), store_clock_ns: Some(STORE_NS), has_ended: false }
}

const NOW: Now = at(1000);
const OVER: Now = Now { remaining: Some(Duration::ZERO), ..NOW };

/// Drives a keeper, and shows its last step as a text.
struct Driven(Keeper, Step);

impl Driven {
    /// Returns a keeper that rests, and holds `FIRST`.
    fn resting() -> Self {
        let (keeper, step) = Keeper::of(TTL, FIRST, None).step(Event::Looked, &NOW);
        Self(keeper, step)
    }

    fn then(self, event: Event, now: &Now) -> Self {
        let (keeper, step) = self.0.step(event, now);
        Self(keeper, step)
    }

    /// Ends the rest, and lets the store answer the renewal with `answer`.
    fn renewed(self, answer: Result<Grant, StoreError>, now: &Now) -> Self {
        self.then(Event::Woken, now).then(Event::Renewed(answer), now)
    }

    /// Returns a keeper that has lost its lease, and has closed its generator. `last` is the last tick in which that
    /// generator has issued an ID.
    fn closed(last: Option<u64>) -> Self {
        Self::resting().renewed(lost(LostReason::Taken), &NOW).then(Event::Closed(last), &NOW)
    }

    /// Returns a keeper that was granted `SECOND`, and awaits the publication of its generator.
    fn granted(last: Option<u64>) -> Self {
        let drawn = Self::closed(last).then(Event::Drawn(Ok(SECOND.token)), &NOW);
        drawn.then(Event::Granted(Ok(Grant::new(SECOND, STORE_NS))), &NOW)
    }

    #[track_caller]
    fn does(self, effects: &str, next: &str) -> Self {
        assert_eq!(shown(&self.1), (effects.to_string(), next.to_string()));
        self
    }

    fn rest(&self) -> (Duration, Duration) {
        let Next::Rest(rest) = self.1.next else { panic!("{:?}", self.1.next) };
        rest.shortened(0)
    }
}

/// Returns the names of the effects and of the next action, with the numbers that matter.
fn shown(step: &Step) -> (String, String) {
    let effect = |effect: &Effect| match effect {
        Effect::ExtendFence(tick) => format!("ExtendFence({tick})"),
        Effect::SetClock { may_move_back: true, .. } => "SetClock(back)".into(),
        Effect::Failed { is_reported: false, .. } => "Failed(silently)".into(),
        Effect::Lost { reason, .. } => format!("Lost({reason:?})"),
        effect => name(&format!("{effect:?}")),
    };
    let next = match &step.next {
        Next::Renew { lease, unanswered } => format!("Renew({}, {unanswered})", lease.worker),
        Next::Acquire { token, after } => format!("Acquire({}, {after:?})", token.pick(usize::MAX)),
        Next::Publish { lease, from } => format!("Publish({}, {from})", lease.worker),
        Next::Release { lease, last_tick } => format!("Release({}, {last_tick:?})", lease.worker),
        Next::Done { released, outcome } => format!("Done({released:?}, {})", outcome.is_ok()),
        next => name(&format!("{next:?}")),
    };
    (step.effects.iter().map(effect).collect::<Vec<_>>().join(" "), next)
}

fn name(debug: &str) -> String {
    debug.chars().take_while(|char| char.is_alphanumeric()).collect()
}

fn lost(reason: LostReason) -> Result<Grant, StoreError> {
    Err(StoreError::Lost { worker: 3, reason })
}

fn fails<T>() -> Result<T, StoreError> {
    Err(StoreError::unavailable("asking", "no store"))
}

fn renewal(until: u64) -> Result<Grant, StoreError> {
    Ok(Grant::new(Lease { until, counter: 2, ..FIRST }, STORE_NS))
}

#[test]
fn a_renewal_moves_the_fence_and_the_clock_before_it_trusts_and_tells() {
    let renewed = Driven::resting().then(Event::Woken, &NOW).does("Measure", "Renew(3, 0)");
    let renewed = renewed.then(Event::Renewed(renewal(250)), &NOW).does("ExtendFence(250) SetClock Trust", "Look");
    let rests = renewed.then(Event::Looked, &NOW).does("Recorded Tell Renewed", "Rest");
    assert_eq!(rests.rest(), (PAUSE, TTL / 3 - PAUSE));
    assert_eq!(rests.0.held, Held::Lease(Lease { until: 250, counter: 2, ..FIRST }));
}

/// Would catch: a fence that is moved by what was asked for, or by the lease of another worker.
#[test]
fn l15_only_a_renewal_of_the_own_lease_moves_the_fence() {
    let others = [Lease { worker: 4, ..FIRST }, Lease { from: 101, ..FIRST }, Lease { token: SECOND.token, ..FIRST }];
    for other in others {
        let failed = Driven::resting().renewed(Ok(Grant::new(other, STORE_NS)), &NOW).does("Failed", "Rest");
        assert_eq!(failed.0.held, Held::Lease(FIRST));
        failed.then(Event::Woken, &NOW).does("Measure", "Renew(3, 1)");
    }
    let shorter = Driven::resting().renewed(renewal(120), &NOW);
    shorter.does("ExtendFence(120) SetClock Trust", "Look");
}

#[test]
fn a_renewal_without_an_answer_is_counted_until_one_is_answered() {
    let failed = Driven::resting().renewed(fails(), &NOW).does("Failed", "Rest");
    let failed = failed.renewed(fails(), &NOW).then(Event::Woken, &NOW).does("Measure", "Renew(3, 2)");
    let renewed = failed.then(Event::Renewed(renewal(250)), &NOW).then(Event::Looked, &NOW);
    renewed.then(Event::Woken, &NOW).does("Measure", "Renew(3, 0)");
}

/// Would catch: a generator that issues IDs up to the old fence, or while a callback runs, although the store has said
/// that another process has the lease.
#[test]
fn l12_the_generator_of_a_lost_lease_is_closed_before_another_lease_is_acquired() {
    for reason in [LostReason::Taken, LostReason::Cloned, LostReason::Initialised] {
        let lost = Driven::resting().renewed(lost(reason), &NOW).does("", "Close");
        let closed = lost.then(Event::Closed(Some(170)), &NOW).does(&format!("Lost({reason:?})"), "DrawToken");
        closed.then(Event::Drawn(Ok(SECOND.token)), &NOW).does("Measure", "Acquire(2, Some(170))");
    }
}

#[test]
fn a_forgotten_lease_is_used_up_for_one_ttl_at_most() {
    let forgotten = Driven::resting().renewed(lost(LostReason::StoreChanged), &NOW).does("Lost(StoreChanged)", "Rest");
    assert_eq!(forgotten.0.held, Held::Forgotten { lease: FIRST, since: NOW.at });
    assert_eq!(forgotten.rest(), (PAUSE, TTL / 3 - PAUSE));
    // It is asked for again, and is forgotten still.
    let again = forgotten.then(Event::Woken, &at(1004)).does("Measure", "Renew(3, 0)");
    let again = again.then(Event::Renewed(lost(LostReason::StoreChanged)), &at(1010)).does("", "Rest");
    assert_eq!(again.rest().0 + again.rest().1, Duration::from_secs(2), "until the TTL is over");
    let again = again.then(Event::Woken, &at(1011)).does("Measure", "Renew(3, 0)");
    let again = again.then(Event::Renewed(fails()), &at(1011)).does("Failed", "Rest");
    let soon = Now { at: at(1012).at - Duration::from_millis(25), ..NOW };
    let again = again.renewed(fails(), &soon);
    assert_eq!(again.rest().0, Duration::from_millis(25), "less than the 40 ms of a second failure");
    again.then(Event::Woken, &at(1012)).does("", "Close").then(Event::Closed(None), &NOW).does("", "DrawToken");
}

#[test]
fn a_forgotten_lease_without_time_left_is_given_up_immediately() {
    let forgotten = Driven::resting().renewed(lost(LostReason::StoreChanged), &OVER);
    forgotten.does("", "Close").then(Event::Closed(None), &NOW).does("Lost(StoreChanged)", "DrawToken");
    let forgotten = Driven::resting().renewed(lost(LostReason::StoreChanged), &NOW);
    let asked = forgotten.then(Event::Woken, &at(1011));
    asked.then(Event::Renewed(lost(LostReason::StoreChanged)), &at(1012)).does("", "Close");
    let forgotten = Driven::resting().renewed(lost(LostReason::StoreChanged), &NOW);
    forgotten.renewed(lost(LostReason::Taken), &at(1001)).does("", "Close");
}

/// Would catch: a renewal that the store has written, but that the process does not use.
#[test]
fn a_renewal_of_a_forgotten_lease_is_used() {
    let forgotten = Driven::resting().renewed(lost(LostReason::StoreChanged), &NOW);
    let renewed = forgotten.renewed(renewal(250), &at(1004)).does("ExtendFence(250) SetClock Trust", "Look");
    let renewed = renewed.then(Event::Looked, &at(1004));
    renewed.then(Event::Woken, &at(1100)).does("Measure", "Renew(3, 0)");
}

/// Would catch: a second lease for a request whose first reply was lost.
#[test]
fn l16_a_token_is_kept_until_a_grant_answers_it() {
    let asked = Driven::closed(Some(170)).then(Event::Drawn(Ok(SECOND.token)), &NOW);
    let failed = asked.then(Event::Granted(fails()), &NOW).does("Failed", "Rest");
    let again = failed.then(Event::Woken, &NOW).does("Measure", "Acquire(2, Some(170))");
    let granted = again.then(Event::Granted(Ok(Grant::new(SECOND, STORE_NS))), &NOW);
    let published = granted.then(Event::Published(Ok(())), &NOW).then(Event::Looked, &NOW);
    let lost = published.renewed(lost(LostReason::Taken), &NOW).then(Event::Closed(None), &NOW);
    lost.does("Lost(Taken)", "DrawToken").then(Event::Drawn(fails()), &NOW).does("Failed", "Rest");
}

/// Would catch: IDs of one process that decrease, because a store has ignored `after`.
#[test]
fn l13_the_next_generator_begins_after_the_last_tick_of_all_before() {
    Driven::granted(None).does("SetClock Trust", "Publish(5, 150)");
    Driven::granted(Some(120)).does("SetClock Trust", "Publish(5, 150)");
    Driven::granted(Some(170)).does("SetClock Trust", "Publish(5, 171)");
    Driven::granted(Some(u64::MAX)).does("SetClock Trust", &format!("Publish(5, {})", u64::MAX));
    // The second generator issues nothing, so the tick of the first one counts.
    let second = Driven::granted(Some(170)).then(Event::Published(Ok(())), &NOW).then(Event::Looked, &NOW);
    let second = second.renewed(lost(LostReason::Taken), &NOW).then(Event::Closed(None), &NOW);
    second.then(Event::Drawn(Ok(FIRST.token)), &NOW).does("Measure", "Acquire(1, Some(170))");
}

#[test]
fn a_grant_is_published_before_the_calls_are_told() {
    let published = Driven::granted(None).then(Event::Published(Ok(())), &NOW).does("", "Look");
    let rests = published.then(Event::Looked, &NOW).does("Tell Acquired", "Rest");
    assert_eq!(rests.0.held, Held::Lease(SECOND));
}

#[test]
fn l14_a_lease_that_is_not_used_is_released() {
    let unfit = Unpublished::Unfit(StoreError::corrupt("the lease", "no such worker"));
    let unused = Driven::granted(Some(170)).then(Event::Published(Err(unfit)), &NOW).does("Failed", "Release(5, None)");
    let unused = unused.then(Event::Released(fails()), &NOW).does("NotReleased", "Rest");
    assert!(matches!(unused.1.effects[..], [Effect::NotReleased { worker: 5, .. }]), "{:?}", unused.1);
    assert_eq!(unused.rest().0, FIRST_RETRY, "it is the first failure");
    unused.then(Event::Woken, &NOW).does("", "DrawToken");
    let ended = Driven::granted(Some(170)).then(Event::Published(Err(Unpublished::Ended)), &NOW);
    let ended = ended.does("", "Release(5, None)");
    ended.then(Event::Released(Ok(())), &NOW).does("", "Done(Some(5), true)");
}

#[test]
fn l14_the_end_releases_a_lease_after_its_last_tick() {
    let ending = Driven::resting().then(Event::Stopped, &NOW).does("", "End");
    let ending = ending.then(Event::Ended(Some(180)), &NOW).does("Tell", "Release(3, Some(180))");
    ending.then(Event::Released(fails()), &NOW).does("", "Done(Some(3), false)");
    let without = Driven::closed(None).then(Event::Drawn(fails()), &NOW).then(Event::Stopped, &NOW);
    without.then(Event::Ended(None), &NOW).does("Tell", "Done(None, true)");
}

/// Would catch: rings of many calls without a lease that become as many calls of the store.
#[test]
fn l20_the_keeper_backs_off_and_hears_no_ring_meanwhile() {
    let mut keeper = Driven::resting();
    for millis in [20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000, 1000] {
        keeper = keeper.renewed(fails(), &NOW);
        assert_eq!(keeper.rest(), (Duration::from_millis(millis), Duration::ZERO));
    }
    let keeper = keeper.renewed(renewal(250), &NOW).then(Event::Looked, &NOW).renewed(fails(), &NOW);
    assert_eq!(keeper.rest().0, FIRST_RETRY, "it begins anew after a success");
}

#[test]
fn l20_the_pause_is_a_twelfth_of_the_ttl() {
    for (ttl, pause) in [(240, 20), (600, 50), (3000, 250), (12_000, 1000), (120_000, 1000)] {
        let ttl = Duration::from_millis(ttl);
        let (keeper, step) = Keeper::of(ttl, FIRST, None).step(Event::Looked, &Now { remaining: Some(ttl), ..NOW });
        assert_eq!(Driven(keeper, step).rest().0, Duration::from_millis(pause), "{ttl:?}");
    }
}

#[test]
fn l20_no_rest_is_shorter_than_the_first_retry() {
    let (keeper, step) = Keeper::of(Duration::from_millis(1), FIRST, None).step(Event::Looked, &OVER);
    assert_eq!(Driven(keeper, step).rest(), (FIRST_RETRY, Duration::ZERO));
    let Next::Rest(rest) = Driven::resting().1.next else { panic!("it rests") };
    assert_eq!(rest.shortened(100), (PAUSE, TTL / 3 * 9 / 10 - PAUSE));
    assert_eq!(rest.shortened(u32::MAX), rest.shortened(100));
}

#[test]
fn a_renewal_comes_sooner_if_the_window_is_short() {
    let rest = |remaining| {
        let now = Now { remaining: Some(remaining), ..NOW };
        let (time, more) = Driven::resting().renewed(renewal(250), &now).then(Event::Looked, &now).rest();
        time + more
    };
    assert_eq!((rest(TTL * 2), rest(TTL / 2)), (TTL / 3, TTL / 6));
    assert_eq!((rest(TTL / 6), rest(Duration::ZERO)), (TTL / 12, TTL / 12));
}

#[test]
fn the_end_of_the_window_is_reported_unless_the_generator_was_shut_down() {
    Driven::resting().then(Event::Woken, &OVER).does("WindowEnded Measure", "Renew(3, 0)");
    Driven::resting().renewed(fails(), &OVER).does("Failed WindowEnded", "Rest");
    let ended = Now { has_ended: true, ..OVER };
    Driven::resting().then(Event::Woken, &ended).does("Measure", "Renew(3, 0)");
    Driven::resting().renewed(fails(), &ended).does("Failed(silently)", "Rest");
}

/// Would catch: a keeper that never gives up a forgotten lease, because the clock panics at each reading.
#[test]
fn l12_a_forgotten_lease_is_given_up_after_one_ttl_even_if_the_clock_panics() {
    let forgotten = || Driven::resting().renewed(lost(LostReason::StoreChanged), &NOW);
    let panicked = |seconds| Now { remaining: None, ..at(seconds) };
    forgotten().then(Event::Woken, &panicked(1011)).does("Failed WindowEnded", "Rest");
    forgotten().then(Event::Woken, &panicked(1012)).does("WindowEnded", "Close");
}

#[test]
fn a_clock_that_panics_costs_one_attempt() {
    let panicked = Now { remaining: None, ..NOW };
    let failed = Driven::resting().then(Event::Woken, &panicked).does("Failed WindowEnded", "Rest");
    failed.then(Event::Woken, &NOW).does("Measure", "Renew(3, 0)");
}

#[test]
fn l9_the_store_clock_moves_back_only_if_it_is_a_ttl_ahead() {
    let ahead = |by: Duration| {
        let ns = STORE_NS + u64::try_from(by.as_nanos()).unwrap();
        Now { store_clock_ns: Some(ns), ..NOW }
    };
    let step = |now: &Now| shown(&Driven::resting().renewed(renewal(250), now).1).0;
    assert_eq!(step(&ahead(TTL - Duration::from_nanos(1))), "ExtendFence(250) SetClock Trust");
    assert_eq!(step(&ahead(TTL)), "ExtendFence(250) SetClock(back) Trust");
    assert_eq!(step(&Now { store_clock_ns: None, ..NOW }), "ExtendFence(250) SetClock Trust");
    let behind = |step: &Step| {
        step.effects.iter().find_map(|effect| match effect {
            Effect::Recorded { behind, .. } => *behind,
            Effect::Behind(by) => Some(*by),
            _ => None,
        })
    };
    let renewed = Driven::resting().renewed(renewal(250), &ahead(TTL)).then(Event::Looked, &NOW);
    assert_eq!(behind(&renewed.1), Some(TTL), "calls are told by how much");
    let drawn = Driven::closed(None).then(Event::Drawn(Ok(SECOND.token)), &ahead(TTL));
    let granted = drawn.then(Event::Granted(Ok(Grant::new(SECOND, STORE_NS))), &NOW);
    let granted = granted.does("SetClock(back) Trust", "Publish(5, 150)");
    let granted = granted.then(Event::Published(Ok(())), &NOW).then(Event::Looked, &NOW);
    assert_eq!(behind(&granted.1), Some(TTL));
}

/// Would catch: a `StoreClock` that is moved back by the time that an answer took, so that IDs are of the past.
#[test]
fn l9_a_slow_answer_does_not_move_the_store_clock_back() {
    let late = Now { store_clock_ns: Some(STORE_NS + 20_000_000_000), ..at(1020) };
    let asked = Driven::resting().then(Event::Woken, &NOW);
    asked.then(Event::Renewed(renewal(250)), &late).does("ExtendFence(250) SetClock Trust", "Look");
    let asked = Driven::closed(None).then(Event::Drawn(Ok(SECOND.token)), &NOW);
    let granted = Event::Granted(Ok(Grant::new(SECOND, STORE_NS)));
    asked.then(granted, &late).does("SetClock Trust", "Publish(5, 150)");
    let retried = Driven::closed(None).then(Event::Drawn(Ok(SECOND.token)), &NOW);
    let retried = retried.then(Event::Granted(fails()), &NOW).then(Event::Woken, &late);
    let granted = Event::Granted(Ok(Grant::new(SECOND, STORE_NS + 20_000_000_000)));
    retried.then(granted, &late).does("SetClock Trust", "Publish(5, 150)");
}

/// Would catch: a lease of another process that is used, because a store has answered with it.
#[test]
fn l16_a_grant_with_another_token_is_not_used() {
    let asked = Driven::closed(None).then(Event::Drawn(Ok(SECOND.token)), &NOW);
    let refused = asked.then(Event::Granted(Ok(Grant::new(FIRST, STORE_NS))), &NOW).does("Failed", "Rest");
    let again = refused.then(Event::Woken, &NOW);
    assert!(matches!(again.1.next, Next::Acquire { token, .. } if token == SECOND.token), "{:?}", again.1.next);
}

#[test]
fn l19_an_event_that_is_not_awaited_costs_a_rest_and_nothing_else() {
    let events = || [Event::Looked, Event::Closed(None), Event::Released(Ok(())), Event::Ended(None)];
    for event in events() {
        let rests = Driven::resting().then(event, &NOW).does("", "Rest");
        assert_eq!(rests.0.held, Held::Lease(FIRST));
        rests.then(Event::Woken, &NOW).does("Measure", "Renew(3, 0)");
    }
}
