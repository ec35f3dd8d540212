//! The shipped step, each time without one clause.

mod reports;
mod store;
mod window;

use casflake_lease::_simulation::{Effect, Event, Keeper, Next, Now, Step};

pub(crate) use self::reports::*;
pub(crate) use self::store::*;
pub(crate) use self::window::*;

/// The result of [`Keeper::step`].
type Decided = (Keeper, Step);

/// Leaves out the effects that `is_it` accepts.
fn without((keeper, mut step): Decided, is_it: impl Fn(&Effect) -> bool) -> Decided {
    step.effects.retain(|effect| !is_it(effect));
    (keeper, step)
}

/// Adds `effect` behind each effect that `is_it` accepts.
fn with((keeper, mut step): Decided, is_it: impl Fn(&Effect) -> bool, effect: impl Fn() -> Effect) -> Decided {
    step.effects = step
        .effects
        .into_iter()
        .flat_map(|one| {
            let added = is_it(&one).then(&effect);
            [one].into_iter().chain(added)
        })
        .collect();
    (keeper, step)
}

/// Gives the keeper `answer` immediately if `is_it` accepts what it wants to do next.
fn skipping(
    (keeper, Step { mut effects, next }): Decided,
    now: &Now,
    is_it: impl Fn(&Next) -> bool,
    answer: Event,
) -> Decided {
    if !is_it(&next) {
        return (keeper, Step { effects, next });
    }
    let (keeper, step) = keeper.step(answer, now);
    effects.extend(step.effects);
    (keeper, Step { effects, next: step.next })
}

fn decided(keeper: &Keeper, event: Event, now: &Now) -> Decided {
    keeper.clone().step(event, now)
}

fn has_failed(step: &Step) -> bool {
    step.effects.iter().any(is_failure)
}

fn is_failure(effect: &Effect) -> bool {
    matches!(effect, Effect::Failed { .. })
}
