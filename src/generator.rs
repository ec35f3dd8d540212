//! `Generator<S, C>`: the fields of a generator, its constructors, and `close`. The calls that issue IDs are in
//! `calls.rs`, and the CAS loop is in `reserve.rs`.

mod calls;
mod precise;
mod reserve;

use core::fmt;

use crate::clock::{Clock, SystemClock};
use crate::error::SettingError;
use crate::scheme::{Scheme, Standard};
use crate::settings::{Settings, check_fence};
use crate::stats::{Counters, Stats};
use crate::sync::{AtomicU64, CachePadded, Ordering, const_fn};
use crate::wait::Lateness;
use crate::word::{CLOSED, last_tick};
use crate::worker::WorkerId;

/// Hands out unique, time-ordered IDs to any number of threads.
///
/// All threads share one generator by reference. The generator uses no lock. A generator in a `static` needs no `Arc`.
///
/// # Examples
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
/// The promises have the numbers I1 to I8. If a test's name begins with such a number, the test checks the promise with
/// this number.
///
/// | | |
/// |---|---|
/// | I1 | No two calls return the same ID, whichever threads the calls come from and whatever the clock reads. Two generators with different workers never issue the same ID. Two generators with the *same* worker may issue the same ID. |
/// | I2 | If one call returns before another call begins, the first call's ID is smaller, even if the calls come from different threads. A [`LocalGenerator`](crate::LocalGenerator) promises this only among its own IDs. |
/// | I3 | An ID's tick is never ahead of the clock's highest reading by more than [`max_lead`](crate::GeneratorBuilder::max_lead) (0 unless set). |
/// | I4 | If the clock moves back, no ID is issued twice and no call hangs. Calls first take the free slots of the tick of the last ID. When no such slot is left, a call waits until the clock allows the next tick. If the clock takes longer than [`max_wait`](crate::GeneratorBuilder::max_wait), the call fails. The calls of a [`strict`](crate::GeneratorBuilder::strict) generator fail immediately. |
/// | I5 | A value that does not fit is refused. No bits of it are cut off. |
/// | I6 | A refused call that has issued no ID changes nothing. If a call for many IDs is refused midway, the caller gets the IDs issued before the refusal. |
/// | I7 | A thread that stalls in the middle of a call never stops other threads from getting IDs, however long it stalls. |
/// | I8 | All IDs of a generator have ticks from [`not_before`](crate::GeneratorBuilder::not_before) (inclusive) to the [`fence`](crate::GeneratorBuilder::fence) (exclusive). At the fence and after [`close`](Self::close), calls fail immediately. |
///
/// # How it works
/// One atomic word holds the first slot (tick and sequence number) that was not handed out yet. A call reads the word
/// and the clock, computes the new word, and writes the new word by compare-and-swap. If another call has changed the
/// word meanwhile, the compare-and-swap fails and the call starts over. When the sequence number overflows, the carry
/// goes into the tick. The word is then the first slot of the next tick.
///
/// # Size
/// A generator has 512 bytes on x86-64 if its clock has at most 32 bytes. The 512 bytes are four pairs of cache lines:
/// one pair for the word, two for the statistics, and one for all other fields, which calls read but seldom change. The
/// generator uses pairs because processors fetch cache lines in pairs.
pub struct Generator<S = Standard, C = SystemClock> {
    /// The first slot that was not handed out yet. `word.rs` explains the bits of the word. The word shares its cache
    /// lines with no other field.
    word: CachePadded<AtomicU64>,
    /// The statistics. Calls update them seldom: for example, once per tick and after a failed CAS. The statistics,
    /// like the word, share their cache lines with no other field. If the statistics shared cache lines with `fence` or
    /// with a field declared after `fence`, each update would slow down the calls that read that field. The fields from
    /// `fence` on change even less often: when the fence moves, when the generator is closed, and when a call waits
    /// with `Wait::Sleep`. The field `clock` also changes if it is, for example, a `ManualClock`.
    counters: CachePadded<Counters>,
    /// The first tick whose IDs must not be issued. The fence only grows.
    fence: AtomicU64,
    /// 1 if a call of `close` has begun, otherwise 0. `close` writes the 1 just before it sets the closed bit of the
    /// word. Handles read `closing`, because they can issue IDs without loading the word.
    closing: AtomicU64,
    lateness: Lateness,
    settings: Settings,
    worker: WorkerId<S>,
    /// The values of the datacenter field and the worker field, each at its position in an ID. All other bits are 0.
    worker_bits: u64,
    clock: C,
}

