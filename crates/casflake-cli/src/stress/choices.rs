//! `--clock` and `--wait`: from names to what the library has.

use casflake::{Clock, CoarseClock, SystemClock, TscClock, Wait};
use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClockName {
    /// The system's, precise
    System,
    /// The system's as of its last timer interrupt: cheaper, up to some ms late (Linux; elsewhere as system)
    Coarse,
    /// The processor's counter, set by the system's clock once a ms
    Tsc,
    /// That of the store of leases, which no one chooses
    #[value(skip)]
    Store,
}

/// A clock that a generator can be run by. It has its name with it, so that a report names the one that was used.
pub(crate) trait Named: Clock + Sync {
    const NAME: ClockName;
}

impl Named for SystemClock {
    const NAME: ClockName = ClockName::System;
}

impl Named for CoarseClock {
    const NAME: ClockName = ClockName::Coarse;
}

impl Named for TscClock {
    const NAME: ClockName = ClockName::Tsc;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WaitName {
    /// Look at the clock again and again
    Spin,
    /// Give the core away between two looks
    Yield,
    /// Sleep for most of the wait
    #[value(alias = "park")]
    Sleep,
}

/// As it is written on the command line.
pub(crate) fn name(choice: &impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl WaitName {
    pub(crate) const fn wait(self) -> Wait {
        match self {
            Self::Spin => Wait::Spin,
            Self::Yield => Wait::Yield,
            Self::Sleep => Wait::Sleep,
        }
    }
}
