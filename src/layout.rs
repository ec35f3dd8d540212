//! `Layout`: how the 64 bits of an ID are divided. A layout consists of the widths and the order of the fields, the
//! epoch, and the tick length. The constructors check these values together.

mod fields;
mod time;

use core::fmt;

use crate::error::LayoutError;
use crate::word::SLOT_BITS;

/// The order of the fields in an ID, from the highest bits to the lowest.
///
/// # Examples
/// ```
/// use casflake::{FieldOrder, Layout, Parts};
///
/// let parts = Parts { tick: 0, datacenter: 0, worker: 1, sequence: 0 };
/// let layout = Layout::new(39, 0, 16, 8);
/// assert_eq!(layout.encode(parts)?, 1 << 8);
/// assert_eq!(layout.with_order(FieldOrder::WorkerLast).encode(parts)?, 1);
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldOrder {
    /// `timestamp | datacenter | worker | sequence`, as in Twitter's IDs.
    #[default]
    SequenceLast,
    /// `timestamp | sequence | datacenter | worker`, as in Sonyflake's IDs.
    WorkerLast,
}

/// Writes `sequence-last` or `worker-last`. These names will not change, so they can be stored.
impl fmt::Display for FieldOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SequenceLast => "sequence-last",
            Self::WorkerLast => "worker-last",
        })
    }
}

/// The widths and the order of the fields in an ID, the epoch from which ticks count, and the length of a tick.
///
/// A `Layout` is always valid, because the constructors refuse invalid values. [`new`](Self::new) panics if the widths
/// are invalid. In a `const`, such as [`Scheme::LAYOUT`](crate::Scheme::LAYOUT), the panic is a compile error.
/// [`try_new`](Self::try_new) returns an error instead. The fields take the lowest bits of an ID. The bits above the
/// fields are reserved and always 0.
///
/// # Examples
/// ```
/// use casflake::{Layout, Parts};
///
/// const LAYOUT: Layout = Layout::new(41, 5, 5, 12).with_epoch_unix_ms(1_288_834_974_657);
/// let parts = LAYOUT.decode(1_541_815_603_606_036_480)?;
/// assert_eq!(parts, Parts { tick: 367_597_485_448, datacenter: 11, worker: 26, sequence: 0 });
/// assert_eq!(LAYOUT.unix_ms_of(parts.tick), Some(1_656_432_460_105));
/// # Ok::<(), casflake::IdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    timestamp_bits: u32,
    datacenter_bits: u32,
    worker_bits: u32,
    sequence_bits: u32,
    epoch_unix_ms: u64,
    tick_ms: u64,
    order: FieldOrder,
}

/// The four fields of an ID, as plain numbers.
///
/// # Examples
/// ```
/// use casflake::{Parts, Snowflake};
///
/// let Parts { tick, datacenter, worker, sequence } = <Snowflake>::MAX.parts();
/// assert_eq!((tick, datacenter, worker, sequence), ((1 << 41) - 1, 31, 31, 4095));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    /// The tick, counted from the layout's epoch, up to [`Layout::max_tick`].
    pub tick: u64,
    /// The datacenter, up to [`Layout::max_datacenter`]. It is 0 if the layout has no datacenter field.
    pub datacenter: u64,
    /// The worker within its datacenter, up to [`Layout::max_worker`]. It is 0 if the layout has no worker field.
    pub worker: u64,
    /// The sequence number, from 0 up to [`Layout::max_sequence`]. The IDs that a worker issues in one tick have
    /// different sequence numbers.
    pub sequence: u64,
}

impl Layout {
    /// Returns a layout whose fields have the given widths, in bits. A tick is 1 ms long, and ticks count from the Unix
    /// epoch. The sequence is in the lowest bits.
    ///
    /// # Panics
    /// Panics if `timestamp` is 0 or the widths add up to more than 64. In a `const` this is a compile error. For
    /// widths that are known only at run time use [`try_new`](Self::try_new).
    ///
    /// # Examples
    /// ```
    /// use casflake::Layout;
    ///
    /// const LAYOUT: Layout = Layout::new(41, 0, 8, 13);
    /// assert_eq!((LAYOUT.total_bits(), LAYOUT.max_worker(), LAYOUT.max_sequence()), (62, 255, 8191));
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn new(timestamp: u32, datacenter: u32, worker: u32, sequence: u32) -> Self {
        Self::valid(Self::try_new(timestamp, datacenter, worker, sequence))
    }

