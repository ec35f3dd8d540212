//! The clauses on the window of a lease, and on the clocks.

use std::time::Duration;

use casflake_lease::_simulation::{Effect, Event, Held, Keeper, Next, Now};
use casflake_lease::{Grant, LostReason, StoreError};

use super::{Decided, decided, has_failed, is_failure, skipping, with, without};

fn is_trust(effect: &Effect) -> bool {
    matches!(effect, Effect::Trust)
}

pub(crate) fn measure_never(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), |effect| matches!(effect, Effect::Measure))
}

pub(crate) fn measure_after_the_answer(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if step.effects.iter().any(is_trust) {
        step.effects.insert(0, Effect::Measure);
    }
    (keeper, step)
}

pub(crate) fn trust_no_renewal(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_renewal = matches!(event, Event::Renewed(_));
    without(decided(keeper, event, now), |effect| is_renewal && is_trust(effect))
}

pub(crate) fn trust_no_grant(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_grant = matches!(event, Event::Granted(_));
    without(decided(keeper, event, now), |effect| is_grant && is_trust(effect))
}

pub(crate) fn trust_after_a_failure(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    with(decided(keeper, event, now), is_failure, || Effect::Trust)
}

/// Puts another reason, or another error if `to` is `None`, in the place of the reason `from` of a loss.
fn lost_as(event: Event, from: LostReason, to: Option<LostReason>) -> Event {
    match event {
        Event::Renewed(Err(StoreError::Lost { worker, reason })) if reason == from => {
            let unanswered = StoreError::Contended { attempts: 1 };
            Event::Renewed(Err(to.map_or(unanswered, |reason| StoreError::Lost { worker, reason })))
        }
        event => event,
    }
}

/// Leaves out the failure that a changed event brings with it, because the model expects no failure.
fn silently(decided: Decided) -> Decided {
    without(decided, |effect| matches!(effect, Effect::Failed { .. } | Effect::WindowEnded))
}

/// Gives the keeper another error in place of a loss for the reason `from`, but reports the loss, because the model
/// expects that report.
fn reporting(keeper: &Keeper, event: Event, now: &Now, from: LostReason) -> Decided {
    let Event::Renewed(Err(StoreError::Lost { worker, reason })) = event else { return decided(keeper, event, now) };
    if reason != from {
        return decided(keeper, event, now);
    }
    let (keeper, mut step) = silently(decided(keeper, lost_as(event, from, None), now));
    step.effects.push(Effect::Lost { worker, reason, pause: Duration::ZERO });
    (keeper, step)
}

pub(crate) fn ignore_taken(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    reporting(keeper, event, now, LostReason::Taken)
}

pub(crate) fn ignore_cloned(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    reporting(keeper, event, now, LostReason::Cloned)
}

pub(crate) fn ignore_initialised(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    reporting(keeper, event, now, LostReason::Initialised)
}

pub(crate) fn take_for_forgotten(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    decided(keeper, lost_as(event, LostReason::Taken, Some(LostReason::StoreChanged)), now)
}

pub(crate) fn forgotten_as_taken(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    decided(keeper, lost_as(event, LostReason::StoreChanged, Some(LostReason::Taken)), now)
}

pub(crate) fn error_as_taken(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (held, event) = match (keeper.held(), event) {
        (Held::Lease(lease), Event::Renewed(Err(StoreError::Contended { .. }))) => {
            let lost = StoreError::Lost { worker: lease.worker(), reason: LostReason::Taken };
            (Some(lease), Event::Renewed(Err(lost)))
        }
        (_, event) => (None, event),
    };
    let (keeper, mut step) = decided(keeper, event, now);
    // The failure is reported as a failure.
    if held.is_some() {
        let error = StoreError::Contended { attempts: 1 };
        let (remaining, is_reported) = (now.remaining.unwrap_or_default(), !now.has_ended);
        step.effects = vec![Effect::Failed { error, remaining, pause: Duration::ZERO, is_reported }];
        step.effects.extend((remaining.is_zero() && is_reported).then_some(Effect::WindowEnded));
    }
    (keeper, step)
}

