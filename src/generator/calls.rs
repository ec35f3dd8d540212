//! `generate`, `try_generate` and `fill`: a generator's calls for one ID and for a buffer of IDs.

use crate::clock::Clock;
use crate::error::{FillError, GenerateError};
use crate::id::Snowflake;
use crate::layout::Parts;
use crate::scheme::Scheme;
use crate::word::Reservation;

use super::Generator;

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// Returns the next ID. If the IDs of the current tick are used up, waits until the next tick begins, but not
    /// longer than [`max_wait`](crate::GeneratorBuilder::max_wait), which is 100 ms by default. If other threads take
    /// all IDs of that tick before this call gets one, the call waits again, until the following tick begins.
    ///
    /// The wait blocks the thread. In async code, call [`try_generate`](Self::try_generate) instead. If `try_generate`
    /// fails, let the task sleep for the time that [`retry_after`](GenerateError::retry_after) returns.
    ///
    /// # Errors
    /// A failed call changes nothing.
    /// * [`Exhausted`](GenerateError::Exhausted) if the IDs of the current tick are used up and the time until the next
    ///   tick is longer than `max_wait`.
    /// * [`ClockBehind`](GenerateError::ClockBehind) if the clock has moved back and does not catch up within
    ///   `max_wait`. A call of a strict generator fails immediately.
    /// * [`ClockStalled`](GenerateError::ClockStalled) if the clock did not reach the next tick within `max_wait`.
    /// * [`BeforeEpoch`](GenerateError::BeforeEpoch) if the clock is before the layout's epoch and no ID was issued
    ///   yet.
    /// * [`OutOfTicks`](GenerateError::OutOfTicks) if the clock is past the layout's last tick, or if all IDs of that
    ///   tick are used up.
    /// * [`TooEarly`](GenerateError::TooEarly) if the window does not open within `max_wait`.
    /// * [`Fenced`](GenerateError::Fenced) if the next ID's tick is at the fence or after it.
    /// * [`Closed`](GenerateError::Closed) if the generator was closed.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, WorkerId};
    ///
    /// static IDS: Generator = Generator::new(WorkerId::fixed::<0, 1>());
    ///
    /// let (first, second) = (IDS.generate()?, IDS.generate()?);
    /// assert!(first < second);
    /// # Ok::<(), casflake::GenerateError>(())
    /// ```
    #[inline]
    pub fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.reserve(1).map(|slots| self.first_id(slots))
    }

    /// Returns the next ID, without waiting.
    ///
    /// # Errors
    /// The errors that [`generate`](Self::generate) would return with a `max_wait` of 0. If the IDs of the current tick
    /// are used up, the error is [`Exhausted`](GenerateError::Exhausted). The error is never `ClockStalled`.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GenerateError, Generator, ManualClock, WorkerId};
    ///
    /// let ids = Generator::with_clock(WorkerId::fixed::<0, 1>(), ManualClock::new(1_735_689_600_000));
    /// ids.generate_batch(4096)?; // all of this millisecond
    /// match ids.try_generate() {
    ///     Err(GenerateError::Exhausted { retry_after }) => assert_eq!(retry_after.as_millis(), 1),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
    #[inline]
    pub fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.try_reserve(1).map(|slots| self.first_id(slots))
    }

    /// Fills `buffer` with IDs in increasing order, with one compare-and-swap per tick and no allocation.
    ///
    /// Waits for each tick as [`generate`](Self::generate) does. The IDs in the buffer may not be consecutive, because
    /// other threads may get IDs meanwhile. Returns immediately if the buffer is empty.
    ///
    /// # Errors
    /// The errors of [`generate`](Self::generate). [`FillError::filled`] returns how many IDs were written before the
    /// error.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, Snowflake, WorkerId};
    ///
    /// static IDS: Generator = Generator::new(WorkerId::fixed::<0, 1>());
    ///
    /// let mut buffer = [Snowflake::MIN; 64];
    /// IDS.fill(&mut buffer)?;
    /// assert!(buffer.is_sorted());
    /// # Ok::<(), casflake::FillError>(())
    /// ```
    pub fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let slots = self.reserve(rest.len() as u64).map_err(|error| FillError { filled, error })?;
            #[expect(clippy::cast_possible_truncation, reason = "no more than rest.len()")]
            let count = slots.count as usize;
            // The compiler turns additions in a loop over a slice into vector stores.
            let (mut id, step) = (self.first_id(slots).as_u64(), 1 << S::LAYOUT.sequence_shift());
            for place in rest.iter_mut().take(count) {
                *place = Snowflake::from_valid(id);
                id = id.wrapping_add(step);
            }
            filled += count;
        }
        Ok(())
    }

    /// Returns the ID of the first slot in `slots`.
    #[inline]
    pub(crate) fn first_id(&self, slots: Reservation) -> Snowflake<S> {
        let bits = S::LAYOUT.sequence_bits();
        let slot = Parts { tick: slots.tick(bits), datacenter: 0, worker: 0, sequence: slots.sequence(bits) };
        Snowflake::from_valid(S::LAYOUT.join(slot) | self.worker_bits)
    }

    /// Returns the IDs of all slots in `slots`, in increasing order.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn ids(&self, slots: Reservation) -> impl Iterator<Item = Snowflake<S>> + use<S, C> {
        let first = self.first_id(slots).as_u64();
        (0..slots.count).map(move |i| Snowflake::from_valid(first + (i << S::LAYOUT.sequence_shift())))
    }
}
