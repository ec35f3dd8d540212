//! `Layout`: how an ID divides its 64 bits, as one checked value of widths, epoch, tick and field order.

use core::fmt;

use crate::error::{IdError, LayoutError};
use crate::word::{SLOT_BITS, signed};

/// The place of the sequence in the ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldOrder {
    /// `timestamp | datacenter | worker | sequence`, as Twitter's.
    #[default]
    SequenceLast,
    /// `timestamp | sequence | datacenter | worker`, as Sonyflake's.
    WorkerLast,
}

/// Writes `sequence-last` or `worker-last`: a name that stays as it is, so that it can be stored.
impl fmt::Display for FieldOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SequenceLast => "sequence-last",
            Self::WorkerLast => "worker-last",
        })
    }
}

/// The widths of an ID's fields, their order, and the epoch and tick that its timestamp counts by.
///
/// A `Layout` is always valid: the constructors refuse values that do not fit. [`new`](Self::new) does so when the
/// program is compiled (in a `const`, such as [`Scheme::LAYOUT`](crate::Scheme::LAYOUT)), [`try_new`](Self::try_new) at
/// run time. The fields fill the ID from the lowest bit up; the bits above them are reserved and always 0.
///
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parts {
    /// Ticks since the layout's epoch.
    pub tick: u64,
    /// The datacenter; 0 if the layout has no such field.
    pub datacenter: u64,
    /// The worker within its datacenter; 0 if the layout has no such field.
    pub worker: u64,
    /// The number within the tick, from 0.
    pub sequence: u64,
}

impl Layout {
    /// Returns a layout with these widths in bits, ticks of 1 ms from the Unix epoch, and the sequence in the lowest
    /// bits.
    ///
    /// # Panics
    /// If a width does not fit. In a `const` that is a compile error. For widths that are known only at run time use
    /// [`try_new`](Self::try_new).
    #[must_use]
    #[track_caller]
    pub const fn new(timestamp: u32, datacenter: u32, worker: u32, sequence: u32) -> Self {
        Self::valid(Self::try_new(timestamp, datacenter, worker, sequence))
    }

    /// Sets the epoch, the moment at which tick 0 begins, to `unix_ms` milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Panics
    /// As [`new`](Self::new), if the last tick would begin after `u64::MAX` ms.
    #[must_use]
    #[track_caller]
    pub const fn with_epoch_unix_ms(self, unix_ms: u64) -> Self {
        Self::valid(self.try_with_epoch_unix_ms(unix_ms))
    }

    /// Sets the length of a tick to `ms` milliseconds.
    ///
    /// # Panics
    /// As [`new`](Self::new), if `ms` is 0 or the last tick would begin after `u64::MAX` ms.
    #[must_use]
    #[track_caller]
    pub const fn with_tick_ms(self, ms: u64) -> Self {
        Self::valid(self.try_with_tick_ms(ms))
    }

    /// Sets the order of the fields.
    #[must_use]
    pub const fn with_order(mut self, order: FieldOrder) -> Self {
        self.order = order;
        self
    }

    /// Returns what [`new`](Self::new) does, for widths that are known only at run time.
    ///
    /// # Errors
    /// [`LayoutError::NoTimestamp`] if the timestamp has 0 bits, [`LayoutError::TooWide`] if the widths add up to more
    /// than 64.
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

    /// Sets the epoch as [`with_epoch_unix_ms`](Self::with_epoch_unix_ms) does, if it is known only at run time.
    ///
    /// # Errors
    /// [`LayoutError::TimeOverflow`] if the last tick would begin after `u64::MAX` ms.
    pub const fn try_with_epoch_unix_ms(mut self, unix_ms: u64) -> Result<Self, LayoutError> {
        self.epoch_unix_ms = unix_ms;
        self.checked()
    }

