//! `--clock` and `--wait`: from names to the library's clocks and waits.

use casflake::{Clock, CoarseClock, SystemClock, TscClock, Wait};
use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClockName {
    /// The system's clock, precise
    System,
    /// The system's clock as of its last timer interrupt: cheaper, up to some ms late (on Linux; elsewhere as system)
    Coarse,
    /// The system's clock, read once per ms and continued by the processor's counter: cheaper
    Tsc,
    /// The time of the store of leases, which is not an option
    #[value(skip)]
    Store,
}

/// A clock that a generator can read. It has its name, so that a report names the clock that was used.
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
#[serde(rename_all = "kebab-case")]
pub(crate) enum WaitName {
    /// Poll the clock
    Spin,
    /// Yield the core between two readings of the clock
    Yield,
    /// Sleep for most of the wait
    #[value(alias = "park")]
    Sleep,
}

/// Returns the name of a choice as it is written on the command line.
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
