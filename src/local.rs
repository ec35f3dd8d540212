//! `LocalGenerator`: one thread's handle on a generator. The handle reserves slots in blocks.

use core::fmt;

use crate::clock::{Clock, SystemClock};
use crate::error::GenerateError;
use crate::generator::Generator;
use crate::id::Snowflake;
use crate::scheme::{Scheme, Standard};
use crate::word::{Reservation, signed};

/// A handle on a generator, for one thread that needs many IDs. The handle reserves a block of slots with one
/// compare-and-swap and issues IDs from that block, so that threads rarely contend. [`Generator::local`] returns a
/// handle.
///
/// # Examples
/// ```
/// use std::thread;
///
/// use casflake::{Generator, WorkerId};
///
/// static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());
///
/// thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let mut mine = IDS.local(64);
///             let (first, second) = (mine.generate()?, mine.generate()?);
///             assert!(first < second);
///             Ok::<(), casflake::GenerateError>(())
///         });
///     }
/// });
/// ```
///
/// # What it promises
/// A handle keeps all [promises of a `Generator`](Generator#what-it-promises) except I2, the order of IDs. In place of
/// I2, each ID of a handle is larger than the earlier IDs of the same handle. No ID is issued twice, neither by two
/// handles nor by a handle and the generator itself. The tick of an ID is not before the clock's tick at the beginning
/// of the call. If the generator is closed, calls of its handles fail immediately. If a strict generator's clock has
/// moved back, calls of its handles fail immediately, too. To notice that the clock has moved back, the handles of a
/// strict generator load the shared word for each ID.
///
/// # What it does not promise
/// **Order across handles.** An ID of a handle may be smaller than an earlier ID of another handle or of the generator
/// itself. This can happen to two IDs of the same tick. It can also happen to two IDs of different ticks if the clock
/// lags (see [`Clock::unix_ms`]), if the clock has moved back, or if [`max_lead`](crate::GeneratorBuilder::max_lead) is
/// set. If this order matters, call [`Generator::generate`].
///
/// # How many slots it reserves
/// A handle's first reservation takes 1 slot. Each later reservation in the same tick takes as many slots as the handle
/// has issued IDs in this tick. The first reservation in a new tick takes as many slots as the handle issued IDs in its
/// *previous tick*. The previous tick of a handle is the tick of the last ID that the handle issued before the new
/// tick. No reservation takes more slots than the `block` that was passed to [`Generator::local`].
///
/// So the number of slots that a handle reserves in a tick has a bound. The bound is the larger of two numbers: twice
/// the number of IDs that the handle issues in this tick, and the number of IDs that it issued in its previous tick. An
/// idle handle costs next to nothing. Slots that are still unused when the tick ends or when the handle is dropped do
/// not become IDs. [`Stats::unused`](crate::Stats::unused) counts these slots.
pub struct LocalGenerator<'g, S = Standard, C = SystemClock> {
    generator: &'g Generator<S, C>,
    /// The largest number of slots that one reservation may take.
    block: u64,
    /// The tick of the latest block. It is kept even if no slot of the block is left.
    tick: i64,
    /// The next ID to issue. It is valid only if `left` is not 0.
    next: u64,
    /// How many slots of the latest block are left.
    left: u64,
    /// How many slots of `tick` this handle has reserved, in all blocks of that tick together.
    reserved: u64,
}

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// Returns a handle for one thread. The handle reserves slots in blocks of up to `block` slots. All slots of a
    /// block are of one tick. A `block` of 0 counts as 1. A `block` of 64 to 256 is large enough: with larger blocks a
    /// handle is only a little faster.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, WorkerId};
    ///
    /// let ids = Generator::new(WorkerId::fixed::<1, 7>());
    /// let mut mine = ids.local(256);
    /// let (first, second) = (mine.generate()?, mine.generate()?);
    /// assert!(first < second);
    /// # Ok::<(), casflake::GenerateError>(())
    /// ```
    #[must_use]
    pub const fn local(&self, block: u64) -> LocalGenerator<'_, S, C> {
        let block = if block == 0 { 1 } else { block };
        LocalGenerator { generator: self, block, tick: 0, next: 0, left: 0, reserved: 0 }
    }
}

