//! `Stats`: a snapshot of a generator's statistics, for users. The counters from which a snapshot is computed are in
//! `counters.rs`.

mod counters;

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

pub(crate) use counters::Counters;

/// The number of buckets in a histogram. Bucket `i` counts the ticks that had 2^i to 2^(i+1) - 1 IDs. The last bucket,
/// 20, counts all ticks that had 2^20 IDs or more. With more buckets, the counters would not fit into the cache lines
/// that a generator has for them. More buckets would seldom be used, because few generators issue more than 2^20 IDs in
/// a tick.
const BUCKETS: usize = 21;

/// The largest number of IDs that any generator can issue in one tick. It is 2^61, because the sequence of a layout
/// that [can generate](crate::Layout::can_generate) has at most 61 bits.
const MOST_IDS: u64 = 1 << 61;

/// The statistics of a generator so far. [`Generator::stats`](crate::Generator::stats) returns them.
///
/// Every number is exact if no call is in progress. While calls are in progress, each number is a lower bound. `ids`
/// and `ticks` never decrease from one snapshot to the next.
///
/// The IDs of the current tick are counted in the generator's word. A call that moves the generator to a later tick
/// adds the finished tick to the statistics. Until the call has done so, `ids_per_tick` and `max_sequence` may not
/// include the finished tick. A call that stays in the same tick writes to the statistics only if it waits, if it
/// returns an error, or if its compare-and-swap fails. A handle also records the slots that it drops.
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
    /// The number of IDs that calls of the generator itself have issued, plus the number of slots that handles
    /// ([`LocalGenerator`](crate::LocalGenerator)) have reserved.
    pub ids: u64,
    /// The number of slots that handles have dropped. `ids` counts these slots, but they did not become IDs. A handle
    /// drops its unused slots when the handle reserves slots of a later tick, and when the handle itself is dropped.
    /// `unused` does not count the slots that a handle still holds.
    pub unused: u64,
    /// The number of ticks in which at least one ID was issued, or in which a handle reserved at least one slot.
    pub ticks: u64,
    /// The tick of the last ID, or of the last slot that a handle has reserved, whichever is later. The tick is counted
    /// from the layout's epoch. `None` if no ID was issued and no slot was reserved.
    pub last_tick: Option<u64>,
    /// The highest sequence number in the tick `last_tick`, among the IDs issued and the slots that handles have
    /// reserved. 0 if no ID was issued and no slot was reserved.
    pub tick_max_sequence: u64,
    /// The highest sequence number in any tick, among the IDs issued and the slots that handles have reserved. 0 if no
    /// ID was issued and no slot was reserved.
    pub max_sequence: u64,
    /// A histogram of the ticks: how many ticks had 1 ID, how many had 2 to 3 IDs, and so on. A slot that a handle has
    /// reserved counts as an ID.
    pub ids_per_tick: Histogram,
    /// How often a call had to wait for a tick because all slots of the previous tick were taken. If several calls wait
    /// for the same tick, each of these calls is counted. A call that waits for several ticks is counted once for each
    /// tick.
    pub overflow_waits: u64,
    /// The total length of the waits that `overflow_waits` counts, measured by the clock's
    /// [`monotonic`](crate::Clock::monotonic) time. 0 if the clock has no monotonic time.
    pub overflow_wait_time: Duration,
    /// How often a compare-and-swap failed and was tried again. A compare-and-swap fails if another call has changed
    /// the word. On some processors it can also fail although no call has changed the word.
    pub cas_retries: u64,
    /// How often a call noticed that the clock has moved back. A call notices this if two precise readings of the clock
    /// are before the last ID's tick by more than `max_lead` ticks. A call for many IDs makes one reservation for each
    /// tick, and may notice this once in each reservation, even in a reservation that fails.
    ///
    /// If the generator is not strict, calls first take all free slots of the last ID's tick. While they do so, they do
    /// not check whether the clock has moved back. If the clock catches up before these slots are used up, no call
    /// notices that the clock has moved back.
    pub clock_behind: u64,
    /// How often a call failed with [`Exhausted`](crate::GenerateError::Exhausted), because all IDs of the current tick
    /// were used up. A call that can wait fails in this way only if the time until the next tick is longer than
    /// `max_wait`.
    pub exhausted: u64,
}

impl Stats {
    /// Adds the statistics `earlier` to `self`. Use this function if the generator of `self` has replaced the generator
    /// of `earlier`.
    ///
    /// * Each count, each number of the histogram and `overflow_wait_time` become the sum of both values.
    /// * `max_sequence` becomes the larger of both values.
    /// * `last_tick` and `tick_max_sequence` become those of `earlier` if `self.last_tick` is `None`. Otherwise they
    ///   stay unchanged.
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

/// A histogram of ticks by their number of IDs: how many ticks had 1 ID, how many had 2 to 3 IDs, and so on. Each range
/// begins at a power of two. The last range begins at 2^20. The field `ids_per_tick` of [`Stats`] has this type.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

impl Histogram {
    /// Returns one pair `(range, ticks)` for each range of IDs per tick, where `ticks` is how many ticks had a number
    /// of IDs in `range`. The ranges are 1, 2 to 3, 4 to 7, 8 to 15, and so on. The last range has all numbers from
    /// 1,048,576 on. The iterator ends after the last range in which a tick was counted.
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

/// Returns the index of the bucket that counts a tick with `ids` IDs. `ids` is not 0.
const fn bucket(ids: u64) -> usize {
    let power = ids.ilog2() as usize;
    if power < BUCKETS { power } else { BUCKETS - 1 }
}
