//! Each row of the table of `build`'s decisions.

use std::time::Duration;

use super::{BETWEEN_TRIES, Start, StartEvent, StartNext, StartStep};
use crate::error::StoreError;
use crate::generator::keeper::Effect;
use crate::lease::Lease;
use crate::request::Grant;
use crate::terms::RESTORED_WITHIN;
use crate::token::Token;

const TTL: Duration = Duration::from_secs(30);
const STARTED: Duration = Duration::from_secs(1000);
const PATIENCE: Duration = Duration::from_secs(60);
const LEASE: Lease = Lease::new(3, 100, 200, 1, Token::numbered(1));
const STORE_NS: u64 = 1_800_000_000_000_000_000;

/// Drives a `Start`, and keeps its last step.
struct Driven(Start, StartStep);

impl Driven {
    /// Returns a `Start` that has drawn its token, and asks for a lease.
    fn asking(patience: Duration, creates: bool) -> Self {
        let (start, first) = Start::new(TTL, patience, creates, STARTED);
        assert!(matches!(first, StartNext::DrawToken));
        let (start, step) = start.step(StartEvent::Drawn(Ok(LEASE.token)), STARTED, None);
        Self(start, step)
    }

    fn then(self, event: StartEvent, after: Duration) -> Self {
        let (start, step) = self.0.step(event, STARTED + after, Some(0));
        Self(start, step)
    }

    /// Lets the store refuse the request, and the pause that follows pass.
    fn refused(self, error: StoreError, after: Duration) -> Self {
        self.then(StartEvent::Granted(Err(error)), after)
    }

    #[track_caller]
    fn does(self, effects: &str, next: &str) -> Self {
        let effect = |effect: &Effect| match effect {
            Effect::Waiting(StoreError::NoSpace { others, .. }) => format!("Waiting({others:?})"),
            effect => name(&format!("{effect:?}")),
        };
        let effects_here = self.1.effects.iter().map(effect).collect::<Vec<_>>().join(" ");
        let next_here = match &self.1.next {
            StartNext::Acquire { token, missing } => {
                assert_eq!(*token, LEASE.token);
                format!("Acquire({missing:?})")
            }
            StartNext::Pause(time) => format!("Pause({})", time.as_millis()),
            StartNext::Fail(StoreError::NoSpace { others, .. }) => format!("Fail({others:?})"),
            StartNext::Fail(error) => format!("Fail({})", name(&format!("{error:?}"))),
            next => name(&format!("{next:?}")),
        };
        assert_eq!((&*effects_here, &*next_here), (effects, next));
        self
    }
}

fn name(debug: &str) -> String {
    debug.chars().take_while(|char| char.is_alphanumeric()).collect()
}

fn no_space() -> StoreError {
    StoreError::NoSpace { space: "s".into(), place: "p".into(), others: Vec::new(), layout: "l".into() }
}

fn busy() -> StoreError {
    StoreError::NoFreeWorker { workers: 1, retry_after: Duration::from_secs(1) }
}

fn corrupt() -> StoreError {
    StoreError::corrupt("the lease", "no such worker")
}

fn listed(names: &[&str]) -> StartEvent {
    StartEvent::Listed(Ok(names.iter().map(ToString::to_string).collect()))
}

fn granted() -> StartEvent {
    StartEvent::Granted(Ok(Grant::new(LEASE, STORE_NS)))
}

const SOON: Duration = Duration::from_secs(1);

#[test]
fn a_lease_is_measured_before_it_is_asked_for_and_trusted_after_it_is_granted() {
    let asking = Driven::asking(Duration::ZERO, false).does("Measure", "Acquire(Refuse)");
    let making = asking.then(granted(), SOON).does("SetClock Trust", "Make");
    let done = making.then(StartEvent::Made(Ok(())), SOON).does("", "Done");
    assert!(matches!(done.1.next, StartNext::Done { lease: LEASE, behind: None }));
}

#[test]
fn l14_a_first_lease_of_which_no_generator_can_be_made_is_released() {
    let making = Driven::asking(PATIENCE, false).then(granted(), SOON);
    let releasing = making.then(StartEvent::Made(Err(corrupt())), SOON).does("", "Release");
    assert!(matches!(releasing.1.next, StartNext::Release(LEASE)));
    releasing.then(StartEvent::Released, SOON).does("", "Fail(Corrupt)");
}

#[test]
fn l16_a_first_token_is_kept_until_a_grant_answers_it() {
    let lost = StoreError::unavailable("asking", "no reply");
    let paused = Driven::asking(PATIENCE, false).refused(lost, SOON).does("Waiting", "Pause(100)");
    paused.then(StartEvent::Paused, SOON).does("Measure", "Acquire(Refuse)");
}

#[test]
fn build_waits_for_a_worker_until_its_patience_is_over() {
    let almost = PATIENCE - Duration::from_millis(30);
    let paused = Driven::asking(PATIENCE, false).refused(busy(), almost).does("Waiting", "Pause(30)");
    let again = paused.then(StartEvent::Paused, PATIENCE);
    again.refused(busy(), PATIENCE).does("", "Fail(NoFreeWorker)");
    Driven::asking(Duration::ZERO, false).refused(busy(), Duration::ZERO).does("", "Fail(NoFreeWorker)");
}

