//! `Snowflake<S>`: the type of IDs.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::str::FromStr;

use crate::error::IdError;
use crate::layout::{Layout, Parts};
use crate::scheme::{Scheme, Standard};

/// A Snowflake ID of the scheme `S`. It is a `u64` in which the reserved bits of the layout of `S` are 0.
///
/// IDs compare, sort and hash as their integers do. The time is in the highest bits, so IDs sort by time first. IDs of
/// different schemes have different types.
///
/// # Examples
/// ```
/// use casflake::{Discord, Snowflake};
///
/// let id: Snowflake<Discord> = "175928847299117063".parse()?;
/// assert_eq!(id.unix_ms(), 1_462_015_105_796); // 2016-04-30T11:18:25.796Z
/// assert_eq!((id.datacenter(), id.worker(), id.sequence()), (1, 0, 7));
/// assert_eq!(Snowflake::try_from(175928847299117063_u64), Ok(id));
/// assert_eq!(id.to_string(), "175928847299117063");
/// # Ok::<(), casflake::IdError>(())
/// ```
///
/// A database query for the IDs of one day needs two bounds. They are the smallest ID of this day and the smallest ID
/// of the next day:
///
/// ```
/// use casflake::Snowflake;
///
/// let (day_ms, next_day_ms) = (1_735_689_600_000, 1_735_776_000_000); // 2025-01-01 and 2025-01-02, UTC
/// let (first, end) = (<Snowflake>::min_at(day_ms)?, <Snowflake>::min_at(next_day_ms)?);
/// let query = format!("SELECT * FROM orders WHERE id >= {first} AND id < {end}");
/// # Ok::<(), casflake::IdError>(())
/// ```
#[repr(transparent)]
pub struct Snowflake<S = Standard>(u64, PhantomData<fn() -> S>);

impl<S: Scheme> Snowflake<S> {
    /// The smallest ID, 0. It can serve as a placeholder in a buffer until [`fill`](crate::Generator::fill) writes IDs
    /// to the buffer.
    pub const MIN: Self = Self::from_valid(0);

    /// The largest ID, in which every bit of the layout's fields is set.
    pub const MAX: Self = Self::from_valid(S::LAYOUT.max_id());

    /// Returns the ID with the number `id`. The caller must make sure that all reserved bits of `id` are 0.
    pub(crate) const fn from_valid(id: u64) -> Self {
        Self(id, PhantomData)
    }

    /// Returns the ID whose fields have the values `parts`.
    ///
    /// # Errors
    /// [`IdError::Field`] if one of the values does not fit its field.
    ///
    /// # Examples
    /// ```
    /// use casflake::{IdError, Parts, Snowflake};
    ///
    /// let parts = Parts { tick: 1, datacenter: 2, worker: 3, sequence: 4 };
    /// assert_eq!(<Snowflake>::from_parts(parts)?.parts(), parts);
    ///
    /// let refused = <Snowflake>::from_parts(Parts { sequence: 4096, ..parts });
    /// assert_eq!(refused, Err(IdError::Field { field: "sequence", value: 4096, max: 4095 }));
    /// # Ok::<(), IdError>(())
    /// ```
    pub const fn from_parts(parts: Parts) -> Result<Self, IdError> {
        match S::LAYOUT.encode(parts) {
            Ok(id) => Ok(Self::from_valid(id)),
            Err(error) => Err(error),
        }
    }

    /// Returns the smallest ID that any worker can issue in the tick that contains the time `unix_ms`, in Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`IdError::Time`] if `unix_ms` is before the layout's first tick or after the last tick.
    ///
    /// # Examples
    /// ```
    /// use casflake::{IdError, Snowflake};
    ///
    /// let since = <Snowflake>::min_at(1_735_689_600_000)?; // WHERE id >= $1
    /// assert_eq!((since.unix_ms(), since.worker(), since.sequence()), (1_735_689_600_000, 0, 0));
    /// # Ok::<(), IdError>(())
    /// ```
    pub const fn min_at(unix_ms: u64) -> Result<Self, IdError> {
        match tick_at(&S::LAYOUT, unix_ms) {
            Ok(tick) => Ok(Self::from_valid(S::LAYOUT.join(Parts { tick, datacenter: 0, worker: 0, sequence: 0 }))),
            Err(error) => Err(error),
        }
    }

