//! The values of `--clock` and `--wait`. Each value stands for one of the library's clocks or ways to wait.

use casflake::{Clock, CoarseClock, SystemClock, TscClock, Wait};
use clap::ValueEnum;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClockName {
    /// The system's clock, read at its full precision
    System,
    /// The system's time at the last timer interrupt. A reading is cheaper than with "system", but can be some ms late.
    /// Outside Linux, "coarse" is the same as "system"
    Coarse,
    /// The system's clock, read once per ms. The processor's counter tells when that ms is over. A reading is cheaper
    /// than with "system"
    Tsc,
    /// The time of the lease store. It is used if the worker is leased, and can't be chosen with `--clock`.
    #[value(skip)]
    Store,
}

/// A clock that a generator can read. The clock has a name, so that a report can say which clock was used.
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

/// Returns the name of a value as it is written on the command line.
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
