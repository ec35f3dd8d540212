//! `SettingError`: why a setting of a generator was refused.

use core::fmt;

/// Why a [`GeneratorBuilder`](crate::GeneratorBuilder) or [`Generator::extend_fence`](crate::Generator::extend_fence)
/// refused a setting. The numbers in all variants are in ticks. The numbers in all variants except `MaxLead` count from
/// the layout's epoch.
///
/// # Examples
/// ```
/// use casflake::{Generator, SettingError, WorkerId};
///
/// let ids = Generator::new(WorkerId::fixed::<1, 7>());
/// let max = 1 << 41; // the layout's last tick + 1
/// assert_eq!(ids.extend_fence(max + 1), Err(SettingError::Fence { value: max + 1, max }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingError {
    /// `not_before` is after the layout's last tick.
    NotBefore {
        /// The tick asked for.
        value: u64,
        /// The layout's last tick.
        max: u64,
    },
    /// `fence` is larger than the layout's last tick + 1.
    Fence {
        /// The fence asked for.
        value: u64,
        /// The largest fence, which is the layout's last tick + 1.
        max: u64,
    },
    /// No tick is between `not_before` (inclusive) and `fence` (exclusive).
    EmptyWindow {
        /// The first tick whose IDs may be issued.
        not_before: u64,
        /// The fence, which is the first tick whose IDs must not be issued.
        fence: u64,
    },
    /// `max_lead` is larger than the number of the layout's last tick.
    MaxLead {
        /// The `max_lead` asked for, in ticks.
        value: u64,
        /// The largest `max_lead`, which is the number of the layout's last tick.
        max: u64,
    },
}

debug_by_text!(SettingError: NotBefore Fence EmptyWindow MaxLead);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotBefore { value, max } => write!(f, "not_before {value} is out of range: 0 to {max}"),
            Self::Fence { value, max } => write!(f, "fence {value} is out of range: 1 to {max}"),
            Self::EmptyWindow { not_before, fence } => write!(
                f,
                "no tick is in the window from {not_before} to fence {fence}: give a fence of at least {}",
                not_before.saturating_add(1)
            ),
            Self::MaxLead { value, max } => write!(f, "max_lead {value} is out of range: 0 to {max} ticks"),
        }
    }
}

impl core::error::Error for SettingError {}
