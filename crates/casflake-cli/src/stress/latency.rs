//! Latencies of calls. Each thread has a histogram. The percentiles are computed from the merged histograms.

use std::time::Duration;

use hdrhistogram::{AdditionError, CreationError, Histogram};
use serde::Serialize;

/// The longest latency that a histogram can hold, in nanoseconds: the largest value of `--seconds`. A longer latency is
/// recorded as `LONGEST`.
const LONGEST: u64 = 1_000_000_000_000_000;

/// The number of leading decimal digits of a latency that a histogram keeps. The buckets of a histogram take 330 KiB,
/// but a thread touches only a small part of this memory.
const DIGITS: u8 = 3;

/// A histogram of latencies. Its memory does not grow with the number of latencies.
pub(crate) struct Latency(Histogram<u64>);

/// The percentiles of the latencies, in nanoseconds. For example, 90 % of the calls took at most `p90_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    /// The number of calls that were timed.
    pub(crate) samples: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p90_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p99_9_ns: u64,
    pub(crate) p99_99_ns: u64,
    pub(crate) max_ns: u64,
}

impl Latency {
    pub(crate) fn new() -> Result<Self, CreationError> {
        Histogram::new_with_bounds(1, LONGEST, DIGITS).map(Self)
    }

    #[inline]
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.0.add(&other.0)
    }

    /// Returns the percentiles, or `None` if no call was timed.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| Percentiles {
            samples: self.0.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            max_ns: self.0.max(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latency, Percentiles};

    fn recorded(nanos: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::new().unwrap();
        nanos.into_iter().for_each(|nanos| latency.record(Duration::from_nanos(nanos)));
        latency
    }

    #[test]
    fn percentiles_of_all_threads_are_exact_to_three_digits() {
        let mut odd = recorded((1..=1_000_000).step_by(2));
        odd.merge(&recorded((2..=1_000_000).step_by(2))).unwrap();
        let Percentiles { samples, p50_ns, p90_ns, p99_ns, p99_9_ns, p99_99_ns, max_ns } = odd.percentiles().unwrap();
        assert_eq!(samples, 1_000_000);
        for (found, expected) in [
            (p50_ns, 500_000),
            (p90_ns, 900_000),
            (p99_ns, 990_000),
            (p99_9_ns, 999_000),
            (p99_99_ns, 999_900),
            (max_ns, 1_000_000),
        ] {
            assert!(found.abs_diff(expected) <= expected / 1000, "{found} for {expected}");
        }
    }

    #[test]
    fn a_latency_over_the_longest_counts_as_the_longest() {
        let max = |nanos| recorded([nanos]).percentiles().unwrap().max_ns;
        assert!(max(super::LONGEST).abs_diff(super::LONGEST) <= super::LONGEST / 1000);
        assert!(max(u64::MAX) >= max(super::LONGEST));
        assert_eq!(max(0), 0);
    }

    #[test]
    fn without_a_call_there_are_no_percentiles() {
        assert_eq!(recorded([]).percentiles(), None);
    }
}
