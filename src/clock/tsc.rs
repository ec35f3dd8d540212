//! A cheaper precise clock, by the processor's own counter.

use core::cell::Cell;
use core::fmt;

use super::{Clock, SystemClock};

/// The operating system's wall clock, read once a millisecond and carried on by the processor's time-stamp counter:
/// about half the cost of [`SystemClock`], with feature `tsc-clock`.
///
/// Each thread keeps the millisecond that it read last and how far the counter may go until it is over, and reads the
/// system's clock again then, or where the counter was set back. So it follows that clock, steps and all, within a
/// millisecond, and never runs ahead of it but for the rest of the one in which it steps back.
///
/// Where the processor has no counter of constant rate it reads the system's clock each time. Where processors'
/// counters differ, or stop while the machine sleeps, it can be a millisecond of running time behind.
///
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
    /// How far the counter goes in a millisecond; `None` where there is none to rely on.
    per_milli: Option<u64>,
}

impl TscClock {
    /// A clock whose counter has been measured, for which the first one of a process takes up to 200 ms.
    #[must_use]
    pub fn new() -> Self {
        const SPAN: u64 = 1 << 40;
        let counter = quanta::Clock::new();
        // Without a counter to rely on, quanta counts the nanoseconds of the system's monotonic clock.
        let nanos = counter.delta_as_nanos(0, SPAN);
        let per_milli = (u128::from(SPAN) * 1_000_000).checked_div(u128::from(nanos)).filter(|_| nanos != SPAN);
        Self { counter, per_milli: per_milli.and_then(|count| u64::try_from(count).ok()) }
    }
}

/// A millisecond of the system's clock: from `since` on, for `span` of the counter.
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
    fn unix_millis(&self) -> u64 {
        let Some(per_milli) = self.per_milli else { return SystemClock.unix_millis() };
        let count = self.counter.raw();
        LATEST
            .try_with(|latest| {
                let Milli { unix_ms, since, span } = latest.get();
                // A counter that was set back is far beyond the span.
                if count.wrapping_sub(since) < span { unix_ms } else { renew(latest, count, per_milli) }
            })
            .unwrap_or_else(|_| SystemClock.unix_millis())
    }

    fn unix_nanos(&self) -> u128 {
        SystemClock.unix_nanos()
    }
}

/// Reads the system's clock, `count` after which the counter was read.
#[cold]
fn renew(latest: &Cell<Milli>, count: u64, per_milli: u64) -> u64 {
    const NANOS: u64 = 1_000_000;
    let now = SystemClock.unix_nanos();
    let unix_ms = crate::refusal::millis(now);
    // Below 10^6.
    let over = u64::try_from(now % u128::from(NANOS)).unwrap_or(NANOS);
    // A thousandth less, for what the counter's rate was measured wrong by: the clock is read again before it could
    // lag.
    let span = u128::from(per_milli) * u128::from(NANOS - over) / u128::from(NANOS) * 999 / 1000;
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

    /// What a clock tells whose counter stands at `count`, where the thread has read the millisecond 5 when it stood at
    /// 1000, and it is over at 1100.
    fn told(count: u64) -> u64 {
        let (counter, mock) = quanta::Clock::mock();
        mock.increment(count);
        let clock = TscClock { counter, per_milli: Some(PER_MILLI) };
        LATEST.set(Milli { unix_ms: 5, since: 1000, span: 100 });
        clock.unix_millis()
    }

    #[test]
    fn a_millisecond_lasts_as_long_as_the_counter_says() {
        assert_eq!([1000, 1001, 1099].map(told), [5; 3]);
        let before = SystemClock.unix_millis();
        // Over, or set back: by a little, to the beginning, or round the end.
        for count in [1100, 1101, 999, 0, u64::MAX, 1 << 63] {
            assert!(told(count) >= before, "at {count}");
        }
    }

    #[test]
    fn what_was_read_lasts_until_just_before_the_millisecond_is_over() {
        for per_milli in [0, 1, PER_MILLI, u64::MAX] {
            let nanos = SystemClock.unix_nanos();
            let unix_ms = LATEST.with(|latest| renew(latest, 7, per_milli));
            let Milli { unix_ms: kept, since, span } = LATEST.get();
            assert_eq!((kept, since), (unix_ms, 7));
            // Of the millisecond that is read less is left than there was just before, where that is the same.
            let left = 1_000_000 - nanos % 1_000_000;
            let same = u128::from(unix_ms) == nanos / 1_000_000;
            assert!(u128::from(span) <= u128::from(per_milli) * if same { left } else { 1_000_000 } / 1_000_000);
            assert!(span < per_milli.max(1), "{span} of {per_milli}");
        }
    }

    #[test]
    fn without_a_counter_it_is_the_systems_clock() {
        let (counter, _) = quanta::Clock::mock();
        let clock = TscClock { counter, per_milli: None };
        LATEST.set(Milli { unix_ms: 5, since: 0, span: u64::MAX });
        let before = SystemClock.unix_millis();
        assert!(clock.unix_millis() >= before);
    }
}
