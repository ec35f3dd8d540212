//! `Generator<S, C>`: what it holds, and its calls. The CAS loop is in `reserve.rs`.

mod precise;
mod reserve;

use core::fmt;

use crate::clock::{Clock, SystemClock};
use crate::error::{FillError, GenerateError, SettingError};
use crate::id::Snowflake;
use crate::layout::Parts;
use crate::scheme::{Scheme, Standard};
use crate::settings::{Settings, check_fence};
use crate::stats::{Counters, Stats};
use crate::sync::{AtomicU64, CachePadded, Ordering, const_fn};
use crate::wait::Lateness;
use crate::word::{CLOSED, Reservation, last_tick};
use crate::worker::WorkerId;

/// Hands out unique, time-ordered IDs to any number of threads.
///
/// All threads share one generator by reference; it needs no lock and no `Arc` of its own. As a `static`:
///
/// ```
/// use casflake::{Generator, Snowflake, WorkerId};
///
/// static IDS: Generator = Generator::new(WorkerId::fixed::<1, 7>());
///
/// let id: Snowflake = IDS.generate()?;
/// assert_eq!((id.datacenter(), id.worker()), (1, 7));
/// # Ok::<(), casflake::GenerateError>(())
/// ```
///
/// # What it promises
/// Tests are named after these numbers.
///
/// | | |
/// |---|---|
/// | I1 | No two calls return the same ID, from any threads, whatever the clock does. Neither do two generators with different workers; two that run with the *same* worker do. |
/// | I2 | If one call returns before another begins, in whatever threads, its ID is smaller. (A [`LocalGenerator`](crate::LocalGenerator) promises so of its own alone.) |
/// | I3 | An ID's tick is never ahead of the highest reading that the clock has given by more than [`max_lead`](crate::GeneratorBuilder::max_lead) (0 unless set). |
/// | I4 | A clock that steps back makes no duplicate and hangs no caller: the tick that was open is used up, then calls wait for the clock to catch up, for [`max_wait`](crate::GeneratorBuilder::max_wait) at most, then they are refused. A [`strict`](crate::GeneratorBuilder::strict) generator refuses at once. |
/// | I5 | A value that does not fit is refused, never masked. |
/// | I6 | A refused call changes nothing; a batch refused midway returns the IDs that it holds. |
/// | I7 | A thread that stalls, for however long, keeps no other from getting IDs. |
/// | I8 | Only ticks from [`not_before`](crate::GeneratorBuilder::not_before) up to the [`fence`](crate::GeneratorBuilder::fence), exclusive, are issued; at the fence and once closed, calls fail at once. |
///
/// # How it works
/// One atomic word holds the first slot (tick and sequence number) that was not handed out yet. A call reads the word
/// and the clock, works out the word that follows, and puts it in place by compare-and-swap, or starts over where
/// another call was faster. A sequence that overflows carries into the tick: the word then says that the next slot lies
/// in a millisecond that has not begun.
///
/// # In memory
/// 512 bytes on x86-64, with a clock of 32 or fewer: the word alone on its cache line (two lines, which processors
/// fetch as a pair), the statistics on two more, and on another what calls only read.
pub struct Generator<S = Standard, C = SystemClock> {
    /// The first slot that was not handed out yet; the states are listed in `word.rs`. On a cache line of its own.
    word: CachePadded<AtomicU64>,
    /// Written once a tick, and by who has lost an exchange. On cache lines of its own, too: what follows is only read,
    /// but for a fence that moves, the end, and sleeps that are over.
    counters: CachePadded<Counters>,
    /// The first tick that may not be issued. It only grows.
    fence: AtomicU64,
    /// 1 from just before the word is closed on, for handles, which have slots without a look at the word.
    closing: AtomicU64,
    lateness: Lateness,
    settings: Settings,
    worker: WorkerId<S>,
    /// What `worker` sets in each ID.
    worker_bits: u64,
    clock: C,
}

#[cfg(feature = "std")]
impl<S: Scheme> Generator<S> {
    const_fn! {
        /// A generator on the system's clock, with the defaults of [`builder`](Self::builder).
        ///
        /// A scheme whose layout [can't generate](crate::Layout::can_generate) is a compile error.
        #[must_use]
        pub const fn new(worker: WorkerId<S>) -> Self {
            Self::with_clock(worker, SystemClock)
        }
    }
}

