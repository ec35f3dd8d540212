//! The row of a shipped table that a step has taken, from what went in and what came out.

use casflake_lease::_simulation::{Effect, Event, Held, Next, StartEvent, StartNext};
use casflake_lease::{LostReason, StoreError};

/// Returns the name of an event of the keeper.
pub(crate) const fn name(event: &Event) -> &'static str {
    match event {
        Event::Woken => "woken",
        Event::Stopped => "stopped",
        Event::Renewed(Ok(_)) => "renewed",
        Event::Renewed(Err(StoreError::Lost { reason: LostReason::StoreChanged, .. })) => "forgotten",
        Event::Renewed(Err(StoreError::Lost { .. })) => "lost",
        Event::Renewed(Err(_)) => "not renewed",
        Event::Looked => "looked",
        Event::Closed(_) => "closed",
        Event::Drawn(Ok(_)) => "drawn",
        Event::Drawn(Err(_)) => "not drawn",
        Event::Granted(Ok(_)) => "granted",
        Event::Granted(Err(_)) => "not granted",
        Event::Published(_) => "published",
        Event::Released(_) => "released",
        Event::Ended(_) => "ended",
    }
}

/// Returns the row of the table in `keeper.rs` that a step has taken; 0 if none fits. `name` is the name of the event,
/// and `held` is the state before the step.
pub(crate) fn of_keeper(name: &str, held: &Held, effects: &[Effect], next: &Next) -> usize {
    let has_failed = effects.iter().any(|effect| matches!(effect, Effect::Failed { .. }));
    match (name, next) {
        ("woken", Next::Rest(_)) => 1,
        ("woken", Next::Renew { .. }) if matches!(held, Held::Lease(_)) => 2,
        ("woken", Next::Renew { .. }) => 3,
        ("woken", Next::Close) => 4,
        ("woken", Next::Acquire { .. }) => 5,
        ("woken", Next::DrawToken) => 6,
        ("stopped", _) => 7,
        ("renewed", Next::Look) => 8,
        ("renewed", _) => 9,
        ("forgotten", Next::Rest(_)) => 10,
        ("forgotten", _) => 11,
        ("lost", _) => 12,
        ("not renewed", _) => 13,
        ("looked", _) if effects.iter().any(|effect| matches!(effect, Effect::Recorded { .. })) => 14,
        ("looked", _) => 15,
        ("closed", _) => 16,
        ("drawn", _) => 17,
        ("not drawn", _) => 18,
        ("granted", _) => 19,
        ("not granted", _) => 20,
        ("published", Next::Look) => 21,
        ("published", _) if has_failed => 22,
        ("published", _) => 23,
        ("released", Next::Rest(_)) => 24,
        ("ended", Next::Release { .. }) => 25,
        ("ended", _) => 26,
        ("released", _) => 27,
        _ => 0,
    }
}

/// The event of a step of `Start`, as far as the row of the step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartWas {
    Drawn,
    Granted,
    Made,
    NotMade,
    Refused,
    ListedForCreation,
    Listed,
    Paused,
    Released,
}

impl StartWas {
    pub(crate) const fn of(event: &StartEvent, creates: bool) -> Self {
        match event {
            StartEvent::Drawn(Ok(_)) => Self::Drawn,
            StartEvent::Granted(Ok(_)) => Self::Granted,
            StartEvent::Made(Ok(())) => Self::Made,
            StartEvent::Made(Err(_)) => Self::NotMade,
            StartEvent::Drawn(Err(_)) | StartEvent::Granted(Err(_)) => Self::Refused,
            StartEvent::Listed(_) if creates => Self::ListedForCreation,
            StartEvent::Listed(_) => Self::Listed,
            StartEvent::Paused => Self::Paused,
            StartEvent::Released => Self::Released,
        }
    }
}

/// Returns the rows of the table in `start.rs`. `creates` says that the list that is asked for decides on the creation of
/// the space. A list that is asked for otherwise is counted with its answer.
pub(crate) fn of_start(was: StartWas, next: &StartNext, creates: bool) -> &'static [&'static str] {
    match (was, next) {
        (StartWas::Drawn, _) => &["start: a token is drawn"],
        (StartWas::Granted, _) => &["start: granted"],
        (StartWas::Made, _) => &["start: a generator is made"],
        (StartWas::NotMade, _) => &["start: no generator can be made"],
        (StartWas::Refused, StartNext::ListOthers) if creates => &["start: no space, may create it"],
        (StartWas::ListedForCreation, StartNext::Acquire { .. }) => &["start: no other spaces, creates it"],
        (StartWas::ListedForCreation, _) => &["start: other spaces, or they can't be listed"],
        (StartWas::Listed, StartNext::Fail(_)) => {
            &["start: fails without a space, asks for names", "start: fails with the names"]
        }
        (StartWas::Listed, _) => &["start: waits without a space, asks for names", "start: waits with the names"],
        (_, StartNext::Fail(_)) => &["start: fails immediately"],
        (StartWas::Paused, StartNext::Acquire { .. }) => &["start: paused, has a token"],
        (StartWas::Paused, _) => &["start: paused, has no token"],
        (_, StartNext::Pause(_)) => &["start: waits"],
        _ => &[],
    }
}
