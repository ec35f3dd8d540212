//! Takes out each rule, from outside: changes an argument or an answer of a shipped function. The property that then
//! does not hold shows the purpose of the rule.

mod rules;

use lease_explorer::{Bounds, Broken, Model, Operators, Rules, SHIPPED, World, search};
use rules::*;

/// The name of a rule, with the invariant that it is part of if there is one; the functions without the rule; the bounds
/// of a model that needs it; and a test of the property that must break.
type Rule = (&'static str, Rules, Bounds, fn(&Broken) -> bool);

fn overlap(broken: &Broken) -> bool {
    matches!(broken, Broken::Overlap { .. } | Broken::Foreign { .. })
}

fn lost_early(broken: &Broken) -> bool {
    matches!(broken, Broken::LostEarly { .. })
}

const OF_ALL_STORES: &[Rule] = &[
    (
        "L2: a renewal never lowers the end of the window",
        Rules { renew: renew_lowering_the_end, ..SHIPPED },
        NO_LOSS,
        overlap,
    ),
    (
        "L1: a window begins at the end of the last one",
        Rules { acquire: acquire_from_any_tick, ..SHIPPED },
        Bounds::CALM,
        overlap,
    ),
    (
        "L10: a window begins after the caller's last tick",
        Rules { acquire: acquire_from_any_tick_of_the_caller, ..SHIPPED },
        NO_LOSS_TWO_WORKERS,
        |broken| matches!(broken, Broken::Backwards { .. }),
    ),
    (
        "L3: a window ends with the layout at the latest",
        Rules { acquire: acquire_beyond_the_layout, ..SHIPPED },
        END_OF_LAYOUT,
        |broken| matches!(broken, Broken::Beyond { .. }),
    ),
    (
        "L9: a worker is not free before its window has passed",
        Rules { acquire: acquire_before_the_end, ..SHIPPED },
        Bounds::CALM,
        lost_early,
    ),
    (
        "L5: a release clears the token",
        Rules { release: release_keeping_the_token, ..SHIPPED },
        Bounds::CALM,
        |broken| matches!(broken, Broken::Revived { .. }),
    ),
    (
        "L5: a release keeps the last tick that was issued",
        Rules { release: release_one_tick_too_many, ..SHIPPED },
        NO_LOSS,
        overlap,
    ),
    ("L4: a release ends only its own lease", Rules { release: release_of_any_lease, ..SHIPPED }, NO_LOSS, lost_early),
    (
        "a swap compares token and counter of a record",
        Rules { is_as_seen: ignoring_the_record, ..SHIPPED },
        Bounds::CALM,
        overlap,
    ),
    (
        "L4: renewals with a lost reply belong to the holder",
        Rules { explain: explain_without_unanswered, ..SHIPPED },
        Bounds::CALM,
        lost_early,
    ),
    (
        "L4: at most the renewals that a holder has sent belong to it",
        Rules { explain: explain_any_number, ..SHIPPED },
        CLONED_PROCESS,
        |broken| *broken == Broken::Twins,
    ),
];

const OF_STORES_THAT_LOSE: &[Rule] = &[
    (
        "L6: a space that is found missing gets a floor",
        Rules { acquire: acquire_with_low_floor, explain: explain_with_low_floor, ..SHIPPED },
        ALL_LOST,
        overlap,
    ),
    (
        "a space that is found missing is looked at twice",
        Rules { acquire: acquire_without_second_look, explain: explain_without_second_look, ..SHIPPED },
        ALL_LOST_OR_NEW,
        overlap,
    ),
    (
        "a space that is found missing carries its finder",
        Rules { acquire: acquire_without_finder, explain: explain_without_finder, ..SHIPPED },
        ALL_LOST_OR_NEW_OF_THREE,
        overlap,
    ),
    (
        "each look has a token of its own as the finder",
        Rules { acquire: acquire_with_its_token_as_finder, ..SHIPPED },
        ALL_LOST_OR_NEW_AND_LATE,
        overlap,
    ),
    (
        "a window begins at the floor at the earliest",
        Rules { acquire: acquire_below_the_floor, ..SHIPPED },
        ALL_LOST,
        overlap,
    ),
    (
        "the floor is raised under another server",
        Rules { acquire: acquire_without_raised_floor, explain: explain_without_raised_floor, ..SHIPPED },
        BACKUP_ON_ANOTHER_SERVER,
        overlap,
    ),
    (
        "the floor is raised if a holder knows more",
        Rules { explain: explain_without_mending, ..SHIPPED },
        BACKUP_NOTICED_BY_HOLDER,
        overlap,
    ),
    (
        "L4: a renewal compares the counter",
        Rules { renew: renew_any_counter, ..SHIPPED },
        BACKUP_NOTICED_BY_HOLDER,
        overlap,
    ),
    (
        "a renewal compares the floor",
        Rules { renew: renew_from_below_the_floor, ..SHIPPED },
        BACKUP_ON_ANOTHER_SERVER,
        overlap,
    ),
    (
        "L4: a renewal compares the beginning of the window",
        Rules { renew: renew_any_beginning, explain: explain_any_beginning, ..SHIPPED },
        RECORD_LOST_AND_LATE,
        overlap,
    ),
    ("a loss is mended only once", Rules { explain: explain_mending_again, ..SHIPPED }, ALL_LOST, |broken| {
        *broken == Broken::Endless
    }),
    ("a lost record is mended", Rules { acquire: acquire_unmended, ..SHIPPED }, RECORD_LOST, overlap),
    (
        "a space with a mended record gets another version",
        Rules { acquire: acquire_with_same_version, explain: explain_with_same_version, ..SHIPPED },
        TWO_RECORDS_LOST,
        overlap,
    ),
    (
        "a swap compares the version of the space",
        Rules { is_as_seen: ignoring_the_space, ..SHIPPED },
        ALL_LOST,
        overlap,
    ),
    (
        "a swap compares the window of a record",
        Rules { is_as_seen: ignoring_the_window, ..SHIPPED },
        RECORD_LOST_AND_BACKUP_NOTICED,
        overlap,
    ),
    (
        "a swap compares all of the space",
        Rules { is_as_seen: comparing_only_the_version, ..SHIPPED },
        BACKUP_NOTICED_BY_HOLDER,
        overlap,
    ),
    (
        "a grant of which no process has learned is void below the floor",
        Rules { acquire: acquire_again_below_the_floor, ..SHIPPED },
        SERVER_TOLD_AFTER_WRITE,
        overlap,
    ),
    (
        "a swap compares the server",
        Rules { is_as_seen: ignoring_the_server, ..SHIPPED },
        BACKUP_ON_ANOTHER_SERVER,
        overlap,
    ),
];

const OF_SPACES: &[Rule] = &[
    (
        "L7: a process that was never granted a lease creates no space",
        Rules { acquire: acquire_creating_the_space, ..SHIPPED },
        ANOTHER_STORE,
        overlap,
    ),
    (
        "L7: a space is remade only in the store that granted a lease of it",
        Rules { acquire: acquire_remaking_anywhere, explain: explain_remaking_anywhere, ..SHIPPED },
        THREE_WITH_ANOTHER_STORE,
        overlap,
    ),
    (
        "a space that is created is looked at twice",
        Rules { init: init_without_second_look, ..SHIPPED },
        CREATED_BY_BOTH,
        overlap,
    ),
    (
        "an operator vouches only for a space that it has seen",
        Rules { init_immediately: init_immediately_in_one_step, ..SHIPPED },
        VOUCHED_RIGHTLY,
        overlap,
    ),
    (
        "a holder with the floor in its window stops immediately",
        Rules { explain: explain_using_the_window_up, ..SHIPPED },
        VOUCHED_WRONGLY,
        overlap,
    ),
    (
        "a holder stops immediately if its worker was granted to another meanwhile",
        Rules { explain: explain_using_the_window_up_beside_another, ..SHIPPED },
        Bounds { counter: 2, ..VOUCHED_WRONGLY },
        overlap,
    ),
];

const OF_PROGRESS: &[Rule] = &[
    (
        "a process that was ever granted a lease remakes a lost space",
        Rules { acquire: acquire_without_remaking, ..SHIPPED },
        Bounds { losses: 2, clock: 3, ..ALL_LOST },
        |broken| *broken == Broken::Stuck,
    ),
    (
        "a renewal remakes a lost space, too",
        Rules { explain: explain_without_remaking, ..SHIPPED },
        Bounds { clock: 3, ..ALL_LOST },
        |broken| *broken == Broken::Stuck,
    ),
];

/// A store that keeps everything, without late or lost messages: for the rules that every store needs.
const NO_LOSS: Bounds = Bounds { late: 0, lossy: false, unanswered: 0, counter: 2, ..Bounds::CALM };
/// Two workers, so that a process can go from one to the other: for the rules on a process's own last tick.
const NO_LOSS_TWO_WORKERS: Bounds =
    Bounds { workers: 2, clock: 3, crashes: false, releases: false, backwards: false, ..NO_LOSS };
/// A layout that ends before the clock does: for the rule that no window ends after it.
const END_OF_LAYOUT: Bounds = Bounds { end: 4, ..NO_LOSS };
/// Processes that can become copies of each other: for the rule that detects a clone.
const CLONED_PROCESS: Bounds = Bounds { clones: true, releases: false, ..NO_LOSS };

/// Two processes, one worker, and a store that loses something once. This is the least that the rules for losses need.
/// The bounds below say what the store loses.
const ONE_LOSS: Bounds = Bounds { losses: 1, ttl: 1, max_ttl: 1, clock: 4, ..NO_LOSS };
/// A store that loses everything once: for the rules on the floor of a space that is found missing.
const ALL_LOST: Bounds = Bounds { all: true, ..ONE_LOSS };
/// The same on a store that begins without a space: for the second look at a space that was found missing.
const ALL_LOST_OR_NEW: Bounds = Bounds { all: true, initialised: false, creates: true, ..ONE_LOSS };
/// The same with three processes: for the rule that the space found missing by one is not that of another.
const ALL_LOST_OR_NEW_OF_THREE: Bounds =
    Bounds { processes: 3, clock: 3, counter: 1, crashes: false, backwards: false, releases: false, ..ALL_LOST_OR_NEW };
/// The same with a late call: for the rule that two looks of one process differ.
const ALL_LOST_OR_NEW_AND_LATE: Bounds = Bounds { processes: 2, late: 1, clock: 2, ..ALL_LOST_OR_NEW_OF_THREE };
/// A backup that another server serves: for the rules that notice a loss by the server's name.
const BACKUP_ON_ANOTHER_SERVER: Bounds = Bounds { restored: true, clock: 3, ..ONE_LOSS };
/// The same on a store that names its server after a write: for the rule on grants of which no process has learned.
const SERVER_TOLD_AFTER_WRITE: Bounds = Bounds { told_after: true, ..BACKUP_ON_ANOTHER_SERVER };
/// A backup that only a holder notices: for the rules that compare the holder's knowledge with the record.
const BACKUP_NOTICED_BY_HOLDER: Bounds = Bounds { known: true, workers: 2, clock: 3, ..ONE_LOSS };
/// A store that loses the record of a worker: for the rule that mends it.
const RECORD_LOST: Bounds = Bounds { record: true, crashes: false, backwards: false, ..ONE_LOSS };
/// The same with a late call: for the rule that a renewal compares the beginning of the window.
const RECORD_LOST_AND_LATE: Bounds = Bounds { late: 1, releases: false, clock: 3, ..RECORD_LOST };
/// A store that loses two records: for the rule that a mended space has another version.
const TWO_RECORDS_LOST: Bounds = Bounds { losses: 2, clock: 3, ..RECORD_LOST };
/// A lost record and a backup that a holder notices: for the rule that a swap compares the window.
const RECORD_LOST_AND_BACKUP_NOTICED: Bounds =
    Bounds { known: true, releases: false, counter: 1, clock: 2, ..TWO_RECORDS_LOST };

/// A URL that leads to another store at times: for the rule on processes without a lease. `losses` is 1 so that it does
/// not count as [`Broken::LostEarly`] if a holder loses its lease to a space that was created in the other store.
const ANOTHER_STORE: Bounds =
    Bounds { moves: true, losses: 1, crashes: false, backwards: false, ttl: 1, max_ttl: 1, ..NO_LOSS };
/// The same with three processes: for the rule that a space is remade only in the same store.
const THREE_WITH_ANOTHER_STORE: Bounds = Bounds { processes: 3, releases: false, counter: 1, ..ANOTHER_STORE };
/// An operator that creates the space when it is lost. The bounds below are made from these.
const CREATED_BY_OPERATOR: Bounds =
    Bounds { operators: Operators::Create, operations: 1, crashes: false, backwards: false, ..ALL_LOST };
/// A space that an operator and a process both create: for the second look of the operator.
const CREATED_BY_BOTH: Bounds = Bounds { initialised: false, creates: true, ..CREATED_BY_OPERATOR };
/// An operator that vouches, and is right: for the rule that it vouches only for a space that it has seen.
const VOUCHED_RIGHTLY: Bounds = Bounds { operators: Operators::Vouch, counter: 1, releases: false, ..CREATED_BY_BOTH };
/// An operator that vouches, and is wrong: for the rules that stop a holder immediately.
const VOUCHED_WRONGLY: Bounds = Bounds { operators: Operators::Deceive, ..CREATED_BY_OPERATOR };

#[test]
fn each_rule_is_needed() {
    all_break(OF_ALL_STORES);
}

#[test]
fn each_rule_for_losses_is_needed() {
    all_break(OF_STORES_THAT_LOSE);
}

#[test]
fn each_rule_for_spaces_is_needed() {
    all_break(OF_SPACES);
}

#[test]
fn each_rule_for_progress_is_needed() {
    each_breaks(OF_PROGRESS, Model::every_process_progresses);
}

fn all_break(mutations: &[Rule]) {
    each_breaks(mutations, |_, _| Ok(()));
}

fn each_breaks(mutations: &[Rule], check: impl Fn(&Model, &World) -> Result<(), Broken>) {
    for &(name, rules, bounds, is_expected) in mutations {
        let model = Model::new(bounds, rules);
        let found = search(&model, |world, _| check(&model, world));
        let Some(trace) = found.broken else { panic!("nothing breaks without: {name}, in {} states", found.states) };
        println!(
            "without: {name}: {:?} after {} steps, {} states, {} transitions",
            trace.broken,
            trace.steps(),
            found.states,
            found.transitions
        );
        assert!(is_expected(&trace.broken), "without: {name}:\n{trace}");
    }
}
