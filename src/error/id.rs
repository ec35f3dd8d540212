//! The errors of a number, a text or parts that are not an ID.

use core::fmt;

/// Why a number, a text or parts do not make an ID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdError {
    /// The number sets bits that its layout reserves.
    ReservedBits {
        /// The number.
        id: u64,
        /// How many bits, from the lowest, an ID of the layout has.
        bits: u32,
    },
    /// The number is negative, and its layout does not use the sign bit.
    Negative {
        /// The number.
        value: i64,
    },
    /// A part does not fit its field.
    Field {
        /// The field: `tick`, `datacenter`, `worker` or `sequence`.
        field: &'static str,
        /// The part's value.
        value: u64,
        /// The largest value that fits.
        max: u64,
    },
    /// The time is outside of the layout's.
    Time {
        /// The time, in Unix milliseconds.
        unix_ms: u64,
        /// When the first tick begins, in Unix milliseconds.
        first_unix_ms: u64,
        /// The last millisecond of the last tick, in Unix milliseconds.
        last_unix_ms: u64,
    },
    /// The text is not a decimal number.
    NotDecimal {
        /// The first character that is not a digit, with its position in bytes from 0; `None` if the text is empty.
        found: Option<(usize, char)>,
    },
    /// The text is a decimal number over `u64::MAX`.
    TooLong,
    /// The text is a decimal number with leading zeros, such as `007`. An ID has only one text.
    LeadingZeros,
}

debug_by_text!(IdError: ReservedBits Negative Field Time NotDecimal TooLong LeadingZeros);

impl IdError {
    pub(crate) const fn field(field: &'static str, value: u64, max: u64) -> Self {
        Self::Field { field, value, max }
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ReservedBits { id, bits } => write!(
                f,
                "{id} sets bits above the {bits} that an ID of this layout has: is it an ID of another layout?"
            ),
            Self::Negative { value } => {
                write!(f, "{value} is negative, and IDs of this layout never are: is it an ID of another layout?")
            }
            Self::Field { field, value, max } => {
                write!(f, "{field} {value} does not fit: give a number from 0 to {max}")
            }
            Self::Time { unix_ms, first_unix_ms, last_unix_ms } => write!(
                f,
                "Unix time {unix_ms} ms is out of range: give a time from {first_unix_ms} to {last_unix_ms} ms"
            ),
            Self::NotDecimal { found: None } => f.write_str("an empty text: give a decimal number"),
            Self::NotDecimal { found: Some((at, found)) } => {
                write!(f, "{found:?} at byte {at} is not a digit: give a decimal number, digits only")
            }
            Self::TooLong => write!(f, "the number is too large: give one from 0 to {}", u64::MAX),
            Self::LeadingZeros => f.write_str("the number has leading zeros, which no ID is written with: remove them"),
        }
    }
}

impl core::error::Error for IdError {}
