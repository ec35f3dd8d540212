//! `Snowflake<S>`: the ID type and its parts.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::str::FromStr;

use crate::error::IdError;
use crate::layout::{Layout, Parts};
use crate::scheme::{Scheme, Standard};

/// A Snowflake ID of the scheme `S`: a `u64` in which the layout's reserved bits are 0.
///
/// It orders, compares and hashes as that integer, and so by time first. IDs of two schemes are two types.
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
/// The bounds of a time range, for a database query:
///
/// ```
/// use casflake::Snowflake;
///
/// let (from, to) = (1_735_689_600_000, 1_735_775_999_999); // 2025-01-01, UTC
/// let (first, last) = (<Snowflake>::min_at(from)?, <Snowflake>::max_at(to)?);
/// let query = format!("SELECT * FROM orders WHERE id BETWEEN {first} AND {last}");
/// # Ok::<(), casflake::IdError>(())
/// ```
#[repr(transparent)]
pub struct Snowflake<S = Standard>(u64, PhantomData<fn() -> S>);

impl<S: Scheme> Snowflake<S> {
    /// The smallest ID, 0: a placeholder for buffers, such as the one that [`fill`](crate::Generator::fill) takes.
    pub const MIN: Self = Self::from_valid(0);

    /// The largest ID: every bit of the layout set.
    pub const MAX: Self = Self::from_valid(S::LAYOUT.max_id());

    /// Returns the ID of a number that is known to set no reserved bit.
    pub(crate) const fn from_valid(id: u64) -> Self {
        Self(id, PhantomData)
    }

    /// Returns the ID made of `parts`.
    ///
    /// # Errors
    /// [`IdError::Field`] if a part does not fit its field.
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

    /// Returns the smallest ID of any worker in the tick at the time `unix_ms` (Unix milliseconds).
    ///
    /// # Errors
    /// [`IdError::Time`] if `unix_ms` is before the layout's first tick or after its last.
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

    /// Returns the largest ID of any worker in the tick at the time `unix_ms` (Unix milliseconds).
    ///
    /// # Errors
    /// [`IdError::Time`] if `unix_ms` is before the layout's first tick or after its last.
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

    /// Returns the four fields.
    #[must_use]
    pub const fn parts(self) -> Parts {
        S::LAYOUT.split(self.0)
    }

    /// Returns the moment at which the ID's tick began, in Unix milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        S::LAYOUT.epoch_unix_ms() + self.tick() * S::LAYOUT.tick_ms()
    }

    /// Returns the tick, counted from 0 at the layout's epoch.
    #[must_use]
    pub const fn tick(self) -> u64 {
        self.parts().tick
    }

    /// Returns the datacenter; 0 if the layout has no such field.
    #[must_use]
    pub const fn datacenter(self) -> u64 {
        self.parts().datacenter
    }

    /// Returns the worker within its datacenter; 0 if the layout has no such field.
    #[must_use]
    pub const fn worker(self) -> u64 {
        self.parts().worker
    }

    /// Returns the number within the tick, from 0 up to [`Layout::max_sequence`].
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

    /// Returns the ID as a signed integer, for databases without unsigned ones (PostgreSQL's `bigint`).
    ///
    /// It is the same number if the layout has 63 bits or fewer. The IDs of a layout that uses all 64 (such as
    /// [`Discord`](crate::Discord) and [`Instagram`](crate::Instagram)) turn negative in the second half of its time,
    /// and signed order is then no longer time order. `TryFrom<i64>` always returns the same ID.
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

/// Returns the tick at the time `unix_ms`, or fails with `Time`.
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

/// Fails with [`IdError::ReservedBits`] if the number sets a reserved bit.
impl<S: Scheme> TryFrom<u64> for Snowflake<S> {
    type Error = IdError;

    fn try_from(id: u64) -> Result<Self, IdError> {
        S::LAYOUT.decode(id).map(|_| Self::from_valid(id))
    }
}

/// The inverse of [`Snowflake::as_i64`]. Fails with [`IdError::Negative`] if the number is negative and the layout does
/// not use all 64 bits.
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

/// Converts as [`Snowflake::as_i64`] does.
impl<S> From<Snowflake<S>> for i64 {
    fn from(id: Snowflake<S>) -> Self {
        id.as_i64()
    }
}

/// Reads decimal digits as `Display` writes them: without a sign and without leading zeros, so that an ID has one text.
///
/// Fails with [`IdError::NotDecimal`], [`IdError::LeadingZeros`], [`IdError::TooLong`] if the number is over
/// `u64::MAX`, or [`IdError::ReservedBits`] if it sets a reserved bit.
impl<S: Scheme> FromStr for Snowflake<S> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // `u64::from_str` accepts a plus sign, which no ID has.
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

/// Writes decimal digits.
///
/// Texts of IDs sort as the IDs do only if they have the same number of digits. IDs of [`Standard`] grow from 18 digits
/// to 19 on 2031-07-22: from then on a column of text or a list of file names sorts new IDs before old ones. Store the
/// integer, or write a fixed width: `format!("{id:016x}")` sorts as the IDs do, in every layout.
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

// Not derived, because a derive would require the same of `S`, which is only a name.

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
