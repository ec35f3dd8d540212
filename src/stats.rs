//! `Stats`: a generator's statistics, as users read them. The counters behind them are in `counters.rs`.

mod counters;

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

pub(crate) use counters::Counters;

/// One bucket for each power of two, and a last one for all larger numbers. As many as fit the cache lines that a
/// generator has for its counters; a millisecond is too short for more IDs.
const BUCKETS: usize = 21;

/// The most IDs that a tick can hold if the layout [can generate](crate::Layout::can_generate): its sequence has at
/// most 61 bits.
const MOST_IDS: u64 = 1 << 61;

/// The statistics of a generator so far: [`Generator::stats`](crate::Generator::stats).
///
/// Every number is exact when no call is in progress. While calls run, each is a lower bound. A call records a tick
/// when it moves the generator out of that tick, so an ID within a tick costs nothing (unless a compare-and-swap
/// failed). A tick that is being recorded is missing from the histogram and the maxima. `ids` and `ticks` never
/// decrease from one snapshot to the next.
///
/// # Examples
/// ```
/// use casflake::{Generator, ManualClock, WorkerId};
///
/// let ids = Generator::with_clock(WorkerId::fixed::<1, 7>(), ManualClock::new(1_735_689_600_000));
/// ids.generate_batch(3)?;
/// ids.clock().advance(1);
/// ids.generate_batch(5)?;
///
/// let stats = ids.stats();
/// assert_eq!((stats.ids, stats.ticks, stats.max_sequence), (8, 2, 4));
/// assert_eq!(stats.ids_per_tick.iter().collect::<Vec<_>>(), [(1..=1, 0), (2..=3, 1), (4..=7, 1)]);
/// # Ok::<(), casflake::BatchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// IDs issued, and slots that handles ([`LocalGenerator`](crate::LocalGenerator)) have reserved.
    pub ids: u64,
    /// Of those, slots that a handle has dropped because their tick was over, or because the handle itself was dropped:
    /// they became no IDs. Slots that a handle still holds are not counted here.
    pub unused: u64,
    /// Ticks from which at least one ID was issued.
    pub ticks: u64,
    /// The tick of the last ID, counted from the layout's epoch; `None` before the first.
    pub last_tick: Option<u64>,
    /// The highest sequence number in that tick; 0 before the first ID.
    pub tick_max_sequence: u64,
    /// The highest sequence number in any tick, including slots that a handle has reserved; 0 before the first ID.
    pub max_sequence: u64,
    /// How many ticks had how many IDs.
    pub ids_per_tick: Histogram,
    /// How often a call waited for a tick to begin because the ticks before it were full. One call may wait several
    /// times, and every call that waits for a tick counts.
    pub overflow_waits: u64,
    /// The sum of those waits over all calls, by the clock's [`monotonic`](crate::Clock::monotonic) time; 0 if the clock
    /// has none.
    pub overflow_wait_time: Duration,
    /// How often a call's compare-and-swap failed and was tried again: because of another call, or spuriously on
    /// processors that do so.
    pub cas_retries: u64,
    /// How often a call found, by two precise readings, that the clock had moved back behind the last ID's tick. A
    /// batch counts at most once for each tick that it touches. If the clock recovers before that tick is used up, no
    /// call notices.
    pub clock_behind: u64,
    /// How often a call failed with [`Exhausted`](crate::GenerateError::Exhausted), because it does not wait or because
    /// the wait would exceed `max_wait`.
    pub exhausted: u64,
}

impl Stats {
    /// Adds the statistics of a generator that this one has replaced: each counter becomes the sum. `last_tick` and
    /// `tick_max_sequence` stay this generator's if it has issued an ID.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, WorkerId};
    ///
    /// let old = Generator::new(WorkerId::fixed::<1, 7>());
    /// old.generate_batch(10)?;
    /// let new = Generator::new(WorkerId::fixed::<1, 8>());
    /// new.generate_batch(5)?;
    ///
    /// let mut stats = new.stats();
    /// stats.add_earlier(&old.stats());
    /// assert_eq!(stats.ids, 15);
    /// # Ok::<(), casflake::BatchError>(())
    /// ```
    pub fn add_earlier(&mut self, earlier: &Self) {
        if self.last_tick.is_none() {
            (self.last_tick, self.tick_max_sequence) = (earlier.last_tick, earlier.tick_max_sequence);
        }
        self.max_sequence = self.max_sequence.max(earlier.max_sequence);
        self.overflow_wait_time = self.overflow_wait_time.saturating_add(earlier.overflow_wait_time);
        let counters = [
            (&mut self.ids, earlier.ids),
            (&mut self.unused, earlier.unused),
            (&mut self.ticks, earlier.ticks),
            (&mut self.overflow_waits, earlier.overflow_waits),
            (&mut self.cas_retries, earlier.cas_retries),
            (&mut self.clock_behind, earlier.clock_behind),
            (&mut self.exhausted, earlier.exhausted),
        ];
        let buckets = self.ids_per_tick.buckets.iter_mut().zip(earlier.ids_per_tick.buckets);
        for (sum, count) in counters.into_iter().chain(buckets) {
            *sum = sum.saturating_add(count);
        }
    }
}

/// The numbers of ticks by how many IDs they had, in powers of two up to 2^20. The `ids_per_tick` of [`Stats`].
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

impl Histogram {
    /// Returns each range of IDs per tick (1, 2 to 3, 4 to 7, 8 to 15, …) with the number of its ticks, up to the last
    /// range that has any. All numbers from 1,048,576 on are one range.
    ///
    /// # Examples
    /// ```
    /// use casflake::{Generator, WorkerId};
    ///
    /// let ids = Generator::new(WorkerId::fixed::<1, 7>());
    /// ids.generate()?;
    /// for (ids, ticks) in ids.stats().ids_per_tick.iter() {
    ///     println!("{ticks} milliseconds had {} to {} IDs", ids.start(), ids.end());
    /// }
    /// # Ok::<(), casflake::GenerateError>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (RangeInclusive<u64>, u64)> + '_ {
        let used = self.buckets.iter().rposition(|&ticks| ticks > 0).map_or(0, |last| last + 1);
        let last = |i| if i + 1 < BUCKETS { (2_u64 << i) - 1 } else { MOST_IDS };
        self.buckets.iter().take(used).enumerate().map(move |(i, &ticks)| ((1 << i)..=last(i), ticks))
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Returns the bucket for ticks of `ids` IDs; `ids` is not 0.
const fn bucket(ids: u64) -> usize {
    let power = ids.ilog2() as usize;
    if power < BUCKETS { power } else { BUCKETS - 1 }
}
