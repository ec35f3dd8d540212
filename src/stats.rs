//! `Stats`: a generator's statistics, as users read them. The counters behind them are in `counters.rs`.

mod counters;

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

pub(crate) use counters::Counters;

/// The number of buckets: one for each power of two, and a last one for all larger numbers. This is as many as fit the
/// cache lines that a generator has for its counters. More are not needed, because a millisecond is too short for more
/// IDs.
const BUCKETS: usize = 21;

/// The most IDs that a tick can hold. The sequence of a layout that [can generate](crate::Layout::can_generate) has at
/// most 61 bits.
const MOST_IDS: u64 = 1 << 61;

/// The statistics of a generator so far. [`Generator::stats`](crate::Generator::stats) returns them.
///
/// Every number is exact if no call is in progress. While calls are in progress, each number is a lower bound. A call
/// records a tick when it moves the generator out of that tick. So the statistics cost a call nothing if it stays
/// within a tick and no compare-and-swap fails. While a call records a tick, this tick is missing from the histogram
/// and the maxima. `ids` and `ticks` never decrease from one snapshot to the next.
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
    /// The number of IDs issued, including the slots that handles ([`LocalGenerator`](crate::LocalGenerator)) have
    /// reserved.
    pub ids: u64,
    /// The number of slots in `ids` that became no IDs, because a handle dropped them. A handle drops slots when their
    /// tick is over, or when the handle itself is dropped. Slots that a handle still holds are not counted here.
    pub unused: u64,
    /// The number of ticks from which at least one ID was issued.
    pub ticks: u64,
    /// The tick of the last ID, counted from the layout's epoch. `None` before the first ID.
    pub last_tick: Option<u64>,
    /// The highest sequence number in the tick `last_tick`. 0 before the first ID.
    pub tick_max_sequence: u64,
    /// The highest sequence number in any tick, including slots that a handle has reserved. 0 before the first ID.
    pub max_sequence: u64,
    /// For each range of IDs per tick, the number of ticks that had so many IDs.
    pub ids_per_tick: Histogram,
    /// How often a call waited for a tick to begin because the ticks before it were full. If several calls wait for the
    /// same tick, each call counts. One call may wait several times.
    pub overflow_waits: u64,
    /// The total time of all waits in `overflow_waits`, measured by the clock's [`monotonic`](crate::Clock::monotonic)
    /// time. 0 if the clock has no monotonic time.
    pub overflow_wait_time: Duration,
    /// How often a compare-and-swap failed and was tried again. It fails because of another call, or spuriously on some
    /// processors.
    pub cas_retries: u64,
    /// How often a call found, with two precise readings, that the clock had moved back to before the last ID's tick. A
    /// batch counts at most once for each tick that it takes IDs from. If the clock catches up before the last ID's
    /// tick is used up, no call notices that the clock moved back.
    pub clock_behind: u64,
    /// How often a call failed with [`Exhausted`](crate::GenerateError::Exhausted), because it does not wait or because
    /// the wait would exceed `max_wait`.
    pub exhausted: u64,
}

impl Stats {
    /// Adds the statistics `earlier` of a generator that this one has replaced. Each counter becomes the sum of both,
    /// and `max_sequence` the larger of both. `last_tick` and `tick_max_sequence` stay as they are if this generator
    /// has issued an ID. Otherwise they become those of `earlier`.
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

/// Counts ticks according to how many IDs they had. The ranges begin at the powers of two up to 2^20. [`Stats`] has a
/// histogram as `ids_per_tick`.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

impl Histogram {
    /// Returns ranges of IDs per tick (1, 2 to 3, 4 to 7, 8 to 15, …), each with the number of ticks that had so many
    /// IDs. Ends with the last range that has any ticks. All numbers from 1,048,576 on are in one range.
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

/// Returns the index of the bucket for a tick of `ids` IDs. `ids` is not 0.
const fn bucket(ids: u64) -> usize {
    let power = ids.ilog2() as usize;
    if power < BUCKETS { power } else { BUCKETS - 1 }
}
