//! Each rule taken out, from outside: what the shipped functions are given, or what they answer, is changed. What
//! breaks then is what the rule is for.

mod rules;

use lease_explorer::{Bounds, Broken, Model, Operators, Rules, SHIPPED, World, search};
use rules::*;

/// Two processes, one worker, and a store that loses something once: no more than it takes.
const LOSS: Bounds = Bounds { losses: 1, ttl: 1, max_ttl: 1, clock: 4, ..SMALL };

type Rule = (&'static str, Rules, Bounds, fn(&Broken) -> bool);

fn overlap(broken: &Broken) -> bool {
    matches!(broken, Broken::Overlap { .. } | Broken::Foreign { .. })
}

fn robbed(broken: &Broken) -> bool {
    matches!(broken, Broken::Robbed { .. })
}

const OF_ALL_STORES: &[Rule] = &[
    ("a renewal never lowers the end", Rules { renew: lowering, ..SHIPPED }, SMALL, overlap),
    ("a window begins where the last one ended", Rules { acquire: anywhere, ..SHIPPED }, Bounds::CALM, overlap),
    ("... and after the caller's last tick", Rules { acquire: not_after, ..SHIPPED }, TWO_WORKERS, |broken| {
        matches!(broken, Broken::Backwards { .. })
    }),
    ("... and ends with the layout", Rules { acquire: without_end, ..SHIPPED }, ENDING, |broken| {
        matches!(broken, Broken::Beyond { .. })
    }),
    ("a worker is free when its window has passed", Rules { acquire: free_at_once, ..SHIPPED }, Bounds::CALM, robbed),
    ("a release clears the token", Rules { release: keeping_the_token, ..SHIPPED }, Bounds::CALM, |broken| {
        matches!(broken, Broken::Revived { .. })
    }),
    ("... and leaves the last tick that was issued", Rules { release: one_too_many, ..SHIPPED }, SMALL, overlap),
    ("... of its own lease alone", Rules { release: whosever, ..SHIPPED }, SMALL, robbed),
    ("a swap compares token and counter", Rules { is_as_seen: whatever_the_record, ..SHIPPED }, Bounds::CALM, overlap),
    (
        "renewals whose replies were lost are the holder's",
        Rules { explain: never_lost, ..SHIPPED },
        Bounds::CALM,
        robbed,
    ),
    ("... but no more than he has sent", Rules { explain: any_number, ..SHIPPED }, CLONES, |broken| {
        *broken == Broken::Twins
    }),
];

const OF_STORES_THAT_LOSE: &[Rule] = &[
    ("the floor of a space found missing", Rules { acquire: born_low, explain: missing_low, ..SHIPPED }, ALL, overlap),
    ("... is looked at twice", Rules { acquire: born_whole, explain: missing_whole, ..SHIPPED }, ALL_NEW, overlap),
    ("... and is no other's", Rules { acquire: born_alike, explain: missing_alike, ..SHIPPED }, ALL_OF_THREE, overlap),
    ("... not even of his own", Rules { acquire: born_of_the_token, ..SHIPPED }, ALL_LATE, overlap),
    ("a window begins at the floor", Rules { acquire: below_the_floor, ..SHIPPED }, ALL, overlap),
    (
        "the floor under another server",
        Rules { acquire: taken_over, explain: taken_over_from, ..SHIPPED },
        RESTORED,
        overlap,
    ),
    ("the floor where a holder knows more", Rules { explain: unmoved, ..SHIPPED }, KNOWN, overlap),
    ("a renewal compares the counter", Rules { renew: any_counter, ..SHIPPED }, KNOWN, overlap),
    ("... and the floor", Rules { renew: from_below_the_floor, ..SHIPPED }, RESTORED, overlap),
    ("... and the window's begin", Rules { renew: any_begin, explain: any_begin_of, ..SHIPPED }, LATE, overlap),
    ("what is lost is mended once", Rules { explain: again_and_again, ..SHIPPED }, ALL, |broken| {
        *broken == Broken::Endless
    }),
    ("a lost record is mended", Rules { acquire: unmended, ..SHIPPED }, RECORD, overlap),
    (
        "... under another version",
        Rules { acquire: quietly_mended, explain: quietly_found, ..SHIPPED },
        TWO_RECORDS,
        overlap,
    ),
    ("a swap compares the version", Rules { is_as_seen: whatever_the_space, ..SHIPPED }, ALL, overlap),
    ("... and the window of a record", Rules { is_as_seen: whatever_the_window, ..SHIPPED }, ANYTHING, overlap),
    ("... and all of the space", Rules { is_as_seen: version_alone, ..SHIPPED }, KNOWN, overlap),
    (
        "a grant that nobody was told of is none",
        Rules { acquire: again_whatever_the_floor, ..SHIPPED },
        TOLD_AFTER,
        overlap,
    ),
    ("... and who serves it", Rules { is_as_seen: whoever_serves, ..SHIPPED }, RESTORED, overlap),
];

const OF_SPACES: &[Rule] = &[
    ("a process that was never granted a lease makes no space", Rules { acquire: creating, ..SHIPPED }, MOVED, overlap),
    (
        "... and none is remade where no lease was granted",
        Rules { acquire: remaking_anywhere, explain: remaking_anywhere_else, ..SHIPPED },
        MOVED_AND_LOST,
        overlap,
    ),
    ("a space that is created is looked at twice", Rules { init: created_whole, ..SHIPPED }, CREATED_TWICE, overlap),
    ("an operator vouches for what there is", Rules { init_immediately: in_one_step, ..SHIPPED }, VOUCHED, overlap),
    (
        "a holder whose window contains the floor stops immediately",
        Rules { explain: using_it_up, ..SHIPPED },
        DECEIVED,
        overlap,
    ),
    (
        "... and one whose worker another has been granted meanwhile",
        Rules { explain: using_it_up_beside_another, ..SHIPPED },
        Bounds { counter: 2, ..DECEIVED },
        overlap,
    ),
];

const OF_A_FLEETS_PROGRESS: &[Rule] = &[
    (
        "a process that was ever granted a lease remakes a lost space",
        Rules { acquire: never_remaking, ..SHIPPED },
        Bounds { losses: 2, clock: 3, ..ALL },
        |broken| *broken == Broken::Stuck,
    ),
    (
        "... also by a renewal",
        Rules { explain: never_remaking_by_a_renewal, ..SHIPPED },
        Bounds { clock: 3, ..ALL },
        |broken| *broken == Broken::Stuck,
    ),
];

/// Whoever is robbed there is so by a store that was made.
const MOVED: Bounds = Bounds { moves: true, losses: 1, crashes: false, backwards: false, ttl: 1, max_ttl: 1, ..SMALL };
const MOVED_AND_LOST: Bounds = Bounds { processes: 3, releases: false, counter: 1, ..MOVED };
const CREATED: Bounds = Bounds { operators: Operators::Create, operations: 1, crashes: false, backwards: false, ..ALL };
const CREATED_TWICE: Bounds = Bounds { initialised: false, creates: true, ..CREATED };
const VOUCHED: Bounds = Bounds { operators: Operators::Vouch, counter: 1, releases: false, ..CREATED_TWICE };
const DECEIVED: Bounds = Bounds { operators: Operators::Deceive, ..CREATED };

const SMALL: Bounds = Bounds { late: 0, lossy: false, unanswered: 0, counter: 2, ..Bounds::CALM };
const TWO_WORKERS: Bounds = Bounds { workers: 2, clock: 3, crashes: false, releases: false, backwards: false, ..SMALL };
const ENDING: Bounds = Bounds { end: 4, ..SMALL };
const CLONES: Bounds = Bounds { clones: true, releases: false, ..SMALL };
const ALL: Bounds = Bounds { all: true, ..LOSS };
const ALL_NEW: Bounds = Bounds { all: true, initialised: false, creates: true, ..LOSS };
const ALL_OF_THREE: Bounds =
    Bounds { processes: 3, clock: 3, counter: 1, crashes: false, backwards: false, releases: false, ..ALL_NEW };
const ALL_LATE: Bounds = Bounds { processes: 2, late: 1, clock: 2, ..ALL_OF_THREE };
const RESTORED: Bounds = Bounds { restored: true, clock: 3, ..LOSS };
const TOLD_AFTER: Bounds = Bounds { told_after: true, ..RESTORED };
const KNOWN: Bounds = Bounds { known: true, workers: 2, clock: 3, ..LOSS };
const TWO_RECORDS: Bounds = Bounds { losses: 2, clock: 3, ..RECORD };
const ANYTHING: Bounds = Bounds { known: true, releases: false, counter: 1, clock: 2, ..TWO_RECORDS };
const RECORD: Bounds = Bounds { record: true, crashes: false, backwards: false, ..LOSS };
const LATE: Bounds = Bounds { late: 1, releases: false, clock: 3, ..RECORD };

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
    each_breaks(OF_A_FLEETS_PROGRESS, Model::everybody_gets_on);
}

fn all_break(rules_out: &[Rule]) {
    each_breaks(rules_out, |_, _| Ok(()));
}

fn each_breaks(rules_out: &[Rule], check: impl Fn(&Model, &World) -> Result<(), Broken>) {
    for &(name, rules, bounds, is_expected) in rules_out {
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
