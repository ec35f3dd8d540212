//! Takes out each clause of the keeper's step, from outside: changes what the shipped function gets or decides. The
//! property that then does not hold shows the purpose of the clause.

mod without;

use lease_explorer::keeping::{Decide, Fault, Keepers, Limits, Loss, State};
use lease_explorer::{Bounds, Broken, search};
use without::*;

/// The name of a clause, with the invariant that it is part of if there is one; the step without the clause; the limits
/// of a model that needs it; and a test of the property that must break.
type Clause = (&'static str, Decide, Limits, fn(&Fault) -> bool);

fn foreign(fault: &Fault) -> bool {
    matches!(fault, Fault::Foreign { .. } | Fault::Store(Broken::Overlap { .. }))
}

fn untrusted(fault: &Fault) -> bool {
    matches!(fault, Fault::Untrusted { .. })
}

fn backwards(fault: &Fault) -> bool {
    matches!(fault, Fault::Backwards { .. })
}

fn kept(fault: &Fault) -> bool {
    matches!(fault, Fault::Kept { .. })
}

fn misreported(fault: &Fault) -> bool {
    *fault == Fault::Misreported
}

fn unclosed(fault: &Fault) -> bool {
    *fault == Fault::Unclosed
}

fn overdue(fault: &Fault) -> bool {
    *fault == Fault::Overdue
}

fn closed_early(fault: &Fault) -> bool {
    *fault == Fault::ClosedEarly
}

fn distrusted(fault: &Fault) -> bool {
    *fault == Fault::Distrusted
}

fn untold(fault: &Fault) -> bool {
    *fault == Fault::Untold
}

fn too_often(fault: &Fault) -> bool {
    *fault == Fault::TooOften
}

const OF_THE_WINDOW: &[Clause] = &[
    ("L12: the clocks are measured before each request", measure_never, JUMPS, distrusted),
    ("L12: the clocks are measured before a request, not after its answer", measure_after_the_answer, JUMPS, untrusted),
    ("L12: the clocks are trusted after a renewal", trust_no_renewal, JUMPS, distrusted),
    ("L12: the clocks are trusted after a grant", trust_no_grant, JUMPS, distrusted),
    ("L12: the clocks are not trusted after a failure", trust_after_a_failure, JUMPS, untrusted),
    ("L12: a lease that was taken is given up", ignore_taken, CALM, unclosed),
    ("L12: a lease of which a copy was renewed is given up", ignore_cloned, TOLD, unclosed),
    ("L12: a lease in a space that was initialised is given up", ignore_initialised, TOLD, unclosed),
    ("L12: the window of a lease that was taken is not used up", take_for_forgotten, CALM, unclosed),
    ("L12: the window of a forgotten lease is used for one TTL", forget_since_when, LOSSES, overdue),
    (
        "L12: the window of a forgotten lease is used for one TTL, even if the clock panics",
        forget_since_when_if_the_clock_panics,
        Limits { panics: true, ..LOSSES },
        overdue,
    ),
    ("L12: a forgotten lease is given up after its window", forget_the_window, LOSSES, overdue),
    ("the window of a forgotten lease is used up", forgotten_as_taken, LOSSES, closed_early),
    ("a lease is not given up after an error", error_as_taken, LOSSY, closed_early),
    ("L13: a generator is closed after a loss", close_nothing, CALM, unclosed),
    ("L13: a generator is closed before the next one is published", close_no_forgotten, LOSSES_OF_TWO, |fault| {
        *fault == Fault::TwoOpen
    }),
    ("L13: the last tick of a closed generator is kept", forget_the_last_tick, BACKWARDS, backwards),
    ("L13: a request names the last tick of this process", ask_for_any_window, BACKWARDS, |fault| {
        matches!(fault, Fault::Useless { .. })
    }),
    (
        "L13: a generator begins after the last tick, also if the store ignores it",
        begin_with_the_window,
        Limits { deaf: true, ..BACKWARDS },
        backwards,
    ),
    ("L15: the fence does not go beyond the grant", extend_beyond_the_grant, CALM, foreign),
    ("L15: the fence stays after a failed renewal", extend_after_a_failure, LOSSY, foreign),
    (
        "L15: only a renewal of the held lease counts",
        extend_for_any_lease,
        Limits { wrong: true, ..TWO_WORKERS },
        foreign,
    ),
];

const OF_THE_STORE: &[Clause] = &[
    ("L14: a lease that fits no generator is released", keep_unfit, UNFIT, kept),
    ("L14: a lease that comes too late is released", keep_late, CALM, kept),
    ("L14: a lease is released at the end", keep_at_the_end, CALM, kept),
    ("L14: a release names the last tick", release_all_ticks, CALM, foreign),
    ("L14: the switch ends before the keeper", end_without_the_switch, CALM, unclosed),
    ("L16: a token is kept after an error", draw_after_a_failure, CALM, |fault| *fault == Fault::TokenDropped),
    ("L16: a token is dropped after its grant", draw_once, CALM, |fault| *fault == Fault::TokenReused),
    ("L20: a failure is followed by a rest", no_rest_after_a_failure, LOSSY, too_often),
    ("L20: a renewal is followed by a rest", no_rest_after_a_renewal, CALM, too_often),
    ("L20: a lease that is returned is followed by a rest", no_rest_after_a_return, UNFIT, too_often),
    ("L4: unanswered renewals are counted", count_no_unanswered, LOSSY, |fault| {
        *fault == Fault::LostEarly(Loss::Cloned)
    }),
    ("L4: the count of unanswered renewals begins again", count_all_unanswered, LOSSY, |fault| {
        *fault == Fault::Miscounted
    }),
    ("L4: a renewal sends the lease as it was renewed last", renew_the_first_lease, CALM, |fault| {
        *fault == Fault::LostEarly(Loss::Cloned)
    }),
];

const OF_REPORTS: &[Clause] = &[
    ("L19: a renewal wakes the waiting calls", tell_no_renewal, CALM, untold),
    ("L19: a grant wakes the waiting calls", tell_no_grant, CALM, untold),
    ("L19: the end wakes the waiting calls", tell_no_end, CALM, untold),
    ("a failure is reported once", report_failures_twice, CALM, misreported),
    ("a failure is reported", report_no_failure, CALM, misreported),
    ("a failure is not reported after the end", report_after_the_end, LOSSY, misreported),
    ("a loss is reported", report_no_loss, CALM, misreported),
    ("a loss is reported after the generator is closed", report_losses_early, CALM, misreported),
    ("the loss of a forgotten lease is reported once", report_losses_again, LOSSES, misreported),
    ("a renewal is reported once", report_renewals_twice, CALM, misreported),
    ("a grant is reported", report_no_grant, CALM, misreported),
    ("a renewal is recorded", record_no_renewal, CALM, misreported),
    ("the end of a window is reported", report_no_end_of_a_window, CALM, misreported),
    ("no end of a window is reported after a shutdown", report_the_end_after_a_shutdown, CALM, misreported),
];

const OF_PROGRESS: &[Clause] = &[
    ("L15: the fence follows the grant", extend_never, CALM, |fault| *fault == Fault::Stuck),
    ("L19: a keeper that was asked to stop ends", stop_never, CALM, |fault| *fault == Fault::Endless),
    ("a keeper that was refused a lease asks again", give_up_after_a_refusal, CALM, |fault| *fault == Fault::Stuck),
    ("a forgotten lease is given up at last", ask_about_the_forgotten, LOSSES, |fault| {
        matches!(fault, Fault::Stuck | Fault::Overdue)
    }),
];

/// A store that keeps everything, and keepers that can be stopped.
const CALM: Limits = Limits { shutdown: true, dropped: true, ..Limits::CALM };
/// The same with requests and answers that are lost.
const LOSSY: Limits = Limits { lossy: true, ..CALM };
/// Clocks that jump: for the clauses on trust.
const JUMPS: Limits = Limits { jumps: true, shutdown: false, dropped: false, ..LOSSY };
/// A store that says that a lease is lost: for the losses that do not occur in these small models.
const TOLD: Limits = Limits { told: true, ..CALM };
/// A store that loses a record: for the clauses on forgotten leases.
const LOSSES: Limits = Limits { store: Bounds { losses: 1, record: true, ..CALM.store }, ..CALM };
/// Two workers: for the clauses that tell one lease from another.
const TWO_WORKERS: Limits =
    Limits { store: Bounds { workers: 2, ..CALM.store }, shutdown: false, dropped: false, ..CALM };
/// The same with a store that loses a record: for the clause that lets no two generators be open.
const LOSSES_OF_TWO: Limits = Limits { store: Bounds { losses: 1, record: true, ..TWO_WORKERS.store }, ..TWO_WORKERS };
/// Two workers with a store's clock that moves back: for the clauses on the last tick of a process.
const BACKWARDS: Limits = Limits { store: Bounds { backwards: true, clock: 2, ..TWO_WORKERS.store }, ..TWO_WORKERS };
/// Leases of which no generator can be made.
const UNFIT: Limits = Limits { unfit: true, ..CALM };

#[test]
fn each_clause_on_the_window_is_needed() {
    each_breaks(OF_THE_WINDOW, |_, _| Ok(()));
}

#[test]
fn each_clause_on_the_store_is_needed() {
    each_breaks(OF_THE_STORE, |_, _| Ok(()));
}

#[test]
fn each_report_is_needed() {
    each_breaks(OF_REPORTS, |_, _| Ok(()));
}

#[test]
fn each_clause_on_progress_is_needed() {
    each_breaks(OF_PROGRESS, Keepers::every_keeper_progresses);
}

fn each_breaks(clauses: &[Clause], check: impl Fn(&Keepers, &State) -> Result<(), Fault>) {
    let mut wrong = Vec::new();
    for &(name, decide, limits, is_expected) in clauses {
        let model = Keepers::new(limits, decide);
        let found = search(&model, |state, _| check(&model, state));
        let Some(trace) = found.broken else {
            wrong.push(format!("nothing breaks without: {name}, in {} states", found.states));
            continue;
        };
        println!(
            "without: {name}: {:?} after {} steps, {} states, {} transitions",
            trace.broken,
            trace.steps(),
            found.states,
            found.transitions
        );
        if !is_expected(&trace.broken) {
            wrong.push(format!("without: {name}:\n{trace}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
