//! The program's callback: it judges the order of the events, and misbehaves at times.

use std::panic::resume_unwind;

use casflake_lease::LeaseEvent;

use crate::process::{Proc, State};
use crate::violation::Kind;
use crate::world::{Planted, World, world};

/// Handles an event of the process `index`. The thread of its keeper calls this function.
pub(crate) fn on_event(index: usize, event: &LeaseEvent<'_>) {
    let world = world();
    let process = world.process(index);
    world.tell(|| {
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| event.to_string()));
        format!("{}: event: {}", process.plan.owner, shown.unwrap_or_else(|_| "(mute)".into()))
    });
    if process.state.get() == State::Killed {
        // It was killed in the middle of a step. The step goes on, but nothing is left of it.
        return;
    }
    if !judge(&process, event) {
        world.broken(Kind::Events, || format!("{}: out of order: {event:?}", process.plan.owner));
    }
    if world.scenario.borrow().callbacks {
        misbehave(&world, &process);
    }
}

/// Returns whether `event` may follow the events so far.
fn judge(process: &Proc, event: &LeaseEvent<'_>) -> bool {
    let is_starting = process.state.get() == State::Starting;
    let account = &mut *process.account.borrow_mut();
    let (has_ended, seen) = (account.ended.is_some(), &mut account.events);
    if seen.is_over {
        return false;
    }
    match event {
        LeaseEvent::Waiting { .. } => is_starting,
        LeaseEvent::Acquired { .. } => {
            seen.acquired += 1;
            true
        }
        LeaseEvent::Renewed { .. } => {
            seen.renewed += 1;
            true
        }
        LeaseEvent::StoreFailed { .. } => !std::mem::replace(&mut seen.is_failing, true),
        LeaseEvent::StillFailing { failures, .. } => seen.is_failing && *failures > 1,
        LeaseEvent::Ended { .. } => !std::mem::replace(&mut seen.has_ended, true),
        LeaseEvent::Recovered { failures, .. } => {
            let (was_failing, had_ended) = (std::mem::take(&mut seen.is_failing), std::mem::take(&mut seen.has_ended));
            (was_failing || had_ended) && was_failing == (*failures > 0)
        }
        LeaseEvent::Lost { .. } => true,
        LeaseEvent::Released { .. } => {
            seen.is_over = true;
            true
        }
        // Before the end, it is about a lease of which no generator could be made.
        LeaseEvent::NotReleased { .. } => {
            seen.is_over = has_ended;
            true
        }
        _ => false,
    }
}

fn misbehave(world: &World, process: &Proc) {
    match world.random.below(100) {
        0..5 => {
            world.count("a callback panics");
            resume_unwind(Box::new(Planted));
        }
        5..20 => {
            world.count("a callback asks for the statistics");
            let shared = process.shared.borrow().clone();
            if let Some(shared) = shared {
                world.without_a_moment(|| drop(shared.stats()));
            }
        }
        20 if process.state.get() == State::Running && !world.is_calm.get() => {
            world.count("a callback shuts down");
            crate::closing::end(world, process);
        }
        _ => {}
    }
}
