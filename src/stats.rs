//! Per-tick accounting: what a generator books, and the snapshot that users read.

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::sync::{Counter, Ordering, const_fn, zeros};
use crate::word::{last_tick, sequence_mask};

/// One bucket for each power of two, and the last for all that is above: so many fit the cache lines that a generator
/// has for its statistics. A millisecond is too short for more.
const BUCKETS: usize = 21;

/// The most IDs that a tick of a layout which [can generate](crate::Layout::can_generate) can hold: its sequence has 61
/// bits at most.
const MOST_IDS: u64 = 1 << 61;

/// What a generator has done so far: [`Generator::stats`](crate::Generator::stats).
///
/// Every number is exact when no call is in progress. While calls run each is a lower bound: a call books a tick when
/// it moves the generator out of it, so that issuing an ID within a tick costs nothing (unless a compare-and-swap was
/// lost), and a tick that is just being booked is missing from the histogram and the maxima. `ids` and `ticks` never
/// fall from one snapshot to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// IDs issued, and what handles ([`LocalGenerator`](crate::LocalGenerator)) have reserved.
    pub ids: u64,
    /// Of those, how many a handle has dropped because their tick was over, or its own life: IDs that nobody got. What
    /// a handle holds at the time is not among them.
    pub unused: u64,
    /// Ticks from which at least one ID was issued.
    pub ticks: u64,
    /// The tick of the last ID; `None` before the first.
    pub last_tick: Option<u64>,
    /// The highest sequence number in that tick; 0 before the first ID.
    pub tick_max_sequence: u64,
    /// The highest sequence number in any tick, of an ID or of a slot that a handle has reserved; 0 before the first.
    pub max_sequence: u64,
    /// In how many ticks how many IDs were issued.
    pub ids_per_tick: Histogram,
    /// How often a call waited for a tick to begin because those before it were full; one call can wait several times,
    /// and each call that waits for the same tick counts.
    pub overflow_waits: u64,
    /// How long those waits took, added up over all calls, by the clock's [`elapsed`](crate::Clock::elapsed); 0 where
    /// it has none.
    pub overflow_wait_time: Duration,
    /// How often a call lost its compare-and-swap, to another call or (on processors that allow it) to none, and tried
    /// again.
    pub cas_retries: u64,
    /// How often a call found, by two precise readings, that the clock had stepped back behind the last ID's tick; a
    /// batch can find so once for each tick that it touches. A step that is over before that tick is used up is not
    /// noticed.
    pub clock_behind: u64,
    /// How often a call failed with [`Exhausted`](crate::GenerateError::Exhausted), because it does not wait or was not
    /// allowed to wait for long enough.
    pub exhausted: u64,
}

#[cfg(feature = "lease")]
impl Stats {
    /// Adds what a generator before this one has done. The last tick stays this one's, if it has issued an ID.
    pub(crate) fn add_earlier(&mut self, earlier: &Self) {
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

/// In how many ticks how many IDs were issued, by powers of two up to 2^20.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

impl Histogram {
    /// The ranges of IDs per tick (1, 2 to 3, 4 to 7, 8 to 15, …) and in how many ticks that many IDs were issued, from
    /// the first range to the last that has any. From 1,048,576 on all are one range.
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

/// The bucket that counts ticks of `ids` IDs; `ids` is not 0.
const fn bucket(ids: u64) -> usize {
    let power = ids.ilog2() as usize;
    if power < BUCKETS { power } else { BUCKETS - 1 }
}

/// The counters behind [`Stats`]. What the open tick holds so far is in the generator's word alone.
pub(crate) struct Ledger {
    ids: Counter,
    unused: Counter,
    max_sequence: Counter,
    ticks_by_ids: [Counter; BUCKETS],
    overflow_waits: Counter,
    overflow_wait_nanos: Counter,
    cas_retries: Counter,
    clock_behind: Counter,
    exhausted: Counter,
    /// How many calls wait for a tick now.
    waiting: Counter,
    /// The highest `ids` and `ticks` that a snapshot has told.
    told: [Counter; 2],
}

impl Ledger {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                ids: Counter::new(0),
                unused: Counter::new(0),
                max_sequence: Counter::new(0),
                ticks_by_ids: zeros(),
                overflow_waits: Counter::new(0),
                overflow_wait_nanos: Counter::new(0),
                cas_retries: Counter::new(0),
                clock_behind: Counter::new(0),
                exhausted: Counter::new(0),
                waiting: Counter::new(0),
                told: zeros(),
            }
        }
    }