#[cfg(feature = "std")]
impl<S: Scheme> Generator<S> {
    const_fn! {
        /// Returns a generator that reads the system's clock, with the default settings of [`builder`](Self::builder).
        ///
        /// If the scheme's layout [can't generate](crate::Layout::can_generate), the program does not compile.
        ///
        /// # Examples
        /// ```
        /// use casflake::{Generator, WorkerId, WorkerIdError};
        ///
        /// let ids = Generator::new(WorkerId::new(1, 7)?);
        /// assert_eq!(ids.worker().to_string(), "1/7");
        /// # Ok::<(), WorkerIdError>(())
        /// ```
        #[must_use]
        pub const fn new(worker: WorkerId<S>) -> Self {
            Self::with_clock(worker, SystemClock)
        }
    }
}

impl<S: Scheme, C> Generator<S, C> {
    const_fn! {
        /// Returns a generator that reads `clock`, with the default settings of
        /// [`GeneratorBuilder`](crate::GeneratorBuilder).
        ///
        /// If the scheme's layout [can't generate](crate::Layout::can_generate), the program does not compile.
        ///
        /// # Examples
        /// ```
        /// use casflake::{Generator, ManualClock, WorkerId};
        ///
        /// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
        /// assert_eq!(ids.generate()?.unix_ms(), 1_735_689_600_000);
        /// # Ok::<(), casflake::GenerateError>(())
        /// ```
        #[must_use]
        pub const fn with_clock(worker: WorkerId<S>, clock: C) -> Self
        where
            C: Clock,
        {
            Self::from_settings(worker, clock, Settings::of::<S>())
        }
    }

    const_fn! {
        /// Returns a generator with `settings`. The caller has checked that the settings fit the scheme `S`.
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

    /// Returns the worker of this generator's IDs.
    #[must_use]
    pub const fn worker(&self) -> WorkerId<S> {
        self.worker
    }

    /// Returns the clock that this generator reads.
    #[must_use]
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// Returns the fence, which is the first tick whose IDs must not be issued, counted from the layout's epoch.
    #[must_use]
    pub fn fence(&self) -> u64 {
        // ORDERING: Relaxed. The fence only grows, and a thread never sees it shrink (coherence).
        self.fence.load(Ordering::Relaxed)
    }

    /// Moves the fence forward to the tick `fence`, counted from the layout's epoch. The generator may then also issue
    /// IDs of the ticks from the old fence (inclusive) to `fence` (exclusive). If the old fence is not before `fence`,
    /// this call changes nothing.
    ///
    /// # Errors
    /// [`SettingError::Fence`] if `fence` is larger than the layout's last tick + 1. The generator's fence then stays
    /// unchanged.
    ///
    /// # Examples
    /// ```
    /// use casflake::{GenerateError, GeneratorBuilder, ManualClock, Scheme, Standard, WorkerId};
    ///
    /// let epoch = Standard::LAYOUT.epoch_unix_ms();
    /// let builder = GeneratorBuilder::new(WorkerId::fixed::<1, 7>(), ManualClock::new(epoch));
    /// let ids = builder.fence(10).build()?;
    ///
    /// ids.clock().advance(10);
    /// assert_eq!(ids.generate(), Err(GenerateError::Fenced { fence: 10 }));
    /// ids.extend_fence(20)?;
    /// assert_eq!(ids.generate()?.tick(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extend_fence(&self, fence: u64) -> Result<(), SettingError> {
        check_fence::<S>(fence)?;
        // ORDERING: Relaxed. The update is atomic, so a late call can't move the fence back. A thread that this call
        // happens before sees the new fence (coherence). A call that reads an older, lower fence only refuses slots
        // that the new fence would allow.
        self.fence.fetch_max(fence, Ordering::Relaxed);
        Ok(())
    }

