//! Takes samples at many moments of a run: how long the threads have waited, and how many CAS have failed.
//!
//! Each sample contains the sums since the start of the run. So if one sample is dropped, the later samples are still
//! right.

use std::time::Duration;

use casflake::Stats;

/// The largest number of samples to keep.
const SAMPLES: usize = 1024;

/// The smallest number of ticks between two samples. The statistics count a wait when the wait ends, at the beginning
/// of a tick. By chance, one more tick may begin between two samples, and then the waits that end at this tick are
/// counted, too. The more ticks there are between two samples, the smaller is the error from one tick.
const TICKS: u32 = 20;

pub(crate) struct Waits {
    interval: Duration,
    samples: Vec<Sample>,
}

/// How long all threads together have waited, and how many CAS have failed, from the start of the run to the moment
/// `at`. `at` is the time since the start.
#[derive(Clone, Copy, Default)]
struct Sample {
    at: Duration,
    waited: Duration,
    retries: u64,
}

/// How long the threads have waited, and how many CAS have failed, between `from` and `to`. Both are times since the
/// start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// The time that all threads together have waited.
    pub(crate) waited: Duration,
    pub(crate) retries: u64,
}

impl Waits {
    pub(crate) fn new(tick: Duration) -> Self {
        Self { interval: tick * TICKS, samples: vec![Sample::default()] }
    }

    /// Takes a sample if one is due. Returns how long to wait before the next sample.
    pub(crate) fn look(&mut self, now: Duration, stats: impl FnOnce() -> Stats) -> Duration {
        if now >= self.next() {
            self.samples.push(sample(now, &stats()));
            if self.samples.len() > SAMPLES {
                self.thin_out();
            }
        }
        self.next().saturating_sub(now)
    }

    /// Takes the last sample.
    pub(crate) fn finish(&mut self, now: Duration, stats: &Stats) {
        // If the previous sample was taken just before, it is dropped, because a very short span shows nothing.
        let is_near = self.samples.last().is_some_and(|last| now.saturating_sub(last.at) < self.interval / 2);
        if is_near && self.samples.len() > 1 {
            self.samples.pop();
        }
        self.samples.push(sample(now, stats));
    }

    fn next(&self) -> Duration {
        self.samples.last().map_or(Duration::ZERO, |last| last.at + self.interval)
    }

    fn thin_out(&mut self) {
        self.interval *= 2;
        let mut is_kept = false;
        self.samples.retain(|_| {
            is_kept = !is_kept;
            is_kept
        });
    }

    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.samples.iter().zip(self.samples.iter().skip(1)).map(|(before, after)| Span {
            from: before.at,
            to: after.at,
            waited: after.waited.saturating_sub(before.waited),
            retries: after.retries.saturating_sub(before.retries),
        })
    }
}

fn sample(at: Duration, stats: &Stats) -> Sample {
    Sample { at, waited: stats.overflow_wait_time, retries: stats.cas_retries }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use casflake::{Generator, Standard, Stats, WorkerId};

    use super::{SAMPLES, Span, Waits};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Returns the statistics of a run at the time `now`, in ms since the start. In this run, the threads together wait
    /// for half of each ms, and three CAS per ms fail.
    fn stats(now: u64) -> Stats {
        let mut stats = Generator::<Standard>::new(WorkerId::fixed::<0, 0>()).stats();
        (stats.overflow_wait_time, stats.cas_retries) = (ms(now) / 2, 3 * now);
        stats
    }

    #[test]
    fn a_sample_is_taken_when_it_is_due() {
        let mut waits = Waits::new(ms(1));
        assert_eq!(waits.look(ms(0), || unreachable!()), ms(20));
        assert_eq!(waits.look(ms(15), || unreachable!()), ms(5));
        assert_eq!(waits.look(ms(22), || stats(22)), ms(20));
        waits.finish(ms(40), &stats(40));
        let span = |from, to| Span { from: ms(from), to: ms(to), waited: ms(to - from) / 2, retries: 3 * (to - from) };
        assert_eq!(waits.spans().collect::<Vec<_>>(), [span(0, 22), span(22, 40)]);
    }

    #[test]
    fn the_end_replaces_a_sample_just_before_it() {
        let mut waits = Waits::new(ms(1));
        waits.look(ms(20), || stats(20));
        waits.look(ms(40), || stats(40));
        waits.finish(ms(41), &stats(41));
        assert_eq!(waits.spans().map(|span| span.to).collect::<Vec<_>>(), [ms(20), ms(41)]);
        let mut waits = Waits::new(ms(1));
        waits.finish(ms(1), &stats(1));
        assert_eq!(waits.spans().map(|span| span.to).collect::<Vec<_>>(), [ms(1)]);
    }

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_samples_and_all_of_the_sums() {
        let mut waits = Waits::new(ms(1));
        for now in (0..10_000_000).step_by(20) {
            waits.look(ms(now), || stats(now));
            assert!(waits.samples.len() <= SAMPLES);
        }
        waits.finish(ms(10_000_000), &stats(10_000_000));
        assert!(waits.samples.len() > SAMPLES / 4, "{}", waits.samples.len());
        assert_eq!(waits.spans().map(|span| span.waited).sum::<Duration>(), ms(5_000_000));
        assert_eq!(waits.spans().map(|span| span.retries).sum::<u64>(), 30_000_000);
    }
}