    /// Returns the largest ID that any worker can issue in the tick that contains the time `unix_ms`, in Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`IdError::Time`] if `unix_ms` is before the layout's first tick or after the last tick.
    ///
    /// # Examples
    /// ```
    /// use casflake::{IdError, Snowflake};
    ///
    /// let until = <Snowflake>::max_at(1_735_689_600_000)?; // WHERE id <= $1
    /// assert_eq!((until.unix_ms(), until.worker(), until.sequence()), (1_735_689_600_000, 31, 4095));
    /// assert!(matches!(<Snowflake>::max_at(0), Err(IdError::Time { unix_ms: 0, .. })));
    /// # Ok::<(), IdError>(())
    /// ```
    pub const fn max_at(unix_ms: u64) -> Result<Self, IdError> {
        match tick_at(&S::LAYOUT, unix_ms) {
            Ok(tick) => Ok(Self::from_valid(S::LAYOUT.join(Parts {
                tick,
                datacenter: S::LAYOUT.max_datacenter(),
                worker: S::LAYOUT.max_worker(),
                sequence: S::LAYOUT.max_sequence(),
            }))),
            Err(error) => Err(error),
        }
    }

    /// Returns the values of the ID's four fields.
    #[must_use]
    pub const fn parts(self) -> Parts {
        S::LAYOUT.split(self.0)
    }

    /// Returns the moment at which the ID's tick began, in Unix milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        S::LAYOUT.epoch_unix_ms() + self.tick() * S::LAYOUT.tick_ms()
    }

    /// Returns the ID's tick, counted from the layout's epoch. The tick that begins at the epoch is 0.
    #[must_use]
    pub const fn tick(self) -> u64 {
        self.parts().tick
    }

    /// Returns the datacenter of the worker that issued the ID, or 0 if the layout has no datacenter field.
    #[must_use]
    pub const fn datacenter(self) -> u64 {
        self.parts().datacenter
    }

    /// Returns the number of the worker that issued the ID, or 0 if the layout has no worker field. The workers of each
    /// datacenter are numbered from 0.
    #[must_use]
    pub const fn worker(self) -> u64 {
        self.parts().worker
    }

    /// Returns the ID's sequence number. The IDs that a worker issues in one tick are numbered from 0 to
    /// [`Layout::max_sequence`].
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.parts().sequence
    }
}

impl<S> Snowflake<S> {
    /// Returns the ID as an integer.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the ID as a signed integer, for databases whose integers are signed, such as PostgreSQL's `bigint`.
    ///
    /// If the layout has 63 bits or fewer, `as_i64` and `as_u64` return the same number. If the layout has 64 bits
    /// (such as [`Discord`](crate::Discord) and [`Instagram`](crate::Instagram)), the signed integer of an ID is
    /// negative if the ID is from the second half of the layout's time. Negative integers sort before the signed
    /// integers of IDs from the first half. `TryFrom<i64>` always turns the signed integer back into the same ID.
    ///
    /// # Examples
    /// ```
    /// use casflake::{IdError, Snowflake};
    ///
    /// let id = <Snowflake>::min_at(1_735_689_600_000)?;
    /// let stored: i64 = id.as_i64();
    /// assert_eq!(Snowflake::try_from(stored), Ok(id));
    /// assert_eq!(<Snowflake>::try_from(-1_i64), Err(IdError::Negative { value: -1 }));
    /// # Ok::<(), IdError>(())
    /// ```
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "that is what the docs promise")]
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }
}

/// Returns the tick that contains the time `unix_ms`. Fails with `IdError::Time` if the layout has no such tick.
const fn tick_at(layout: &Layout, unix_ms: u64) -> Result<u64, IdError> {
    match layout.tick_at(unix_ms) {
        Some(tick) => Ok(tick),
        None => Err(IdError::Time {
            unix_ms,
            first_unix_ms: layout.epoch_unix_ms(),
            last_unix_ms: (layout.epoch_unix_ms() + layout.max_tick() * layout.tick_ms())
                .saturating_add(layout.tick_ms() - 1),
        }),
    }
}

