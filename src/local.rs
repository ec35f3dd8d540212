//! `LocalGenerator`: one thread's handle on a block of slots.

use core::fmt;

use crate::clock::{Clock, SystemClock};
use crate::error::GenerateError;
use crate::generator::Generator;
use crate::id::Snowflake;
use crate::scheme::{Scheme, Standard};
use crate::word::{Reservation, signed};

/// One thread's handle on a generator: IDs from a block of slots that it has reserved with one compare-and-swap, so
/// that threads which issue many IDs hardly meet. [`Generator::local`] makes one.
///
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
/// All that the [`Generator`] does, but for order (I2): a handle's own IDs increase, and no two handles or calls of the
/// generator ever return the same ID. No ID is older than the tick which the clock told when the call began. A closed
/// generator's handles fail at once, as do a strict generator's when the clock has stepped back: those look at the
/// shared word for each ID.
///
/// # What it does not promise
/// **Order across handles.** An ID of one handle may be smaller than one that another, or the generator itself, has
/// issued before: of the same tick, or of one before it where the clock lags ([`Clock::unix_millis`]), may be led
/// ([`max_lead`](crate::GeneratorBuilder::max_lead)) or has stepped back. Where that matters, call
/// [`Generator::generate`].
///
/// # How many it reserves
/// As many as it has issued in the tick, or before a tick's first ID in the last tick that it issued any in: 1 to begin
/// with, the given block at most. So it reserves at most twice as many as it issues, or as many as it issued in the
/// tick before, and an idle handle costs next to nothing. What is left when the tick is over, or the handle is dropped,
/// is lost: [`Stats::unused`](crate::Stats::unused) counts it.
pub struct LocalGenerator<'g, S = Standard, C = SystemClock> {
    generator: &'g Generator<S, C>,
    /// The most slots to reserve at once.
    block: u64,
    /// The tick of the slots that it has, or had last.
    tick: i64,
    /// The next ID, where a slot is left.
    next: u64,
    /// How many slots are left.
    left: u64,
    /// How many slots of the tick it has reserved, in all blocks of that tick together.
    reserved: u64,
}

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// A handle for one thread, which reserves up to `block` slots at once; 0 counts as 1, and no more are reserved
    /// than a tick has. 64 to 256 leave little to gain.
    #[must_use]
    pub const fn local(&self, block: u64) -> LocalGenerator<'_, S, C> {
        let block = if block == 0 { 1 } else { block };
        LocalGenerator { generator: self, block, tick: 0, next: 0, left: 0, reserved: 0 }
    }
}

impl<'g, S: Scheme, C: Clock> LocalGenerator<'g, S, C> {
    /// The next ID; waits as [`Generator::generate`] does where a new block is needed.
    ///
    /// # Errors
    /// As [`Generator::generate`]. Nothing has changed then.
    #[inline]
    pub fn generate(&mut self) -> Result<Snowflake<S>, GenerateError> {
        self.next(Generator::reserve)
    }

    /// The next ID, without waiting.
    ///
    /// # Errors
    /// As [`Generator::try_generate`]. Nothing has changed then.
    #[inline]
    pub fn try_generate(&mut self) -> Result<Snowflake<S>, GenerateError> {
        self.next(Generator::try_reserve)
    }

    /// The generator that this is a handle on.
    #[must_use]
    pub const fn generator(&self) -> &'g Generator<S, C> {
        self.generator
    }

    #[inline]
    fn next(&mut self, reserve: Reserve<S, C>) -> Result<Snowflake<S>, GenerateError> {
        let now = self.generator.now_tick();
        let is_closing = self.generator.is_closing();
        if self.left > 0 && now == self.tick && !is_closing && !self.generator.is_strict() {
            return Ok(self.take());
        }
        self.next_by_more_than_a_look(now, is_closing, reserve)
    }

    #[cold]
    fn next_by_more_than_a_look(
        &mut self,
        now: i64,
        is_closing: bool,
        reserve: Reserve<S, C>,
    ) -> Result<Snowflake<S>, GenerateError> {
        // A clock before the slots' tick lags, may be led, or has stepped back: they are used up even then, unless
        // strictly.
        if self.left > 0 && now <= self.tick && !is_closing {
            self.generator.check_strictly(now)?;
            return Ok(self.take());
        }
        let slots = reserve(self.generator, self.issued().clamp(1, self.block))?;
        self.begin(slots);
        Ok(self.take())
    }

    /// How many IDs of the tick it has issued.
    const fn issued(&self) -> u64 {
        self.reserved - self.left
    }

    fn begin(&mut self, slots: Reservation) {
        let tick = signed(slots.tick(S::LAYOUT.sequence_bits()));
        let issued = if tick == self.tick { self.issued() } else { 0 };
        self.generator.record_unused(self.left);
        self.tick = tick;
        self.next = self.generator.first_id(slots).as_u64();
        self.left = slots.count;
        self.reserved = issued + slots.count;
    }

    #[inline]
    fn take(&mut self) -> Snowflake<S> {
        let id = Snowflake::from_valid(self.next);
        self.left -= 1;
        // Wraps only after the last ID of a layout of 64 bits, where nothing is left.
        self.next = self.next.wrapping_add(1 << S::LAYOUT.sequence_shift());
        id
    }
}

/// How a handle gets a block: with a wait or without.
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