pub(crate) fn forget_since_when(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    decided(keeper, event, &Now { at: Duration::ZERO, ..*now })
}

pub(crate) fn forget_since_when_if_the_clock_panics(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let at = if now.remaining.is_none() { Duration::ZERO } else { now.at };
    decided(keeper, event, &Now { at, ..*now })
}

pub(crate) fn forget_the_window(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_over = now.remaining.is_some_and(|remaining| remaining.is_zero());
    let is_forgotten = matches!(keeper.held(), Held::Forgotten { .. });
    let (is_woken, is_failure) = (matches!(event, Event::Woken), matches!(event, Event::Renewed(Err(_))));
    let remaining = if is_forgotten && (is_woken || is_failure) { Some(Duration::MAX) } else { now.remaining };
    let (keeper, mut step) = decided(keeper, event, &Now { remaining, ..*now });
    if is_woken && is_forgotten && is_over && !now.has_ended {
        step.effects.push(Effect::WindowEnded);
    }
    (keeper, step)
}

pub(crate) fn close_nothing(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    skipping(decided(keeper, event, now), now, |next| matches!(next, Next::Close), Event::Closed(None))
}

/// Acquires another lease as soon as the store has forgotten the lease, and leaves the generator open.
pub(crate) fn close_no_forgotten(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_forgotten = matches!(keeper.held(), Held::Forgotten { .. });
    let is_over = !now.at.is_zero() || now.remaining.is_none_or(|left| left.is_zero());
    if !is_forgotten || !matches!(event, Event::Woken) || is_over {
        return decided(keeper, event, now);
    }
    let over = Now { remaining: Some(Duration::ZERO), ..*now };
    let (keeper, step) = silently(decided(keeper, event, &over));
    skipping((keeper, step), now, |next| matches!(next, Next::Close), Event::Closed(None))
}

pub(crate) fn forget_the_last_tick(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let event = if let Event::Closed(_) = event { Event::Closed(None) } else { event };
    decided(keeper, event, now)
}

pub(crate) fn ask_for_any_window(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Acquire { after, .. } = &mut step.next {
        *after = None;
    }
    (keeper, step)
}

pub(crate) fn begin_with_the_window(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Publish { lease, from } = &mut step.next {
        *from = lease.from();
    }
    (keeper, step)
}

pub(crate) fn extend_beyond_the_grant(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    for effect in &mut step.effects {
        if let Effect::ExtendFence(until) = effect {
            *until += 1;
        }
    }
    (keeper, step)
}

pub(crate) fn extend_after_a_failure(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_renewal = matches!(event, Event::Renewed(_));
    let (keeper, mut step) = decided(keeper, event, now);
    if let Held::Lease(lease) = keeper.held()
        && is_renewal
        && has_failed(&step)
    {
        step.effects.extend([Effect::ExtendFence(lease.until() + 1), Effect::Tell]);
    }
    (keeper, step)
}

pub(crate) fn extend_never(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    without(decided(keeper, event, now), |effect| matches!(effect, Effect::ExtendFence(_)))
}

/// Uses the end of any lease that the store returns.
pub(crate) fn extend_for_any_lease(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let returned = match &event {
        Event::Renewed(Ok(Grant { lease, .. })) => Some(*lease),
        _ => None,
    };
    let (keeper, mut step) = decided(keeper, event, now);
    if let Some(lease) = returned
        && has_failed(&step)
    {
        step.effects.extend([Effect::ExtendFence(lease.until()), Effect::Tell]);
    }
    (keeper, step)
}

/// Asks the store about a forgotten lease again and again.
pub(crate) fn ask_about_the_forgotten(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_over = now.remaining.is_some_and(|remaining| remaining.is_zero());
    let is_woken = matches!(event, Event::Woken);
    let now_and_ever = Now { remaining: now.remaining.map(|_| Duration::MAX), at: Duration::ZERO, ..*now };
    let (keeper, mut step) = match keeper.held() {
        Held::Forgotten { .. } => decided(keeper, event, &now_and_ever),
        _ => return decided(keeper, event, now),
    };
    if is_woken && is_over && !now.has_ended {
        step.effects.push(Effect::WindowEnded);
    }
    (keeper, step)
}
