//! The clauses on what the keeper asks of the store, and when.

use casflake_lease::_simulation::{Event, Held, Keeper, Next, Now, Unpublished};
use casflake_lease::{Lease, Token};

use super::{Decided, decided, has_failed, skipping};

fn is_release(next: &Next) -> bool {
    matches!(next, Next::Release { .. })
}

pub(crate) fn keep_unfit(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_unfit = matches!(event, Event::Published(Err(Unpublished::Unfit(_))));
    skipping(decided(keeper, event, now), now, |next| is_unfit && is_release(next), Event::Released(Ok(())))
}

pub(crate) fn keep_late(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_late = matches!(event, Event::Published(Err(Unpublished::Ended)));
    skipping(decided(keeper, event, now), now, |next| is_late && is_release(next), Event::Released(Ok(())))
}

pub(crate) fn keep_at_the_end(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_end = matches!(event, Event::Ended(_));
    skipping(decided(keeper, event, now), now, |next| is_end && is_release(next), Event::Released(Ok(())))
}

pub(crate) fn release_all_ticks(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Release { last_tick, .. } = &mut step.next {
        *last_tick = None;
    }
    (keeper, step)
}

pub(crate) fn end_without_the_switch(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    skipping(decided(keeper, event, now), now, |next| matches!(next, Next::End), Event::Ended(None))
}

/// Asks with another token after a rest.
pub(crate) fn draw_after_a_failure(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_woken = matches!(event, Event::Woken);
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Acquire { token, .. } = &mut step.next
        && is_woken
    {
        *token = Token::numbered(100);
    }
    (keeper, step)
}

/// Draws the same token each time, as if the token were kept after the grant.
pub(crate) fn draw_once(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let event = match event {
        // The tokens of a process have every other number of the model, and each of these is doubled.
        Event::Drawn(Ok(token)) => Event::Drawn(Ok(Token::numbered(if token.pick(4) == 2 { 2 } else { 4 }))),
        event => event,
    };
    decided(keeper, event, now)
}

fn is_rest(next: &Next) -> bool {
    matches!(next, Next::Rest(_))
}

pub(crate) fn no_rest_after_a_failure(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, step) = decided(keeper, event, now);
    let has_failed = has_failed(&step);
    let ended = Now { has_ended: true, ..*now };
    skipping((keeper, step), &ended, |next| has_failed && is_rest(next), Event::Woken)
}

pub(crate) fn no_rest_after_a_renewal(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let has_looked = matches!(event, Event::Looked);
    let ended = Now { has_ended: true, ..*now };
    skipping(decided(keeper, event, now), &ended, |next| has_looked && is_rest(next), Event::Woken)
}

pub(crate) fn no_rest_after_a_return(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_returned = matches!(event, Event::Released(_));
    let ended = Now { has_ended: true, ..*now };
    skipping(decided(keeper, event, now), &ended, |next| is_returned && is_rest(next), Event::Woken)
}

pub(crate) fn count_no_unanswered(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Renew { unanswered, .. } = &mut step.next {
        *unanswered = 0;
    }
    (keeper, step)
}

/// Counts one unanswered renewal for ever.
pub(crate) fn count_all_unanswered(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Renew { lease, unanswered } = &mut step.next {
        *unanswered = lease.counter() - 1;
    }
    (keeper, step)
}

pub(crate) fn renew_the_first_lease(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let (keeper, mut step) = decided(keeper, event, now);
    if let Next::Renew { lease, .. } = &mut step.next {
        *lease = Lease::new(lease.worker(), lease.from(), lease.from() + 1, 1, lease.token());
    }
    (keeper, step)
}

/// Goes on as after a rest.
pub(crate) fn stop_never(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let ended = Now { has_ended: true, ..*now };
    match event {
        // The end of the window is not reported, because the model expects no report now.
        Event::Stopped => decided(keeper, Event::Woken, &ended),
        event => decided(keeper, event, now),
    }
}

/// Rests again when it wakes without a lease.
pub(crate) fn give_up_after_a_refusal(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    let is_idle = matches!((keeper.held(), &event), (Held::Nothing, Event::Woken));
    let (changed, step) = decided(keeper, event, now);
    // The keeper awaits a token or a grant now, and rests after any other answer.
    if is_idle { skipping((changed, step), now, |_| true, Event::Looked) } else { (changed, step) }
}