    /// Books a tick from which `ids` IDs (not 0) were issued and none will be any more. Called once a tick, by whoever
    /// moved the word out of it, after that move.
    #[cold]
    pub(crate) fn book_tick(&self, ids: u64) {
        // ORDERING: Release, each paired with the Acquire load in `snapshot`: who sees the booking sees the word that
        // has moved on, and so never counts the tick a second time as the open one.
        self.ids.fetch_add(ids, Ordering::Release);
        // A bucket of every power of two up to the widest sequence: the index is in range.
        if let Some(ticks) = self.ticks_by_ids.get(bucket(ids)) {
            // ORDERING: Release, as above.
            ticks.fetch_add(1, Ordering::Release);
        }
        let highest = ids - 1;
        // ORDERING: Relaxed. Only spares the exchange below where it would change nothing.
        if self.max_sequence.load(Ordering::Relaxed) < highest {
            // ORDERING: Relaxed. A maximum is not counted twice, whatever word goes with it.
            self.max_sequence.fetch_max(highest, Ordering::Relaxed);
        }
    }

    /// Books one wait for a tick, as long as `time` where the clock could tell.
    pub(crate) fn book_overflow_wait(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // ORDERING: Relaxed. Counters of their own; nothing is read on the strength of them.
        self.overflow_waits.fetch_add(1, Ordering::Relaxed);
        let add = |sum: u64| Some(sum.saturating_add(nanos));
        // ORDERING: Relaxed, as above.
        let _ = self.overflow_wait_nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    #[cold]
    pub(crate) fn book_cas_retries(&self, retries: u64) {
        // ORDERING: Relaxed. A counter of its own; nothing is read on the strength of it.
        self.cas_retries.fetch_add(retries, Ordering::Relaxed);
    }

    /// Books slots that a handle has reserved and drops; there may be none.
    pub(crate) fn book_unused(&self, slots: u64) {
        if slots > 0 {
            // ORDERING: Relaxed. A counter of its own; nothing is read on the strength of it.
            self.unused.fetch_add(slots, Ordering::Relaxed);
        }
    }

    pub(crate) fn book_clock_behind(&self) {
        // ORDERING: Relaxed. A counter of its own; nothing is read on the strength of it.
        self.clock_behind.fetch_add(1, Ordering::Relaxed);
    }

    /// Books a call that was refused because the tick's IDs are used up.
    pub(crate) fn book_exhausted(&self) {
        // ORDERING: Relaxed. A counter of its own; nothing is read on the strength of it.
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that waits, until the guard is dropped.
    pub(crate) fn begin_wait(&self) -> WaitGuard<'_> {
        // ORDERING: Relaxed. The end of a generator lets calls that wait go on for a while; its promises do not rest on
        // whether it sees one.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        WaitGuard(&self.waiting)
    }

    /// How many calls wait now.
    #[cfg(feature = "lease")]
    pub(crate) fn waiting(&self) -> u64 {
        // ORDERING: Relaxed, as in `begin_wait`.
        self.waiting.load(Ordering::Relaxed)
    }

    /// What was booked, and the open tick from the word, which `word` reads.
    pub(crate) fn snapshot(&self, word: impl FnOnce() -> u64, initial: u64, sequence_bits: u32) -> Stats {
        // ORDERING: Acquire, each paired with the Release in `book_tick`: `word` is read after these loads and shows at
        // least the moves whose ticks they count.
        let mut ids = self.ids.load(Ordering::Acquire);
        // ORDERING: Relaxed, as where it is booked.
        let mut max_sequence = self.max_sequence.load(Ordering::Relaxed);
        let mut buckets = [0; BUCKETS];
        // No tick holds more IDs than its last bucket here begins with.
        for (ticks, booked) in buckets.iter_mut().zip(&self.ticks_by_ids).take(bucket(1 << sequence_bits) + 1) {
            // ORDERING: Acquire, as above.
            *ticks = booked.load(Ordering::Acquire);
        }
        let word = word();

        let mask = sequence_mask(sequence_bits);
        let last_tick = last_tick(word, initial, sequence_bits);
        let open = word & mask;
        if open > 0 {
            ids += open;
            max_sequence = max_sequence.max(open - 1);
            if let Some(ticks) = buckets.get_mut(bucket(open)) {
                *ticks += 1;
            }
        }
        let [told_ids, told_ticks] = &self.told;
        let never_less = |told: &Counter, now: u64| {
            // ORDERING: Relaxed. One variable, whose modification order alone makes what is told grow.
            told.fetch_max(now, Ordering::Relaxed).max(now)
        };
        Stats {
            ids: never_less(told_ids, ids),
            // ORDERING: Relaxed, as where they are booked. Some may be of a tick whose IDs are not booked yet.
            unused: self.unused.load(Ordering::Relaxed).min(ids),
            ticks: never_less(told_ticks, buckets.iter().sum()),
            last_tick,
            tick_max_sequence: if last_tick.is_some() { word.wrapping_sub(1) & mask } else { 0 },
            max_sequence,
            ids_per_tick: Histogram { buckets },
            // ORDERING: Relaxed, as where they are booked.
            overflow_waits: self.overflow_waits.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as where they are booked.
            overflow_wait_time: Duration::from_nanos(self.overflow_wait_nanos.load(Ordering::Relaxed)),
            // ORDERING: Relaxed, as where they are booked.
            cas_retries: self.cas_retries.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as where they are booked.
            clock_behind: self.clock_behind.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as where they are booked.
            exhausted: self.exhausted.load(Ordering::Relaxed),
        }
    }
}

/// A call that waits, for as long as this lives.
pub(crate) struct WaitGuard<'l>(&'l Counter);

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, as in `begin_wait`.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Barrier;
    use std::thread;
    use std::vec::Vec;

    use super::Ledger;

    const THREADS: usize = 4;
    const ROUNDS: u64 = 100_000;

    fn at_once(ledger: &Ledger, book: impl Fn(&Ledger, u64) + Sync) {
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    (1..=ROUNDS).for_each(|round| book(ledger, round));
                });
            }
        });
    }

    #[test]
    fn no_time_waited_is_lost_for_another_thread() {
        let ledger = Ledger::new();
        at_once(&ledger, |ledger, _| (0..10).for_each(|_| ledger.book_overflow_wait(Duration::from_nanos(3))));
        let waited = Duration::from_nanos(10 * 3 * THREADS as u64 * ROUNDS);
        assert_eq!(ledger.snapshot(|| 0, 0, 3).overflow_wait_time, waited);
    }

    /// Words that fall again stand for ticks that others have filled up and not booked yet.
    #[test]
    fn what_was_told_is_not_forgotten_for_another_thread() {
        at_once(&Ledger::new(), |ledger, round| {
            assert!(ledger.snapshot(|| round, 0, 20).ids >= round);
            assert!(ledger.snapshot(|| 0, 0, 20).ids >= round, "{round}");
        });
    }

    /// Up to the 2^61 IDs that the widest sequence has.
    #[test]
    fn every_tick_is_in_a_range_however_many_ids_it_has() {
        let ledger = Ledger::new();
        for power in 0..=61 {
            ledger.book_tick(1 << power);
        }
        let stats = ledger.snapshot(|| 0, 0, 61);
        let ranges: Vec<_> = stats.ids_per_tick.iter().collect();
        assert_eq!(stats.ticks, 62);
        assert_eq!(ranges.first(), Some(&(1..=1, 1)));
        assert_eq!(ranges[19..], [(1 << 19..=(1 << 20) - 1, 1), (1 << 20..=1 << 61, 42)]);
        assert_eq!(ledger.snapshot(|| 1 << 40, 0, 61).ticks, 63, "and one that is open");
    }

    #[test]
    fn no_more_are_told_as_unused_than_as_issued() {
        let ledger = Ledger::new();
        ledger.book_unused(9);
        // The tick that the nine are of has been left, and is not booked yet.
        let stats = ledger.snapshot(|| 2 + (1 << 20), 0, 20);
        assert_eq!((stats.ids, stats.unused), (2, 2));
        ledger.book_tick(30);
        assert_eq!(ledger.snapshot(|| 2 + (1 << 20), 0, 20).unused, 9);
    }

    #[cfg(feature = "lease")]
    #[test]
    fn the_sum_of_two_generators_has_every_counter_of_both() {
        let booked = |times: u64| {
            let ledger = Ledger::new();
            for _ in 0..times {
                ledger.book_tick(5);
                ledger.book_unused(1);
                ledger.book_overflow_wait(Duration::from_nanos(3));
                ledger.book_cas_retries(2);
                ledger.book_clock_behind();
                ledger.book_exhausted();
            }
            ledger.snapshot(|| 0, 0, 3)
        };
        let (mut sum, both) = (booked(2), booked(5));
        sum.add_earlier(&booked(3));
        assert_eq!(sum, both);
    }

    #[test]
    fn ids_and_ticks_do_not_fall_while_a_tick_is_being_booked() {
        let ledger = Ledger::new();
        let told = |word: u64| {
            let stats = ledger.snapshot(|| word, 0, 3);
            (stats.ids, stats.ticks)
        };
        assert_eq!(told(0), (0, 0));
        assert_eq!(told(5), (5, 1));
        // Another call has taken the rest of the tick, and has not booked it yet.
        assert_eq!(told(8), (5, 1));
        ledger.book_tick(8);
        assert_eq!(told(8), (8, 1));
        assert_eq!(told(8 + 2), (10, 2));
    }
}
