//! `TscClock`: a precise clock that is cheaper than `SystemClock`, because it reads the processor's own counter.

use core::cell::Cell;
use core::fmt;

use super::{Clock, NS_PER_MS, SystemClock, ns_to_ms};

/// A wall clock that is cheaper than [`SystemClock`]: a reading takes about half as long. Each thread reads the
/// operating system's wall clock only once a millisecond. Between two such readings, the processor's time-stamp counter
/// tells whether the millisecond is over. This clock needs the feature `tsc-clock`.
///
/// Each thread keeps the millisecond that it last read from the system's clock, and the counter's value at which this
/// millisecond ends. Until the counter reaches this value, calls of the thread return the kept millisecond. The
/// thread's next call after that reads the system's clock again. A call also does so if the counter has moved back to a
/// lower value than at the thread's last reading of the system's clock. So if the system's clock is set, this clock
/// follows within a millisecond. `TscClock` is ahead of the system's clock only if the system's clock moves back, and
/// only until the kept millisecond ends.
///
/// `TscClock` may lag behind the system's clock if the counters of several processors differ, or if the counters stop
/// while the machine is suspended. Each lag lasts a millisecond at most, not counting the time during which the machine
/// is suspended. If the processor has no counter of constant rate, each call reads the system's clock, without a lag.
///
/// # Examples
/// ```
/// use std::sync::LazyLock;
///
/// use casflake::{Generator, Standard, TscClock, WorkerId};
///
/// static IDS: LazyLock<Generator<Standard, TscClock>> =
///     LazyLock::new(|| Generator::with_clock(WorkerId::fixed::<1, 7>(), TscClock::new()));
///
/// assert_eq!(IDS.generate()?.worker(), 7);
/// # Ok::<(), casflake::GenerateError>(())
/// ```
#[derive(Clone)]
pub struct TscClock {
    counter: quanta::Clock,
    /// The number by which the counter increases in a millisecond, or `None` if the processor has no reliable counter.
    per_milli: Option<u64>,
}

impl TscClock {
    /// Returns a clock. The first call in a process measures the counter's rate, which takes up to 200 ms.
    #[must_use]
    pub fn new() -> Self {
        const SPAN: u64 = 1 << 40;
        let counter = quanta::Clock::new();
        // Without a reliable counter, quanta counts the nanoseconds of the system's monotonic clock. `nanos` is then
        // `SPAN`.
        let nanos = counter.delta_as_nanos(0, SPAN);
        let per_milli = (u128::from(SPAN) * 1_000_000).checked_div(u128::from(nanos)).filter(|_| nanos != SPAN);
        Self { counter, per_milli: per_milli.and_then(|count| u64::try_from(count).ok()) }
    }
}

/// The millisecond that a thread has read from the system's clock. It is valid while the counter is at least `since`
/// and less than `since + span`.
#[derive(Clone, Copy)]
struct Milli {
    unix_ms: u64,
    since: u64,
    span: u64,
}

std::thread_local! {
    static LATEST: Cell<Milli> = const { Cell::new(Milli { unix_ms: 0, since: 0, span: 0 }) };
}

impl Clock for TscClock {
    #[inline]
    fn unix_ms(&self) -> u64 {
        let Some(per_milli) = self.per_milli else { return SystemClock.unix_ms() };
        let count = self.counter.raw();
        LATEST
            .try_with(|latest| {
                let Milli { unix_ms, since, span } = latest.get();
                // If the counter moved back, the difference wraps and is far beyond the span.
                if count.wrapping_sub(since) < span { unix_ms } else { renew(latest, count, per_milli) }
            })
            .unwrap_or_else(|_| SystemClock.unix_ms())
    }

    fn precise_unix_ns(&self) -> u128 {
        SystemClock.precise_unix_ns()
    }
}

/// Reads the system's clock, stores the millisecond of the reading in `latest`, and returns the millisecond. `count` is
/// the counter's value just before the reading.
#[cold]
fn renew(latest: &Cell<Milli>, count: u64, per_milli: u64) -> u64 {
    let now_ns = SystemClock.precise_unix_ns();
    let unix_ms = ns_to_ms(now_ns);
    let left_ns = NS_PER_MS - now_ns % NS_PER_MS;
    // The span is made a thousandth shorter, because the measured rate is not exact. So the thread reads the system's
    // clock again before the kept millisecond is out of date.
    let span = u128::from(per_milli) * left_ns / NS_PER_MS * 999 / 1000;
    latest.set(Milli { unix_ms, since: count, span: u64::try_from(span).unwrap_or(0) });
    unix_ms
}

impl Default for TscClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TscClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TscClock").field("per_milli", &self.per_milli).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, LATEST, Milli, SystemClock, TscClock, renew};

    const PER_MILLI: u64 = 2_000_000;

    /// Returns the clock's reading if the counter is at `count`. Before, the thread read the millisecond 5 from the
    /// system's clock, when the counter was at 1000. This millisecond ends when the counter is at 1100.
    fn reading(count: u64) -> u64 {
        let (counter, mock) = quanta::Clock::mock();
        mock.increment(count);
        let clock = TscClock { counter, per_milli: Some(PER_MILLI) };
        LATEST.set(Milli { unix_ms: 5, since: 1000, span: 100 });
        clock.unix_ms()
    }

    #[test]
    fn a_millisecond_lasts_as_long_as_the_counter_says() {
        assert_eq!([1000, 1001, 1099].map(reading), [5; 3]);
        let before = SystemClock.unix_ms();
        // In the first two cases the millisecond is over. In the other four cases the counter has moved back: by 1, to
        // 0, or past 0 to a large value.
        for count in [1100, 1101, 999, 0, u64::MAX, 1 << 63] {
            assert!(reading(count) >= before, "at {count}");
        }
    }

    #[test]
    fn a_reading_lasts_until_just_before_its_millisecond_is_over() {
        for per_milli in [0, 1, PER_MILLI, u64::MAX] {
            let nanos = SystemClock.precise_unix_ns();
            let unix_ms = LATEST.with(|latest| renew(latest, 7, per_milli));
            let Milli { unix_ms: kept, since, span } = LATEST.get();
            assert_eq!((kept, since), (unix_ms, 7));
            // If both readings of the system's clock are in the same millisecond, less of this millisecond is left at
            // the second reading than at the first.
            let left = 1_000_000 - nanos % 1_000_000;
            let same = u128::from(unix_ms) == nanos / 1_000_000;
            assert!(u128::from(span) <= u128::from(per_milli) * if same { left } else { 1_000_000 } / 1_000_000);
            assert!(span < per_milli.max(1), "{span} of {per_milli}");
        }
    }

    #[test]
    fn without_a_counter_each_reading_is_the_systems() {
        let (counter, _) = quanta::Clock::mock();
        let clock = TscClock { counter, per_milli: None };
        LATEST.set(Milli { unix_ms: 5, since: 0, span: u64::MAX });
        let before = SystemClock.unix_ms();
        assert!(clock.unix_ms() >= before);
    }
}
