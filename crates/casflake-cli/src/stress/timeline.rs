//! Counts IDs in buckets. Each bucket covers the same number of ticks. This number doubles whenever there would be too
//! many buckets.

use std::collections::BTreeMap;

/// The largest number of buckets. A chart is not much wider than this in pixels.
const BUCKETS: u64 = 1024;

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// A bucket is 2^`shift` ticks wide.
    shift: u32,
    /// The number of IDs in each bucket with IDs. The key `b` stands for the bucket that begins at tick `b << shift`.
    ids: BTreeMap<u64, u64>,
    /// The smallest tick and the largest tick of the IDs in `ids`.
    ends: Option<(u64, u64)>,
    /// The tick of the last ID that was counted, and how many IDs of this tick were counted in a row. These IDs are not
    /// in a bucket yet, because a map access for each ID would slow the thread down.
    open: (u64, u64),
}

/// A span of ticks, and the number of IDs from these ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    /// The first tick of the span, counted from the first tick of the run. `to` is the first tick after the span,
    /// counted in the same way.
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) ids: u64,
}

impl Timeline {
    /// Counts an ID of the tick `tick`.
    #[inline]
    pub(crate) fn see(&mut self, tick: u64) {
        if tick != self.open.0 {
            self.close();
            self.open.0 = tick;
        }
        self.open.1 += 1;
    }

    #[cold]
    fn close(&mut self) {
        let (tick, ids) = std::mem::take(&mut self.open);
        if ids > 0 {
            self.reach(tick, tick);
            *self.ids.entry(tick >> self.shift).or_default() += ids;
        }
    }

    /// Extends `ends` to include the ticks from `first` to `last`, and widens the buckets as far as necessary.
    fn reach(&mut self, first: u64, last: u64) {
        let (first, last) = self.ends.map_or((first, last), |ends| (ends.0.min(first), ends.1.max(last)));
        self.ends = Some((first, last));
        let mut shift = self.shift;
        while (last >> shift) - (first >> shift) >= BUCKETS {
            shift += 1;
        }
        self.widen(shift);
    }

    fn widen(&mut self, shift: u32) {
        let more = shift.saturating_sub(self.shift);
        if more > 0 {
            self.shift += more;
            for (bucket, ids) in std::mem::take(&mut self.ids) {
                *self.ids.entry(bucket >> more).or_default() += ids;
            }
        }
    }

    /// Adds the counts of another thread.
    pub(crate) fn merge(&mut self, mut other: Self) {
        self.close();
        other.close();
        let Some((first, last)) = other.ends else { return };
        // Now these buckets are at least as wide as the buckets of `other`, because `ends` includes the ends of
        // `other`.
        self.reach(first, last);
        other.widen(self.shift);
        for (bucket, ids) in other.ids {
            *self.ids.entry(bucket).or_default() += ids;
        }
    }

    /// Returns one span for each bucket of the run, in order. The first span begins at the first tick of the run, and
    /// not at the beginning of its bucket. The last span ends after the last tick of the run, and not at the end of its
    /// bucket.
    pub(crate) fn spans(mut self) -> Vec<Span> {
        self.close();
        let Some((first, last)) = self.ends else { return Vec::new() };
        let span = |bucket: u64| Span {
            from: (bucket << self.shift).saturating_sub(first),
            to: (last - first).min((((bucket + 1) << self.shift) - 1).saturating_sub(first)) + 1,
            ids: self.ids.get(&bucket).copied().unwrap_or(0),
        };
        (first >> self.shift..=last >> self.shift).map(span).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Span, Timeline};

    fn seen(ticks: impl IntoIterator<Item = u64>) -> Timeline {
        let mut timeline = Timeline::default();
        ticks.into_iter().for_each(|tick| timeline.see(tick));
        timeline
    }

    #[test]
    fn a_short_run_has_one_span_per_tick_with_empty_ones_between() {
        let spans = seen([1000, 1000, 1001, 1003]).spans();
        let span = |from, ids| Span { from, to: from + 1, ids };
        assert_eq!(spans, [span(0, 2), span(1, 1), span(2, 0), span(3, 1)]);
        assert_eq!(seen([0]).spans(), [span(0, 1)]);
        assert_eq!(seen([]).spans(), []);
    }

    #[test]
    fn a_long_run_has_wider_buckets_and_loses_no_id() {
        let ticks = 77..77 + 5 * BUCKETS;
        let spans = seen(ticks.clone()).spans();
        assert!(spans.len() as u64 <= BUCKETS && spans.len() as u64 > BUCKETS / 2, "{}", spans.len());
        // One ID per tick, also in the first and the last bucket, which are cut off at the ends.
        assert!(spans.iter().all(|span| span.ids == span.to - span.from));
        assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!((spans[0].from, spans.last().unwrap().to), (0, 5 * BUCKETS));
    }

    #[test]
    fn a_clock_that_jumps_costs_no_memory() {
        let timeline = seen([0, 1, u64::MAX >> 1]);
        let spans = timeline.spans();
        assert!(spans.len() as u64 <= BUCKETS);
        assert_eq!(spans.iter().map(|span| span.ids).sum::<u64>(), 3);
    }

    #[test]
    fn counts_of_threads_add_up_in_either_order() {
        let merged = |mut one: Timeline, other| {
            one.merge(other);
            one.spans()
        };
        let (long, short) = (seen((0..3 * BUCKETS).step_by(2)), seen((1..1000).step_by(2)));
        let spans = merged(long.clone(), short.clone());
        assert_eq!(spans, merged(short, long.clone()));
        assert_eq!(spans.iter().map(|span| span.ids).sum::<u64>(), 3 * BUCKETS / 2 + 500);
        assert_eq!(spans[0], Span { from: 0, to: 4, ids: 4 });
        // Two short timelines far from each other make a long one.
        let apart = merged(seen([5]), seen([5 + 2 * BUCKETS]));
        assert!(apart.len() as u64 <= BUCKETS);
        assert_eq!((apart[0].ids, apart.last().unwrap().ids), (1, 1));
        assert_eq!(merged(seen([]), long.clone()), long.spans());
    }
}
