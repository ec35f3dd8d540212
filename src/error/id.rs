//! `IdError`: why a number, a text or some parts can't be turned into an ID.

use core::fmt;

/// Why a number, a text or some `Parts` can't be turned into an ID.
///
/// # Examples
/// ```
/// use casflake::{IdError, Snowflake};
///
/// let refused = "12x".parse::<Snowflake>();
/// assert_eq!(refused, Err(IdError::NotDecimal { found: Some((2, 'x')) }));
/// assert_eq!(IdError::LeadingZeros.to_string(), "the number has leading zeros: remove them");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdError {
    /// The number has a 1 in a bit that the layout reserves.
    ReservedBits {
        /// The number that was refused.
        id: u64,
        /// The width of the layout's IDs in bits. All higher bits are reserved.
        bits: u32,
    },
    /// The number is negative, and the layout does not use the sign bit.
    Negative {
        /// The number that was refused.
        value: i64,
    },
    /// The value given for a field is too large for this field.
    Field {
        /// The field: `tick`, `datacenter`, `worker` or `sequence`.
        field: &'static str,
        /// The value that was refused.
        value: u64,
        /// The largest value that fits the field.
        max: u64,
    },
    /// The time is before the layout's first tick or after the layout's last tick.
    Time {
        /// The time that was refused, in Unix milliseconds.
        unix_ms: u64,
        /// The moment at which the first tick begins, in Unix milliseconds.
        first_unix_ms: u64,
        /// The last millisecond of the last tick, in Unix milliseconds.
        last_unix_ms: u64,
    },
    /// The text is not a decimal number.
    NotDecimal {
        /// The first character that is not a digit, as a pair: the character's position in bytes, counted from 0, and
        /// the character. `None` if the text is empty.
        found: Option<(usize, char)>,
    },
    /// The text is a decimal number over `u64::MAX`.
    TooLong,
    /// The text is a decimal number with leading zeros, such as `007`. Leading zeros are refused, so that no two texts
    /// stand for the same ID.
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
                "ID {id} is out of range: 0 to 2^{bits} - 1 in this layout; choose the layout that the ID was made with"
            ),
            Self::Negative { value } => write!(
                f,
                "ID {value} is negative: IDs of this layout are at least 0; choose the layout that the ID was made with"
            ),
            Self::Field { field, value, max } => write!(f, "{field} {value} is out of range: 0 to {max}"),
            Self::Time { unix_ms, first_unix_ms, last_unix_ms } => {
                write!(f, "Unix time {unix_ms} ms is out of range: {first_unix_ms} to {last_unix_ms} ms")
            }
            Self::NotDecimal { found: None } => f.write_str("the text is empty: give a decimal number"),
            Self::NotDecimal { found: Some((at, found)) } => {
                write!(f, "{found:?} at byte {at} is not a digit: give decimal digits only")
            }
            Self::TooLong => write!(f, "the number is out of range: 0 to {}", u64::MAX),
            Self::LeadingZeros => f.write_str("the number has leading zeros: remove them"),
        }
    }
}

impl core::error::Error for IdError {}