impl<S: Scheme, C> Generator<S, C> {
    const_fn! {
        /// A generator on a clock of the caller's, with the defaults of [`GeneratorBuilder`](crate::GeneratorBuilder).
        #[must_use]
        pub const fn with_clock(worker: WorkerId<S>, clock: C) -> Self
        where
            C: Clock,
        {
            Self::from_settings(worker, clock, Settings::of::<S>())
        }
    }

    const_fn! {
        pub(crate) const fn from_settings(worker: WorkerId<S>, clock: C, settings: Settings) -> Self {
            Self {
                word: CachePadded::new(AtomicU64::new(settings.not_before << S::LAYOUT.sequence_bits())),
                counters: CachePadded::new(Counters::new()),
                fence: AtomicU64::new(settings.fence),
                closing: AtomicU64::new(0),
                lateness: Lateness::new(),
                settings,
                worker,
                worker_bits: worker.bits(),
                clock,
            }
        }
    }

    /// The worker that this generator issues IDs for.
    #[must_use]
    pub const fn worker(&self) -> WorkerId<S> {
        self.worker
    }

    /// The clock that this generator reads.
    #[must_use]
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The first tick that may not be issued.
    #[must_use]
    pub fn fence(&self) -> u64 {
        // ORDERING: Relaxed. The fence only grows, and a thread never sees it shrink (coherence).
        self.fence.load(Ordering::Relaxed)
    }

    /// Moves the fence forward to the tick `fence`, so that ticks below it may be issued. A fence that is already there
    /// or further stays where it is.
    ///
    /// # Errors
    /// [`SettingError::Fence`]: `fence` lies more than one tick after the layout's last. Nothing has changed then.
    pub fn extend_fence(&self, fence: u64) -> Result<(), SettingError> {
        check_fence::<S>(fence)?;
        // ORDERING: Relaxed. Atomic, so that a late call can't move it back; who learns of this call from its caller
        // sees the new fence (coherence), and a call that reads an older, lower fence only refuses what it might grant.
        self.fence.fetch_max(fence, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the generator: every call that begins from now on is refused, and so is every call that waits.
    ///
    /// Returns the last tick of which an ID was issued, or `None` if none was. No ID that this generator ever returned,
    /// or will return to a call that is under way, lies after it. Closing twice is harmless and returns the same.
    pub fn close(&self) -> Option<u64> {
        // ORDERING: Relaxed. Who has seen this call return sees it (coherence), and so does who has seen the word
        // closed, by the Release below.
        self.closing.store(1, Ordering::Relaxed);
        // ORDERING: Release, paired with the loads that may see the word closed. Reservations and this are
        // read-modify-writes of one word, so they stand in one order: those before it are in the value that it returns,
        // those after it see the bit.
        let word = self.word.fetch_or(CLOSED, Ordering::Release);
        self.last_tick_of(word)
    }

    /// Whether the generator was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.load() & CLOSED != 0
    }

    /// The last tick of which an ID was issued, or `None` if none was.
    #[must_use]
    pub fn last_tick(&self) -> Option<u64> {
        self.last_tick_of(self.load())
    }

    /// What the generator has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot(|| self.load(), self.initial(), S::LAYOUT.sequence_bits())
    }

    #[inline]
    pub(crate) const fn is_strict(&self) -> bool {
        self.settings.strict
    }

