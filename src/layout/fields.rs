//! Conversions between an ID and the values of its fields, according to a layout.

use crate::error::IdError;

use super::{FieldOrder, Layout, Parts};

impl Layout {
    /// Returns the values of the fields in `id`.
    ///
    /// # Errors
    /// [`IdError::ReservedBits`] if `id` has a 1 in a bit that the layout reserves.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Discord, IdError, Parts, Scheme, Standard};
    ///
    /// let parts = Discord::LAYOUT.decode(175_928_847_299_117_063)?;
    /// assert_eq!(parts, Parts { tick: 41_944_705_796, datacenter: 1, worker: 0, sequence: 7 });
    /// assert_eq!(Standard::LAYOUT.decode(1 << 63), Err(IdError::ReservedBits { id: 1 << 63, bits: 63 }));
    /// # Ok::<(), IdError>(())
    /// ```
    pub const fn decode(&self, id: u64) -> Result<Parts, IdError> {
        if id > self.max_id() {
            return Err(IdError::ReservedBits { id, bits: self.total_bits() });
        }
        Ok(self.split(id))
    }

    /// Returns the ID whose fields have the values `parts`.
    ///
    /// # Errors
    /// [`IdError::Field`] if one of the values does not fit its field.
    ///
    /// # Examples
    /// ```
    /// use casflake::{IdError, Parts, Scheme, Standard};
    ///
    /// let parts = Parts { tick: 1, datacenter: 0, worker: 2, sequence: 3 };
    /// assert_eq!(Standard::LAYOUT.encode(parts), Ok(1 << 22 | 2 << 12 | 3));
    ///
    /// let refused = Standard::LAYOUT.encode(Parts { worker: 32, ..parts });
    /// assert_eq!(refused, Err(IdError::Field { field: "worker", value: 32, max: 31 }));
    /// ```
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

    /// Returns the values of the fields in `id`. The caller must make sure that all reserved bits of `id` are 0.
    pub(crate) const fn split(&self, id: u64) -> Parts {
        Parts {
            tick: id >> self.timestamp_shift(),
            datacenter: (id >> self.datacenter_shift()) & self.max_datacenter(),
            worker: (id >> self.worker_shift()) & self.max_worker(),
            sequence: (id >> self.sequence_shift()) & self.max_sequence(),
        }
    }

    /// Returns the ID whose fields have the values `parts`. The caller must make sure that each value fits its field.
    pub(crate) const fn join(&self, parts: Parts) -> u64 {
        (parts.tick << self.timestamp_shift())
            | (parts.datacenter << self.datacenter_shift())
            | (parts.worker << self.worker_shift())
            | (parts.sequence << self.sequence_shift())
    }

    // The timestamp is the highest field and has at least one bit. So every field begins below bit 64, and no shift
    // overflows.

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