#[test]
fn an_error_that_does_not_pass_ends_the_wait_immediately() {
    Driven::asking(PATIENCE, false).refused(corrupt(), SOON).does("", "Fail(Corrupt)");
}

#[test]
fn l7_a_missing_space_is_created_only_in_a_store_without_others() {
    let listing = Driven::asking(Duration::ZERO, true).refused(no_space(), SOON).does("", "ListOthers");
    let creating = listing.then(listed(&[]), SOON).does("Measure", "Acquire(Create)");
    // The store is asked for its spaces only once.
    creating.refused(no_space(), SOON).does("", "ListOthers").then(listed(&[]), SOON).does("", "Fail([])");
    let unknown = || StartEvent::Listed(Err(StoreError::unavailable("listing", "no store")));
    let paused = |answer| {
        let listing = Driven::asking(PATIENCE, true).refused(no_space(), SOON);
        let named = listing.then(answer, SOON).does("", "ListOthers").then(listed(&["other"]), SOON);
        let paused = named.does("Waiting([\"other\"])", "Pause(100)");
        paused.then(StartEvent::Paused, SOON).does("Measure", "Acquire(Refuse)").refused(no_space(), SOON)
    };
    paused(listed(&["other"])).does("Waiting([])", "Pause(100)");
    // A store that could not list its spaces is asked again, and the space is created.
    let again = paused(unknown()).does("", "ListOthers").then(unknown(), SOON).does("Waiting([])", "Pause(100)");
    let again = again.then(StartEvent::Paused, SOON).refused(no_space(), SOON).does("", "ListOthers");
    again.then(listed(&[]), SOON).does("Measure", "Acquire(Create)");
}

#[test]
fn an_error_about_a_missing_space_is_named_once_while_build_waits_and_at_its_end() {
    let paused = Driven::asking(PATIENCE, false).refused(no_space(), SOON).does("", "ListOthers");
    let paused = paused.then(listed(&["other"]), SOON).does("Waiting([\"other\"])", "Pause(100)");
    let again = paused.then(StartEvent::Paused, SOON).refused(no_space(), SOON).does("Waiting([])", "Pause(100)");
    let last = again.then(StartEvent::Paused, PATIENCE).refused(no_space(), PATIENCE).does("", "ListOthers");
    last.then(listed(&["other"]), PATIENCE).does("", "Fail([\"other\"])");
}

/// Would catch: a wait of the whole patience for a space whose name is misspelt.
#[test]
fn build_waits_for_a_missing_space_for_as_long_as_a_holder_needs_to_restore_it() {
    let long = RESTORED_WITHIN * 3;
    let found = Duration::from_secs(7);
    let paused = Driven::asking(long, false).refused(no_space(), found).then(listed(&[]), found);
    let almost = found + RESTORED_WITHIN - BETWEEN_TRIES / 2;
    let paused = paused.then(StartEvent::Paused, SOON).refused(no_space(), almost).does("Waiting([])", "Pause(50)");
    let over = found + RESTORED_WITHIN;
    paused.then(StartEvent::Paused, over).refused(no_space(), over).does("", "ListOthers");
    // Another error has the whole patience.
    let paused = Driven::asking(long, false).refused(no_space(), found).then(listed(&[]), found);
    paused.then(StartEvent::Paused, over).refused(busy(), over).does("Waiting", "Pause(100)");
}

#[test]
fn a_token_that_can_not_be_drawn_is_drawn_again() {
    let failed = || StartEvent::Drawn(Err(StoreError::unavailable("drawing a random number", "no source")));
    let (start, _) = Start::new(TTL, PATIENCE, false, STARTED);
    let (start, step) = start.step(failed(), STARTED, None);
    let paused = Driven(start, step).does("Waiting", "Pause(100)");
    paused.then(StartEvent::Paused, SOON).does("", "DrawToken").then(failed(), PATIENCE).does("", "Fail(Unavailable)");
}

/// Would catch: a `StoreClock` that is moved back by the time that an answer took.
#[test]
fn l9_the_store_clock_moves_back_only_if_it_was_ahead_before_the_request() {
    let moves_back = |asked_ns, answered_ns| {
        let (start, _) = Start::new(TTL, PATIENCE, false, STARTED);
        let (start, _) = start.step(StartEvent::Drawn(Ok(LEASE.token)), STARTED, Some(asked_ns));
        let granted = StartEvent::Granted(Ok(Grant::new(LEASE, STORE_NS)));
        let (_, step) = start.step(granted, STARTED, Some(answered_ns));
        step.effects.iter().any(|effect| matches!(effect, Effect::SetClock { may_move_back: true, .. }))
    };
    let ahead = STORE_NS + u64::try_from(TTL.as_nanos()).unwrap();
    assert!(moves_back(ahead, ahead) && !moves_back(ahead - 1, ahead) && !moves_back(STORE_NS, 2 * ahead));
}

/// Would catch: a lease of another process that is used, because a store has answered with it.
#[test]
fn l16_a_grant_with_another_token_is_not_used() {
    let other = Lease::new(3, 100, 200, 1, Token::numbered(2));
    let granted = StartEvent::Granted(Ok(Grant::new(other, STORE_NS)));
    Driven::asking(PATIENCE, false).then(granted, Duration::ZERO).does("", "Fail(Corrupt)");
}
