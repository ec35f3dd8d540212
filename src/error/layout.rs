//! `LayoutError`: why a layout is not valid.

use core::fmt;

/// Why a [`Layout`](crate::Layout) can't have the given widths, epoch and tick length.
///
/// # Examples
/// ```
/// use casflake::{Layout, LayoutError};
///
/// let refused = Layout::try_new(41, 8, 9, 13);
/// assert_eq!(refused, Err(LayoutError::TooWide { timestamp: 41, datacenter: 8, worker: 9, sequence: 13 }));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LayoutError {
    /// The timestamp has a width of 0.
    NoTimestamp,
    /// The widths of the fields add up to more than 64 bits.
    TooWide {
        /// The width of the timestamp, in bits.
        timestamp: u32,
        /// The width of the datacenter, in bits.
        datacenter: u32,
        /// The width of the worker, in bits.
        worker: u32,
        /// The width of the sequence, in bits.
        sequence: u32,
    },
    /// The length of a tick is 0 ms.
    ZeroTick,
    /// The last tick would begin after Unix time `u64::MAX` ms.
    TimeOverflow {
        /// The epoch, in Unix milliseconds.
        epoch_unix_ms: u64,
        /// The length of a tick, in milliseconds.
        tick_ms: u64,
    },
}

debug_by_text!(LayoutError: NoTimestamp TooWide ZeroTick TimeOverflow);

impl LayoutError {
    /// Returns the error's text without the values of the variant's fields. A panic in a `const` needs this text,
    /// because such a panic can't format numbers.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::NoTimestamp => "the timestamp has 0 bits: give it at least 1",
            Self::TooWide { .. } => "the widths add up to more than 64 bits: make a field narrower",
            Self::ZeroTick => "the tick is 0 ms long: give it at least 1 ms",
            Self::TimeOverflow { .. } => {
                "the last tick would begin after Unix time u64::MAX ms: choose an earlier epoch, a shorter tick or a \
                 narrower timestamp"
            }
        }
    }
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooWide { timestamp, datacenter, worker, sequence } => write!(
                f,
                "timestamp {timestamp} + datacenter {datacenter} + worker {worker} + sequence {sequence} add up to more \
                 than 64 bits: make a field narrower"
            ),
            Self::TimeOverflow { epoch_unix_ms, tick_ms } => write!(
                f,
                "with epoch {epoch_unix_ms} ms and ticks of {tick_ms} ms, the last tick would begin after Unix time \
                 {} ms: choose an earlier epoch, a shorter tick or a narrower timestamp",
                u64::MAX
            ),
            Self::NoTimestamp | Self::ZeroTick => f.write_str(self.summary()),
        }
    }
}

impl core::error::Error for LayoutError {}