    /// Whether a call of `close` has begun.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        // ORDERING: Relaxed, as where it is stored.
        self.closing.load(Ordering::Relaxed) != 0
    }

    fn load(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `close`: who sees the word closed gets no ID of a handle
        // either. For all else it is the word alone that is looked at, of a moment that is past anyway.
        self.word.load(Ordering::Acquire)
    }

    const fn initial(&self) -> u64 {
        self.settings.not_before << S::LAYOUT.sequence_bits()
    }

    const fn last_tick_of(&self, word: u64) -> Option<u64> {
        last_tick(word, self.initial(), S::LAYOUT.sequence_bits())
    }
}

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// The next ID. Where the tick's IDs are used up it waits for the next tick, for
    /// [`max_wait`](crate::GeneratorBuilder::max_wait) at most (100 ms unless set). A call that loses all of a tick to
    /// other threads waits for the one after it, anew.
    ///
    /// The wait blocks the thread. On a thread of an async runtime call [`try_generate`](Self::try_generate), and let the
    /// task sleep for [`retry_after`](GenerateError::retry_after).
    ///
    /// # Errors
    /// [`GenerateError`] says which: the clock is behind, stalled, or before the epoch; the generator's window has not
    /// opened or has ended; it was closed. Nothing has changed then.
    #[inline]
    pub fn generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.reserve(1).map(|slots| self.first_id(slots))
    }

    /// The next ID, without waiting.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and [`GenerateError::Exhausted`] where the tick's IDs are used up.
    #[inline]
    pub fn try_generate(&self) -> Result<Snowflake<S>, GenerateError> {
        self.try_reserve(1).map(|slots| self.first_id(slots))
    }

    /// Fills `buffer` with IDs in increasing order. One compare-and-swap for each tick it touches, and no allocation.
    ///
    /// Waits as [`generate`](Self::generate) does, anew for each tick. Other threads may get IDs in between. An empty
    /// buffer is filled at once.
    ///
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
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and how many IDs were [`filled`](FillError::filled) in before.
    pub fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), FillError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let slots = self.reserve(rest.len() as u64).map_err(|cause| FillError { filled, cause })?;
            #[expect(clippy::cast_possible_truncation, reason = "no more than rest.len()")]
            let count = slots.count as usize;
            // A sum over a slice: that much the compiler turns into vector stores.
            let (mut id, step) = (self.first_id(slots).as_u64(), 1 << S::LAYOUT.sequence_shift());
            for place in rest.iter_mut().take(count) {
                *place = Snowflake::from_valid(id);
                id = id.wrapping_add(step);
            }
            filled += count;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn first_id(&self, slots: Reservation) -> Snowflake<S> {
        let bits = S::LAYOUT.sequence_bits();
        let slot = Parts { tick: slots.tick(bits), datacenter: 0, worker: 0, sequence: slots.sequence(bits) };
        Snowflake::from_valid(S::LAYOUT.join(slot) | self.worker_bits)
    }

    /// The IDs of `slots`, in order.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn ids(&self, slots: Reservation) -> impl Iterator<Item = Snowflake<S>> + use<S, C> {
        let first = self.first_id(slots).as_u64();
        (0..slots.count).map(move |i| Snowflake::from_valid(first + (i << S::LAYOUT.sequence_shift())))
    }
}

impl<S, C> Generator<S, C> {
    /// Records slots that a handle has reserved and drops.
    pub(crate) fn record_unused(&self, slots: u64) {
        self.counters.record_unused(slots);
    }

    /// How many calls wait for a tick now.
    #[cfg(feature = "lease")]
    pub(crate) fn waiting(&self) -> u64 {
        self.counters.waiting()
    }
}

impl<S: Scheme, C: fmt::Debug> fmt::Debug for Generator<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator")
            .field("layout", &S::LAYOUT)
            .field("worker", &self.worker)
            .field("clock", &self.clock)
            .field("last_tick", &self.last_tick())
            .field("fence", &self.fence())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use core::mem::offset_of;

    use super::Generator;
    use crate::clock::{ManualClock, SystemClock};
    use crate::scheme::Standard;

    /// In what stretch of two cache lines each part begins: the word, the statistics, and what is only read.
    fn lines<C>() -> [usize; 7] {
        type Of<C> = Generator<Standard, C>;
        [
            offset_of!(Of<C>, word),
            offset_of!(Of<C>, counters),
            offset_of!(Of<C>, fence),
            offset_of!(Of<C>, closing),
            offset_of!(Of<C>, settings),
            offset_of!(Of<C>, worker_bits),
            offset_of!(Of<C>, clock),
        ]
        .map(|offset| offset / 128)
    }

    #[test]
    fn the_word_and_the_statistics_have_cache_lines_of_their_own_in_512_bytes() {
        assert_eq!((size_of::<Generator>(), size_of::<Generator<Standard, [u8; 32]>>()), (512, 512));
        for [word, counters, read @ ..] in [lines::<SystemClock>(), lines::<ManualClock>(), lines::<[u8; 32]>()] {
            let counters = counters..counters + 2;
            assert!(!counters.contains(&word));
            assert!(read.iter().all(|line| *line != word && !counters.contains(line)), "{word} {counters:?} {read:?}");
        }
    }
}