    /// Sets the length of a tick as [`with_tick_ms`](Self::with_tick_ms) does, if it is known only at run time.
    ///
    /// # Errors
    /// [`LayoutError::ZeroTick`] if `ms` is 0, [`LayoutError::TimeOverflow`] if the last tick would begin after
    /// `u64::MAX` ms.
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

    /// Returns the width of the timestamp in bits.
    #[must_use]
    pub const fn timestamp_bits(&self) -> u32 {
        self.timestamp_bits
    }

    /// Returns the width of the datacenter in bits.
    #[must_use]
    pub const fn datacenter_bits(&self) -> u32 {
        self.datacenter_bits
    }

    /// Returns the width of the worker in bits.
    #[must_use]
    pub const fn worker_bits(&self) -> u32 {
        self.worker_bits
    }

    /// Returns the width of the sequence in bits.
    #[must_use]
    pub const fn sequence_bits(&self) -> u32 {
        self.sequence_bits
    }

    /// Returns the width of an ID in bits, 1 to 64: all fields together. The bits above are reserved.
    #[must_use]
    pub const fn total_bits(&self) -> u32 {
        self.timestamp_bits + self.datacenter_bits + self.worker_bits + self.sequence_bits
    }

    /// Returns the moment at which tick 0 begins, in Unix milliseconds.
    #[must_use]
    pub const fn epoch_unix_ms(&self) -> u64 {
        self.epoch_unix_ms
    }

    /// Returns the length of a tick in milliseconds.
    #[must_use]
    pub const fn tick_ms(&self) -> u64 {
        self.tick_ms
    }

    /// Returns the order of the fields.
    #[must_use]
    pub const fn order(&self) -> FieldOrder {
        self.order
    }

    /// Returns the last tick that fits the timestamp.
    #[must_use]
    pub const fn max_tick(&self) -> u64 {
        mask(self.timestamp_bits)
    }

    /// Returns the largest datacenter.
    #[must_use]
    pub const fn max_datacenter(&self) -> u64 {
        mask(self.datacenter_bits)
    }

    /// Returns the largest worker within a datacenter.
    #[must_use]
    pub const fn max_worker(&self) -> u64 {
        mask(self.worker_bits)
    }

    /// Returns the largest sequence number. A worker has one ID more than this per tick.
    #[must_use]
    pub const fn max_sequence(&self) -> u64 {
        mask(self.sequence_bits)
    }

    /// Returns the largest ID.
    #[must_use]
    pub const fn max_id(&self) -> u64 {
        mask(self.total_bits())
    }

    /// Returns whether a [`Generator`](crate::Generator) can issue IDs of this layout: whether its timestamp and
    /// sequence take 62 bits or fewer, so that one atomic word can hold them with a carry and the *closed* bit. Other
    /// layouts only decode.
    #[must_use]
    pub const fn can_generate(&self) -> bool {
        self.timestamp_bits + self.sequence_bits <= SLOT_BITS
    }

    /// Returns the tick at the time `unix_ms`, or `None` if that is before the epoch or after the last tick.
    #[must_use]
    pub const fn tick_at(&self, unix_ms: u64) -> Option<u64> {
        if unix_ms < self.epoch_unix_ms {
            return None;
        }
        let tick = (unix_ms - self.epoch_unix_ms) / self.tick_ms;
        if tick > self.max_tick() { None } else { Some(tick) }
    }

    /// Returns the moment at which `tick` begins, in Unix milliseconds, or `None` if the tick does not fit the
    /// timestamp.
    #[must_use]
    pub const fn unix_ms_of(&self, tick: u64) -> Option<u64> {
        if tick > self.max_tick() { None } else { Some(self.epoch_unix_ms + tick * self.tick_ms) }
    }

    /// Returns the tick of a clock that reads `unix_ms`: negative before the epoch, and not bounded by the timestamp.
    #[inline]
    pub(crate) const fn signed_tick_at(&self, unix_ms: u64) -> i64 {
        if unix_ms >= self.epoch_unix_ms {
            let ticks = (unix_ms - self.epoch_unix_ms) / self.tick_ms;
            if ticks <= i64::MAX.unsigned_abs() {
                return signed(ticks);
            }
        }
        self.clamped_tick_at(unix_ms)
    }

