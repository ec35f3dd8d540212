//! A cheaper precise clock, by the processor's own counter.

use core::cell::Cell;
use core::fmt;

use super::{Clock, SystemClock};

/// The operating system's wall clock, read once a millisecond and carried on by the processor's time-stamp counter: about
/// half the cost of [`SystemClock`], with feature `tsc-clock`.
///
/// Each thread keeps the millisecond that it read last and how far the counter may go until it is over, and reads the
/// system's clock again then. So it follows that clock, steps and all, within a millisecond, and never runs ahead of it: the
/// counter decides only whether the millisecond may still be the same. A counter that was set back, or that differs
/// between processors, sends it to the system's clock early.
///
/// Where the processor has no counter of constant rate it reads the system's clock each time. A processor that stops its
/// counter while the machine sleeps can leave it a millisecond of running time behind.
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
    // A thousandth less, for what the counter's rate was measured wrong by: the clock is read again before it could lag.
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