    /// Closes the generator. Every later call fails with [`GenerateError::Closed`](crate::GenerateError::Closed), and
    /// so does every call that is waiting.
    ///
    /// Returns the tick of the last ID issued, or `None` if no ID was issued. A slot that a handle
    /// ([`LocalGenerator`](crate::LocalGenerator)) has reserved counts as an issued ID. No ID of this generator has a
    /// later tick. This is true even of the IDs that calls in progress will still return. Closing a generator twice is
    /// harmless and returns the same tick.
    ///
    /// # Examples
    /// The next generator of the same worker begins with the tick after the last ID's tick, so that it repeats no ID:
    ///
    /// ```
    /// use casflake::{GenerateError, Generator, WorkerId};
    ///
    /// let ids = Generator::new(WorkerId::fixed::<1, 7>());
    /// let last_id = ids.generate()?;
    /// let last_tick = ids.close();
    /// assert_eq!(ids.generate(), Err(GenerateError::Closed));
    ///
    /// let not_before = last_tick.map_or(0, |tick| tick + 1);
    /// let next = Generator::builder(ids.worker()).not_before(not_before).build()?;
    /// assert!(next.generate()? > last_id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) -> Option<u64> {
        // ORDERING: Relaxed. A thread that this call happens before sees the store (coherence). A thread that has seen
        // the word closed also sees the store, because of the Release below.
        self.closing.store(1, Ordering::Relaxed);
        // ORDERING: Release, paired with the Acquire loads that may see the word closed. Reservations and this
        // `fetch_or` are read-modify-writes of one word, so they have one order. The value that `fetch_or` returns
        // contains all reservations before it. All reservations after it see the closed bit.
        let word = self.word.fetch_or(CLOSED, Ordering::Release);
        self.last_tick_of(word)
    }

    /// Returns whether the generator was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.load() & CLOSED != 0
    }

    /// Returns the tick of the last ID issued, counted from the layout's epoch, or `None` if no ID was issued. A slot
    /// that a handle ([`LocalGenerator`](crate::LocalGenerator)) has reserved counts as an issued ID.
    #[must_use]
    pub fn last_tick(&self) -> Option<u64> {
        self.last_tick_of(self.load())
    }

    /// Returns the statistics of all calls so far.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, ManualClock, WorkerId};
    ///
    /// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
    /// ids.generate_batch(10)?;
    /// let stats = ids.stats();
    /// assert_eq!((stats.ids, stats.ticks, stats.max_sequence), (10, 1, 9));
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot(|| self.load(), self.initial(), S::LAYOUT.sequence_bits())
    }

    #[inline]
    pub(crate) const fn is_strict(&self) -> bool {
        self.settings.strict
    }

    /// Returns whether a call of `close` has begun.
    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        // ORDERING: Relaxed, as in `close`.
        self.closing.load(Ordering::Relaxed) != 0
    }

    fn load(&self) -> u64 {
        // ORDERING: Acquire, paired with the Release in `close`. After a thread has seen the word closed, it gets no ID
        // from a handle either. All other uses need only the word itself, and a value that is no longer current is
        // enough.
        self.word.load(Ordering::Acquire)
    }

    const fn initial(&self) -> u64 {
        self.settings.not_before << S::LAYOUT.sequence_bits()
    }

    const fn last_tick_of(&self, word: u64) -> Option<u64> {
        last_tick(word, self.initial(), S::LAYOUT.sequence_bits())
    }
}

impl<S, C> Generator<S, C> {
    /// Records in the statistics that a handle drops unused slots. `slots` is the number of these slots.
    pub(crate) fn record_unused(&self, slots: u64) {
        self.counters.record_unused(slots);
    }

    /// Returns how many calls are waiting for a tick to begin.
    #[must_use]
    pub fn waiting(&self) -> u64 {
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

    /// Returns, for each of seven fields, the index of the pair of cache lines in which the field begins. The first
    /// pair of a generator has the index 0. The fields are the word, the statistics, and five fields that calls seldom
    /// change.
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