    /// Returns the same for a tick that is negative or over 2^63. Out of line, so that the usual case is short.
    #[cold]
    const fn clamped_tick_at(&self, unix_ms: u64) -> i64 {
        // A distance of 2^63 ticks or more is outside of every timestamp, so its exact value does not matter.
        if unix_ms >= self.epoch_unix_ms {
            clamped((unix_ms - self.epoch_unix_ms) / self.tick_ms)
        } else {
            -clamped((self.epoch_unix_ms - unix_ms).div_ceil(self.tick_ms))
        }
    }

    /// Returns the fields of `id`.
    ///
    /// # Errors
    /// [`IdError::ReservedBits`] if `id` sets a bit that the layout reserves.
    pub const fn decode(&self, id: u64) -> Result<Parts, IdError> {
        if id > self.max_id() {
            return Err(IdError::ReservedBits { id, bits: self.total_bits() });
        }
        Ok(self.split(id))
    }

    /// Returns the ID made of `parts`.
    ///
    /// # Errors
    /// [`IdError::Field`] if a part does not fit its field.
    pub const fn encode(&self, parts: Parts) -> Result<u64, IdError> {
        if parts.tick > self.max_tick() {
            return Err(IdError::field("tick", parts.tick, self.max_tick()));
        }
        if parts.datacenter > self.max_datacenter() {
            return Err(IdError::field("datacenter", parts.datacenter, self.max_datacenter()));
        }
        if parts.worker > self.max_worker() {
            return Err(IdError::field("worker", parts.worker, self.max_worker()));
        }
        if parts.sequence > self.max_sequence() {
            return Err(IdError::field("sequence", parts.sequence, self.max_sequence()));
        }
        Ok(self.join(parts))
    }

    /// Decodes an ID that is known to have no reserved bit set.
    pub(crate) const fn split(&self, id: u64) -> Parts {
        Parts {
            tick: id >> self.timestamp_shift(),
            datacenter: (id >> self.datacenter_shift()) & self.max_datacenter(),
            worker: (id >> self.worker_shift()) & self.max_worker(),
            sequence: (id >> self.sequence_shift()) & self.max_sequence(),
        }
    }

    /// Encodes parts that are known to fit.
    pub(crate) const fn join(&self, parts: Parts) -> u64 {
        (parts.tick << self.timestamp_shift())
            | (parts.datacenter << self.datacenter_shift())
            | (parts.worker << self.worker_shift())
            | (parts.sequence << self.sequence_shift())
    }

    // The timestamp is on top and has at least one bit, so no field begins at bit 64, where a shift would overflow.

    const fn timestamp_shift(&self) -> u32 {
        self.datacenter_bits + self.worker_bits + self.sequence_bits
    }

    const fn datacenter_shift(&self) -> u32 {
        self.worker_shift() + self.worker_bits
    }

    const fn worker_shift(&self) -> u32 {
        match self.order {
            FieldOrder::SequenceLast => self.sequence_bits,
            FieldOrder::WorkerLast => 0,
        }
    }

    pub(crate) const fn sequence_shift(&self) -> u32 {
        match self.order {
            FieldOrder::SequenceLast => 0,
            FieldOrder::WorkerLast => self.datacenter_bits + self.worker_bits,
        }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "clamped")]
const fn clamped(ticks: u64) -> i64 {
    if ticks > i64::MAX as u64 { i64::MAX } else { ticks as i64 }
}

/// Returns a number with the lowest `bits` bits set, for 0 to 64 bits.
const fn mask(bits: u32) -> u64 {
    match u64::MAX.checked_shr(u64::BITS - bits) {
        Some(mask) => mask,
        None => 0,
    }
}