/// Turns a number into the ID with this number. Fails with [`IdError::ReservedBits`] if a reserved bit of the number is
/// 1.
impl<S: Scheme> TryFrom<u64> for Snowflake<S> {
    type Error = IdError;

    fn try_from(id: u64) -> Result<Self, IdError> {
        S::LAYOUT.decode(id).map(|_| Self::from_valid(id))
    }
}

/// Turns a signed integer that came from [`Snowflake::as_i64`] into its ID. Fails with [`IdError::Negative`] if the
/// integer is negative and the layout has 63 bits or fewer. Fails with [`IdError::ReservedBits`] if the integer is not
/// negative and has a 1 in a reserved bit.
impl<S: Scheme> TryFrom<i64> for Snowflake<S> {
    type Error = IdError;

    fn try_from(value: i64) -> Result<Self, IdError> {
        if value < 0 && S::LAYOUT.total_bits() < u64::BITS {
            return Err(IdError::Negative { value });
        }
        #[expect(clippy::cast_sign_loss, reason = "the inverse of `as_i64`")]
        Self::try_from(value as u64)
    }
}

impl<S> From<Snowflake<S>> for u64 {
    fn from(id: Snowflake<S>) -> Self {
        id.0
    }
}

/// Turns the ID into the same signed integer as [`Snowflake::as_i64`].
impl<S> From<Snowflake<S>> for i64 {
    fn from(id: Snowflake<S>) -> Self {
        id.as_i64()
    }
}

/// Reads an ID from the decimal digits that `Display` writes. Refuses a sign and leading zeros, so that no two texts
/// stand for the same ID.
///
/// # Errors
/// * [`IdError::NotDecimal`] if the text is empty or has a character that is not a digit.
/// * [`IdError::LeadingZeros`] if the text has leading zeros.
/// * [`IdError::TooLong`] if the number is larger than `u64::MAX`.
/// * [`IdError::ReservedBits`] if a reserved bit of the number is 1.
impl<S: Scheme> FromStr for Snowflake<S> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // `u64::from_str` would also accept a plus sign, so the digits are checked first.
        let stray = text.char_indices().find(|(_, c)| !c.is_ascii_digit());
        if stray.is_some() || text.is_empty() {
            return Err(IdError::NotDecimal { found: stray });
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(IdError::LeadingZeros);
        }
        Self::try_from(text.parse::<u64>().map_err(|_| IdError::TooLong)?)
    }
}

/// Writes the ID as decimal digits.
///
/// The texts sort in the same order as the IDs only if all texts have the same number of digits. IDs of [`Standard`]
/// grow from 18 digits to 19 on 2031-07-22. From then on, new IDs sort before old ones in a column of texts or a list
/// of file names. To avoid this, store the integer, or write texts of a fixed width. In every layout the texts of
/// `format!("{id:016x}")` sort in the same order as the IDs.
impl<S> fmt::Display for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<S> fmt::LowerHex for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl<S> fmt::UpperHex for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::UpperHex::fmt(&self.0, f)
    }
}

impl<S> fmt::Octal for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Octal::fmt(&self.0, f)
    }
}

impl<S> fmt::Binary for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Binary::fmt(&self.0, f)
    }
}

impl<S: Scheme> fmt::Debug for Snowflake<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snowflake")
            .field("id", &self.0)
            .field("unix_ms", &self.unix_ms())
            .field("datacenter", &self.datacenter())
            .field("worker", &self.worker())
            .field("sequence", &self.sequence())
            .finish()
    }
}

// These traits are not derived, because a derive would require that `S` implements them, too. `S` is only a name.

impl<S> Clone for Snowflake<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Snowflake<S> {}

impl<S> PartialEq for Snowflake<S> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<S> Eq for Snowflake<S> {}

impl<S> PartialOrd for Snowflake<S> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<S> Ord for Snowflake<S> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<S> Hash for Snowflake<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
