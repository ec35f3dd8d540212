//! Each verdict can fail: a fault is planted in the simulator's loops, in a setting or in the store, and a run must break
//! the promise that the fault is about.

use lease_simulator::Control::*;
use lease_simulator::{Control, Kind, run_control};

/// The number of seeds within which a planted fault must be found.
const SEEDS: u64 = 2000;

/// The planted fault, and the promises that it may break.
const CONTROLS: &[(Control, &[Kind])] = &[
    (StoreGrantsTwice, &[Kind::Duplicate]),
    (UnnoticedRestore, &[Kind::Duplicate]),
    (NoExtendFence, &[Kind::Fence]),
    (FenceFollowsRequest, &[Kind::OutsideWindow]),
    (NoTrust, &[Kind::NotAlive]),
    (NoClose, &[Kind::TwoOpen, Kind::AfterLoss]),
    (MeasureAfterAnswer, &[Kind::AfterJump]),
    (NoTell, &[Kind::Unwoken]),
    (NoRelease, &[Kind::Leaked]),
    (NoReturn, &[Kind::Leaked]),
    (TokenRedrawn, &[Kind::TokenChanged]),
    (NoUnanswered, &[Kind::FalseLoss]),
    (ReleaseWithoutLastTick, &[Kind::Duplicate]),
    (FromTheWindow, &[Kind::Order]),
    (NoRest, &[Kind::TooSoon]),
    (KeeperDies, &[Kind::NotAlive, Kind::TooLong]),
    (NoRecord, &[Kind::Statistics]),
    (EventsForget, &[Kind::Events]),
    (NotStrict, &[Kind::Setting]),
    (LongerLead, &[Kind::Lead, Kind::Setting]),
    (LongerWait, &[Kind::TooLong]),
    (LongerTtl, &[Kind::Setting]),
    (OtherOwner, &[Kind::Setting]),
    (IdsLost, &[Kind::LostIds]),
    (WaitAnew, &[Kind::TooLong]),
    (NoEnd, &[Kind::AfterEnd, Kind::WrongError]),
    (SameProcess, &[Kind::Fork, Kind::WrongError]),
];

#[test]
fn each_planted_fault_is_found() {
    for (control, kinds) in CONTROLS {
        let found = (0..SEEDS).find_map(|seed| Some((seed, run_control(seed, *control).violation?)));
        let Some((seed, violation)) = found else { panic!("{control:?} breaks nothing in {SEEDS} seeds") };
        println!("{control:?}: seed {seed}: {violation}");
        assert!(kinds.contains(&violation.kind), "{control:?}, seed {seed}: {violation}");
    }
}