    /// Returns this layout with the epoch `unix_ms`, in milliseconds since 1970-01-01T00:00:00Z. The epoch is the
    /// moment at which tick 0 begins.
    ///
    /// # Panics
    /// Panics if the last tick would begin after Unix time `u64::MAX` ms. In a `const` this is a compile error.
    ///
    /// # Examples
    /// ```
    /// use casflake::Layout;
    ///
    /// const LAYOUT: Layout = Layout::new(41, 0, 8, 13).with_epoch_unix_ms(1_735_689_600_000); // 2025-01-01
    /// assert_eq!(LAYOUT.unix_ms_of(0), Some(1_735_689_600_000));
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn with_epoch_unix_ms(self, unix_ms: u64) -> Self {
        Self::valid(self.try_with_epoch_unix_ms(unix_ms))
    }

    /// Returns this layout with ticks that are `ms` milliseconds long.
    ///
    /// # Panics
    /// Panics if `ms` is 0 or the last tick would begin after Unix time `u64::MAX` ms. In a `const` this is a
    /// compile error.
    ///
    /// # Examples
    /// ```
    /// use casflake::Layout;
    ///
    /// const LAYOUT: Layout = Layout::new(39, 0, 16, 8).with_tick_ms(10);
    /// assert_eq!(LAYOUT.unix_ms_of(7), Some(70));
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn with_tick_ms(self, ms: u64) -> Self {
        Self::valid(self.try_with_tick_ms(ms))
    }

    /// Returns this layout with the fields in the order `order`.
    #[must_use]
    pub const fn with_order(mut self, order: FieldOrder) -> Self {
        self.order = order;
        self
    }

    /// Returns the same layout as [`new`](Self::new), but returns an error where `new` panics. Use this function for
    /// widths that are known only at run time.
    ///
    /// # Errors
    /// * [`LayoutError::NoTimestamp`] if `timestamp` is 0.
    /// * [`LayoutError::TooWide`] if the widths add up to more than 64.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Layout, LayoutError};
    ///
    /// let layout = Layout::try_new(41, 5, 5, 12)?.try_with_epoch_unix_ms(1_288_834_974_657)?;
    /// assert_eq!(layout.decode(1_541_815_603_606_036_480).map(|parts| parts.worker), Ok(26));
    /// assert_eq!(Layout::try_new(0, 5, 5, 12), Err(LayoutError::NoTimestamp));
    /// # Ok::<(), LayoutError>(())
    /// ```
    pub const fn try_new(timestamp: u32, datacenter: u32, worker: u32, sequence: u32) -> Result<Self, LayoutError> {
        Self {
            timestamp_bits: timestamp,
            datacenter_bits: datacenter,
            worker_bits: worker,
            sequence_bits: sequence,
            epoch_unix_ms: 0,
            tick_ms: 1,
            order: FieldOrder::SequenceLast,
        }
        .checked()
    }

    /// Returns the same layout as [`with_epoch_unix_ms`](Self::with_epoch_unix_ms), but returns an error where
    /// `with_epoch_unix_ms` panics. Use this function for an epoch that is known only at run time.
    ///
    /// # Errors
    /// [`LayoutError::TimeOverflow`] if the last tick would begin after Unix time `u64::MAX` ms.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Layout, LayoutError, Standard, Scheme};
    ///
    /// let refused = Standard::LAYOUT.try_with_epoch_unix_ms(u64::MAX);
    /// assert_eq!(refused, Err(LayoutError::TimeOverflow { epoch_unix_ms: u64::MAX, tick_ms: 1 }));
    /// ```
    pub const fn try_with_epoch_unix_ms(mut self, unix_ms: u64) -> Result<Self, LayoutError> {
        self.epoch_unix_ms = unix_ms;
        self.checked()
    }

