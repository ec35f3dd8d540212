//! The counters from which `Stats` is computed: how calls update them, and how a snapshot reads them.

use core::time::Duration;

use crate::sync::{Counter, Ordering, const_fn, zeros};
use crate::word::{last_tick, sequence_mask};

use super::{BUCKETS, Histogram, Stats, bucket};

/// The counters from which a snapshot computes [`Stats`]. The counters do not include the IDs of the open tick, because
/// the number of these IDs is in the generator's word.
pub(crate) struct Counters {
    ids: Counter,
    unused: Counter,
    max_sequence: Counter,
    ticks_by_ids: [Counter; BUCKETS],
    overflow_waits: Counter,
    overflow_wait_ns: Counter,
    cas_retries: Counter,
    clock_behind: Counter,
    exhausted: Counter,
    /// How many calls are waiting now for a tick to begin.
    waiting: Counter,
    /// The highest [`Stats::ids`] and the highest [`Stats::ticks`] that snapshots have returned so far, in this order.
    reported: [Counter; 2],
}

impl Counters {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                ids: Counter::new(0),
                unused: Counter::new(0),
                max_sequence: Counter::new(0),
                ticks_by_ids: zeros(),
                overflow_waits: Counter::new(0),
                overflow_wait_ns: Counter::new(0),
                cas_retries: Counter::new(0),
                clock_behind: Counter::new(0),
                exhausted: Counter::new(0),
                waiting: Counter::new(0),
                reported: zeros(),
            }
        }
    }

    /// Records a tick that has `ids` IDs and will get no more. `ids` is not 0. The call that moves the word from this
    /// tick to a later one calls this function once, after the move.
    #[cold]
    pub(crate) fn record_tick(&self, ids: u64) {
        // ORDERING: Release, each paired with the Acquire load in `snapshot`. A snapshot that sees the record also sees
        // that the word has left the tick, so it does not count the tick a second time as the open tick.
        self.ids.fetch_add(ids, Ordering::Release);
        // The index is always in range, because `bucket` returns the index of the last bucket at most.
        if let Some(ticks) = self.ticks_by_ids.get(bucket(ids)) {
            // ORDERING: Release, as above.
            ticks.fetch_add(1, Ordering::Release);
        }
        let highest = ids - 1;
        // ORDERING: Relaxed. This load only avoids a write that would change nothing.
        if self.max_sequence.load(Ordering::Relaxed) < highest {
            // ORDERING: Relaxed. A maximum can't be counted twice, whatever word a snapshot sees together with the
            // maximum.
            self.max_sequence.fetch_max(highest, Ordering::Relaxed);
        }
    }

    /// Records one wait of a call for the next tick. The call waited because the previous tick was full. `time` is how
    /// long the wait lasted, or 0 if the clock has no monotonic time.
    pub(crate) fn record_overflow_wait(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // ORDERING: Relaxed. These counters are independent: which other values are read does not depend on them.
        self.overflow_waits.fetch_add(1, Ordering::Relaxed);
        let add = |sum: u64| Some(sum.saturating_add(ns));
        // ORDERING: Relaxed, as above.
        let _ = self.overflow_wait_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Records that `retries` compare-and-swaps failed and were tried again.
    #[cold]
    pub(crate) fn record_cas_retries(&self, retries: u64) {
        // ORDERING: Relaxed. This counter is independent: which other values are read does not depend on it.
        self.cas_retries.fetch_add(retries, Ordering::Relaxed);
    }

    /// Records that a handle drops `slots` slots that it has reserved. `slots` may be 0.
    pub(crate) fn record_unused(&self, slots: u64) {
        if slots > 0 {
            // ORDERING: Relaxed. This counter is independent: which other values are read does not depend on it.
            self.unused.fetch_add(slots, Ordering::Relaxed);
        }
    }

    /// Records that a call has noticed that the clock has moved back.
    pub(crate) fn record_clock_behind(&self) {
        // ORDERING: Relaxed. This counter is independent: which other values are read does not depend on it.
        self.clock_behind.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that a call failed with `Exhausted`.
    pub(crate) fn record_exhausted(&self) {
        // ORDERING: Relaxed. This counter is independent: which other values are read does not depend on it.
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call as waiting until the returned guard is dropped.
    pub(crate) fn begin_wait(&self) -> WaitGuard<'_> {
        // ORDERING: Relaxed. Before a generator ends, calls that are waiting get some time to succeed. No invariant
        // depends on whether the end of the generator sees each of these calls.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        WaitGuard(&self.waiting)
    }

    /// Returns how many calls are waiting now.
    pub(crate) fn waiting(&self) -> u64 {
        // ORDERING: Relaxed, as in `begin_wait`.
        self.waiting.load(Ordering::Relaxed)
    }

    /// Returns the statistics: the numbers that calls have recorded, plus the IDs of the open tick. `word` is a
    /// function that loads the generator's word. The loaded word contains the open tick and the number of IDs of the
    /// open tick. `initial` is the word that the generator started with.
    pub(crate) fn snapshot(&self, word: impl FnOnce() -> u64, initial: u64, sequence_bits: u32) -> Stats {
        // ORDERING: Acquire, each paired with the Release in `record_tick`. The word is loaded after these counters, so
        // it has left every tick that they count.
        let mut ids = self.ids.load(Ordering::Acquire);
        // ORDERING: Relaxed, as in `record_tick`.
        let mut max_sequence = self.max_sequence.load(Ordering::Relaxed);
        let mut buckets = [0; BUCKETS];
        // The last bucket loaded here is the one for a full tick. No tick has more IDs, so all later buckets stay 0.
        for (ticks, recorded) in buckets.iter_mut().zip(&self.ticks_by_ids).take(bucket(1 << sequence_bits) + 1) {
            // ORDERING: Acquire, as above.
            *ticks = recorded.load(Ordering::Acquire);
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
        let [reported_ids, reported_ticks] = &self.reported;
        let never_less = |reported: &Counter, count: u64| {
            // ORDERING: Relaxed. Because of the modification order of this one variable, the returned values never
            // fall.
            reported.fetch_max(count, Ordering::Relaxed).max(count)
        };
        Stats {
            ids: never_less(reported_ids, ids),
            // ORDERING: Relaxed, as in `record_unused`. Some unused slots may be of a tick that is not recorded yet.
            unused: self.unused.load(Ordering::Relaxed).min(ids),
            ticks: never_less(reported_ticks, buckets.iter().sum()),
            last_tick,
            tick_max_sequence: if last_tick.is_some() { word.wrapping_sub(1) & mask } else { 0 },
            max_sequence,
            ids_per_tick: Histogram { buckets },
            // ORDERING: Relaxed, as in `record_overflow_wait`.
            overflow_waits: self.overflow_waits.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as in `record_overflow_wait`.
            overflow_wait_time: Duration::from_nanos(self.overflow_wait_ns.load(Ordering::Relaxed)),
            // ORDERING: Relaxed, as in `record_cas_retries`.
            cas_retries: self.cas_retries.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as in `record_clock_behind`.
            clock_behind: self.clock_behind.load(Ordering::Relaxed),
            // ORDERING: Relaxed, as in `record_exhausted`.
            exhausted: self.exhausted.load(Ordering::Relaxed),
        }
    }
}

/// A guard that a call holds while it waits. The call counts as waiting until the guard is dropped.
pub(crate) struct WaitGuard<'c>(&'c Counter);

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

    use super::Counters;

    const THREADS: usize = 4;
    const ROUNDS: u64 = 100_000;

    fn together(counters: &Counters, act: impl Fn(&Counters, u64) + Sync) {
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    (1..=ROUNDS).for_each(|round| act(counters, round));
                });
            }
        });
    }

    #[test]
    fn no_wait_time_is_lost_to_another_thread() {
        let counters = Counters::new();
        together(&counters, |counters, _| (0..10).for_each(|_| counters.record_overflow_wait(Duration::from_nanos(3))));
        let waited = Duration::from_nanos(10 * 3 * THREADS as u64 * ROUNDS);
        assert_eq!(counters.snapshot(|| 0, 0, 3).overflow_wait_time, waited);
    }

    /// In each round the first snapshot finds `round` IDs in the open tick, and the second snapshot finds none. Two
    /// real snapshots can differ in the same way: after the first snapshot, another thread reserves the rest of the
    /// open tick, but it records this tick only after the second snapshot.
    #[test]
    fn reported_numbers_never_fall_because_of_another_thread() {
        together(&Counters::new(), |counters, round| {
            assert!(counters.snapshot(|| round, 0, 20).ids >= round);
            assert!(counters.snapshot(|| 0, 0, 20).ids >= round, "{round}");
        });
    }

    /// The ticks of this test have 1 to 2^61 IDs. No generator can issue more in a tick, because its sequence has at
    /// most 61 bits.
    #[test]
    fn a_tick_with_any_number_of_ids_is_in_a_range() {
        let counters = Counters::new();
        for power in 0..=61 {
            counters.record_tick(1 << power);
        }
        let stats = counters.snapshot(|| 0, 0, 61);
        let ranges: Vec<_> = stats.ids_per_tick.iter().collect();
        assert_eq!(stats.ticks, 62);
        assert_eq!(ranges.first(), Some(&(1..=1, 1)));
        assert_eq!(ranges[19..], [(1 << 19..=(1 << 20) - 1, 1), (1 << 20..=1 << 61, 42)]);
        assert_eq!(counters.snapshot(|| 1 << 40, 0, 61).ticks, 63, "and the open one");
    }

    #[test]
    fn unused_is_never_more_than_ids() {
        let counters = Counters::new();
        counters.record_unused(9);
        // The word has left the tick of the nine unused slots, but this tick is not recorded yet.
        let stats = counters.snapshot(|| 2 + (1 << 20), 0, 20);
        assert_eq!((stats.ids, stats.unused), (2, 2));
        counters.record_tick(30);
        assert_eq!(counters.snapshot(|| 2 + (1 << 20), 0, 20).unused, 9);
    }

    #[test]
    fn the_sum_of_two_generators_has_every_counter_of_both() {
        let recorded = |times: u64| {
            let counters = Counters::new();
            for _ in 0..times {
                counters.record_tick(5);
                counters.record_unused(1);
                counters.record_overflow_wait(Duration::from_nanos(3));
                counters.record_cas_retries(2);
                counters.record_clock_behind();
                counters.record_exhausted();
            }
            counters.snapshot(|| 0, 0, 3)
        };
        let (mut sum, both) = (recorded(2), recorded(5));
        sum.add_earlier(&recorded(3));
        assert_eq!(sum, both);
    }

    #[test]
    fn ids_and_ticks_never_fall_while_a_tick_is_being_recorded() {
        let counters = Counters::new();
        let reported = |word: u64| {
            let stats = counters.snapshot(|| word, 0, 3);
            (stats.ids, stats.ticks)
        };
        assert_eq!(reported(0), (0, 0));
        assert_eq!(reported(5), (5, 1));
        // Another call has taken the rest of the tick and has not recorded it yet.
        assert_eq!(reported(8), (5, 1));
        counters.record_tick(8);
        assert_eq!(reported(8), (8, 1));
        assert_eq!(reported(8 + 2), (10, 2));
    }
}
