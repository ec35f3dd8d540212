//! The clauses on reports, and on the waiting calls.

use std::time::Duration;

use casflake_lease::_simulation::{Effect, Event, Keeper, Next, Now};
use casflake_lease::{LostReason, StoreError};

use super::{Decided, decided, is_failure, with, without};

fn is_tell(effect: &Effect) -> bool {
    matches!(effect, Effect::Tell)
}

pub(crate) fn tell_no_renewal(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, step) = decided(keeper, event, now);
    let is_renewal = step.effects.iter().any(|effect| matches!(effect, Effect::Renewed { .. }));
    without((keeper, step), |effect| is_renewal && is_tell(effect))
}

pub(crate) fn tell_no_grant(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, step) = decided(keeper, event, now);
    let is_grant = step.effects.iter().any(|effect| matches!(effect, Effect::Acquired { .. }));
    without((keeper, step), |effect| is_grant && is_tell(effect))
}

pub(crate) fn tell_no_end(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_end = matches!(event, Event::Ended(_));
    without(decided(keeper, event, now), |effect| is_end && is_tell(effect))
}

fn failure(is_reported: bool) -> Effect {
    let (remaining, pause) = (Duration::ZERO, Duration::ZERO);
    Effect::Failed { error: StoreError::Contended { attempts: 1 }, remaining, pause, is_reported }
}

pub(crate) fn report_failures_twice(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    with(decided(keeper, event, now), is_failure, || failure(!now.has_ended))
}

pub(crate) fn report_no_failure(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), is_failure)
}

pub(crate) fn report_after_the_end(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    for effect in step.effects.iter_mut().filter(|effect| is_failure(effect)) {
        *effect = failure(true);
    }
    (keeper, step)
}

fn is_loss(effect: &Effect) -> bool {
    matches!(effect, Effect::Lost { .. })
}

pub(crate) fn report_no_loss(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), is_loss)
}

pub(crate) fn report_losses_again(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_forgotten = matches!(event, Event::Renewed(Err(StoreError::Lost { reason: LostReason::StoreChanged, .. })));
    let (keeper, mut step) = decided(keeper, event, now);
    if is_forgotten && matches!(step.next, Next::Rest(_)) && !step.effects.iter().any(is_loss) {
        let (reason, pause) = (LostReason::StoreChanged, Duration::ZERO);
        step.effects.push(Effect::Lost { worker: 0, reason, pause });
    }
    (keeper, step)
}

/// Reports a loss before the generator is closed.
pub(crate) fn report_losses_early(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let told = match &event {
        Event::Renewed(Err(StoreError::Lost { worker, reason })) => Some((*worker, *reason)),
        _ => None,
    };
    let is_closed = matches!(event, Event::Closed(_));
    let (keeper, mut step) = without(decided(keeper, event, now), |effect| is_closed && is_loss(effect));
    if let (Some((worker, reason)), Next::Close) = (told, &step.next) {
        step.effects.push(Effect::Lost { worker, reason, pause: Duration::ZERO });
    }
    (keeper, step)
}

pub(crate) fn report_renewals_twice(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    let again = step.effects.iter().find_map(|effect| match effect {
        Effect::Renewed { lease, remaining } => Some(Effect::Renewed { lease: *lease, remaining: *remaining }),
        _ => None,
    });
    step.effects.extend(again);
    (keeper, step)
}

pub(crate) fn report_no_grant(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), |effect| matches!(effect, Effect::Acquired { .. }))
}

pub(crate) fn record_no_renewal(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), |effect| matches!(effect, Effect::Recorded { .. }))
}

pub(crate) fn report_the_end_after_a_shutdown(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let has_ended = now.has_ended && !matches!(event, Event::Woken);
    decided(keeper, event, &Now { has_ended, ..*now })
}

pub(crate) fn report_no_end_of_a_window(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), |effect| matches!(effect, Effect::WindowEnded))
}
