//! The rules for spaces that are created, vouched for and remade.

use casflake_lease::{Lease, LostReason};
use lease_explorer::protocol::{
    Ask, Decision, Denied, Finding, IfAbsent, Known, LOST, Operation, Terms, View, acquire, explain, init,
    init_immediately,
};

use super::losses::without_second_look;

pub(crate) fn acquire_creating_the_space(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    let if_absent = if ask.if_absent == IfAbsent::Refuse { IfAbsent::Create } else { ask.if_absent.clone() };
    acquire(view, &Ask { if_absent, ..ask.clone() }, terms)
}

pub(crate) fn acquire_without_remaking(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: IfAbsent::Refuse, ..ask.clone() }, terms)
}

pub(crate) fn explain_without_remaking(
    view: &View,
    held: &Lease,
    unanswered: u64,
    _: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, held, unanswered, &IfAbsent::Refuse, terms)
}

/// Returns `if_absent` as if this store had granted the lease.
fn granted_here(view: &View, if_absent: &IfAbsent) -> IfAbsent {
    match if_absent {
        IfAbsent::Remake(known) => IfAbsent::Remake(Known { place: view.place.clone(), ..known.clone() }),
        other => other.clone(),
    }
}

pub(crate) fn acquire_remaking_anywhere(view: &View, ask: &Ask, terms: &Terms) -> Result<Decision, Denied> {
    acquire(view, &Ask { if_absent: granted_here(view, &ask.if_absent), ..ask.clone() }, terms)
}

pub(crate) fn explain_remaking_anywhere(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    explain(view, held, unanswered, &granted_here(view, if_absent), terms)
}

pub(crate) fn init_without_second_look(view: &View, workers: u64, terms: &Terms) -> Option<Operation> {
    match init(view, workers, terms)? {
        Operation::Begin(change) => Some(Operation::Finish(without_second_look(view, change))),
        finish => Some(finish),
    }
}

/// Vouches for an absent space as if it had been seen after its creation.
pub(crate) fn init_immediately_in_one_step(view: &View, workers: u64, terms: &Terms) -> Result<Operation, Denied> {
    match init_immediately(view, workers, terms)? {
        Operation::Begin(change) => {
            let seen = View { space: change.space, ..view.clone() };
            init_immediately(&seen, workers, terms)
        }
        finish => Ok(finish),
    }
}

pub(crate) fn explain_using_the_window_up(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Initialised)) => LOST,
        finding => finding,
    }
}

/// Lets a holder use up its window as if no other process had been granted the worker meanwhile.
pub(crate) fn explain_using_the_window_up_beside_another(
    view: &View,
    held: &Lease,
    unanswered: u64,
    if_absent: &IfAbsent,
    terms: &Terms,
) -> Finding {
    let is_less = view.records.get(&held.worker()).is_some_and(|record| record.counter < held.counter());
    match explain(view, held, unanswered, if_absent, terms) {
        Finding::Denied(Denied::Lost(LostReason::Taken)) if is_less => LOST,
        finding => finding,
    }
}