impl<'g, S: Scheme, C: Clock> LocalGenerator<'g, S, C> {
    /// Returns the next ID. If the handle needs a new block and no slot is free, waits as [`Generator::generate`] does.
    ///
    /// # Errors
    /// The errors of [`Generator::generate`]. A failed call reserves no slot, and the handle keeps its slots.
    #[inline]
    pub fn generate(&mut self) -> Result<Snowflake<S>, GenerateError> {
        self.next(Generator::reserve)
    }

    /// Returns the next ID, without waiting.
    ///
    /// # Errors
    /// The errors of [`Generator::try_generate`]. A failed call reserves no slot, and the handle keeps its slots.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GenerateError, Generator, ManualClock, WorkerId};
    ///
    /// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
    /// let mut mine = ids.local(64);
    /// ids.generate_batch(4096)?; // all of this millisecond
    /// assert!(matches!(mine.try_generate(), Err(GenerateError::Exhausted { .. })));
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
    #[inline]
    pub fn try_generate(&mut self) -> Result<Snowflake<S>, GenerateError> {
        self.next(Generator::try_reserve)
    }

    /// Returns the generator whose slots this handle reserves.
    #[must_use]
    pub const fn generator(&self) -> &'g Generator<S, C> {
        self.generator
    }

    #[inline]
    fn next(&mut self, reserve: Reserve<S, C>) -> Result<Snowflake<S>, GenerateError> {
        let now_tick = self.generator.now_tick();
        let is_closing = self.generator.is_closing();
        if self.left > 0 && now_tick == self.tick && !is_closing && !self.generator.is_strict() {
            return Ok(self.take());
        }
        self.next_slowly(now_tick, is_closing, reserve)
    }

    #[cold]
    fn next_slowly(
        &mut self,
        now_tick: i64,
        is_closing: bool,
        reserve: Reserve<S, C>,
    ) -> Result<Snowflake<S>, GenerateError> {
        // The clock's tick can be before the slots' tick for three reasons: the clock lags, `max_lead` allows it, or
        // the clock has moved back. In each case the handle uses up its slots, unless the generator is strict and the
        // clock has moved back.
        if self.left > 0 && now_tick <= self.tick && !is_closing {
            self.generator.check_strictly(now_tick)?;
            return Ok(self.take());
        }
        let slots = reserve(self.generator, self.issued().clamp(1, self.block))?;
        self.begin(slots);
        Ok(self.take())
    }

    /// Returns how many IDs of `self.tick` this handle has issued.
    const fn issued(&self) -> u64 {
        self.reserved - self.left
    }

    /// Makes `slots` the handle's block, and drops the unused slots of the previous block.
    fn begin(&mut self, slots: Reservation) {
        let tick = signed(slots.tick(S::LAYOUT.sequence_bits()));
        let issued = if tick == self.tick { self.issued() } else { 0 };
        self.generator.record_unused(self.left);
        self.tick = tick;
        self.next = self.generator.first_id(slots).as_u64();
        self.left = slots.count;
        self.reserved = issued + slots.count;
    }

    /// Issues the next ID of the block. The caller has checked that a slot is left.
    #[inline]
    fn take(&mut self) -> Snowflake<S> {
        let id = Snowflake::from_valid(self.next);
        self.left -= 1;
        // The addition overflows only after the last ID of a 64-bit layout. Then no slot is left, so the result is not
        // used.
        self.next = self.next.wrapping_add(1 << S::LAYOUT.sequence_shift());
        id
    }
}

/// The function that reserves a block: `Generator::reserve` or `Generator::try_reserve`.
type Reserve<S, C> = fn(&Generator<S, C>, u64) -> Result<Reservation, GenerateError>;

impl<S, C> Drop for LocalGenerator<'_, S, C> {
    fn drop(&mut self) {
        self.generator.record_unused(self.left);
    }
}

impl<S: Scheme, C: fmt::Debug> fmt::Debug for LocalGenerator<'_, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalGenerator")
            .field("generator", &self.generator)
            .field("block", &self.block)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