    /// Returns the same layout as [`with_tick_ms`](Self::with_tick_ms), but returns an error where `with_tick_ms`
    /// panics. Use this function for a length that is known only at run time.
    ///
    /// # Errors
    /// * [`LayoutError::ZeroTick`] if `ms` is 0.
    /// * [`LayoutError::TimeOverflow`] if the last tick would begin after Unix time `u64::MAX` ms.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Layout, LayoutError};
    ///
    /// assert_eq!(Layout::new(39, 0, 16, 8).try_with_tick_ms(0), Err(LayoutError::ZeroTick));
    /// ```
    pub const fn try_with_tick_ms(mut self, ms: u64) -> Result<Self, LayoutError> {
        self.tick_ms = ms;
        self.checked()
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a compile error in a `const`; documented for the rest")]
    const fn valid(layout: Result<Self, LayoutError>) -> Self {
        match layout {
            Ok(layout) => layout,
            Err(error) => panic!("{}", error.summary()),
        }
    }

    const fn checked(self) -> Result<Self, LayoutError> {
        if self.timestamp_bits == 0 {
            return Err(LayoutError::NoTimestamp);
        }
        let total = self
            .timestamp_bits
            .saturating_add(self.datacenter_bits)
            .saturating_add(self.worker_bits)
            .saturating_add(self.sequence_bits);
        if total > 64 {
            return Err(LayoutError::TooWide {
                timestamp: self.timestamp_bits,
                datacenter: self.datacenter_bits,
                worker: self.worker_bits,
                sequence: self.sequence_bits,
            });
        }
        if self.tick_ms == 0 {
            return Err(LayoutError::ZeroTick);
        }
        let last = (self.max_tick() as u128) * (self.tick_ms as u128) + self.epoch_unix_ms as u128;
        if last > u64::MAX as u128 {
            return Err(LayoutError::TimeOverflow { epoch_unix_ms: self.epoch_unix_ms, tick_ms: self.tick_ms });
        }
        Ok(self)
    }

    /// Returns the width of the timestamp field, in bits. It is 1 to 64.
    #[must_use]
    pub const fn timestamp_bits(&self) -> u32 {
        self.timestamp_bits
    }

    /// Returns the width of the datacenter field, in bits. It is 0 to 63.
    #[must_use]
    pub const fn datacenter_bits(&self) -> u32 {
        self.datacenter_bits
    }

    /// Returns the width of the worker field, in bits. It is 0 to 63.
    #[must_use]
    pub const fn worker_bits(&self) -> u32 {
        self.worker_bits
    }

    /// Returns the width of the sequence field, in bits. It is 0 to 63.
    #[must_use]
    pub const fn sequence_bits(&self) -> u32 {
        self.sequence_bits
    }

    /// Returns the sum of the widths of all fields, in bits. It is 1 to 64. All higher bits of an ID are reserved.
    #[must_use]
    pub const fn total_bits(&self) -> u32 {
        self.timestamp_bits + self.datacenter_bits + self.worker_bits + self.sequence_bits
    }

    /// Returns the moment at which tick 0 begins, in Unix milliseconds.
    #[must_use]
    pub const fn epoch_unix_ms(&self) -> u64 {
        self.epoch_unix_ms
    }

    /// Returns the length of a tick, in milliseconds. It is at least 1.
    #[must_use]
    pub const fn tick_ms(&self) -> u64 {
        self.tick_ms
    }

    /// Returns the order of the fields.
    #[must_use]
    pub const fn order(&self) -> FieldOrder {
        self.order
    }

    /// Returns the last tick that the timestamp field can hold, counted from the epoch.
    #[must_use]
    pub const fn max_tick(&self) -> u64 {
        mask(self.timestamp_bits)
    }

    /// Returns the largest datacenter number, or 0 if the layout has no datacenter field.
    #[must_use]
    pub const fn max_datacenter(&self) -> u64 {
        mask(self.datacenter_bits)
    }

    /// Returns the largest worker number within a datacenter, or 0 if the layout has no worker field.
    #[must_use]
    pub const fn max_worker(&self) -> u64 {
        mask(self.worker_bits)
    }

    /// Returns the largest sequence number. Sequence numbers begin at 0, so a worker can issue `max_sequence() + 1` IDs
    /// per tick.
    #[must_use]
    pub const fn max_sequence(&self) -> u64 {
        mask(self.sequence_bits)
    }

    /// Returns the largest ID, in which every bit of the fields is set.
    #[must_use]
    pub const fn max_id(&self) -> u64 {
        mask(self.total_bits())
    }

    /// Returns whether a [`Generator`](crate::Generator) can issue IDs of this layout. This is the case if the
    /// timestamp field and the sequence field together have 62 bits or fewer. A generator keeps the tick and the
    /// sequence number in one atomic word of 64 bits, which also holds a carry bit and the *closed* bit. IDs of all
    /// other layouts can be encoded and decoded, but not generated.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Mastodon, Scheme, Standard};
    ///
    /// assert!(Standard::LAYOUT.can_generate());
    /// assert!(!Mastodon::LAYOUT.can_generate(), "48 + 16 bits");
    /// ```
    #[must_use]
    pub const fn can_generate(&self) -> bool {
        self.timestamp_bits + self.sequence_bits <= SLOT_BITS
    }
}

/// Returns a number whose lowest `bits` bits are 1 and whose other bits are 0. `bits` is 0 to 64.
const fn mask(bits: u32) -> u64 {
    match u64::MAX.checked_shr(u64::BITS - bits) {
        Some(mask) => mask,
        None => 0,
    }
}
