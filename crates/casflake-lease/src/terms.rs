//! `Terms`: the parameters that all processes of one ID space share, and conversions between ticks and durations.

use std::time::Duration;

use casflake::Layout;

/// The largest TTL of a lease. This is a constant of the protocol, not a setting. A store that has lost data waits
/// until every forgotten lease has ended. If leases could have any TTL, the store would not know how long to wait.
pub const MAX_TTL: Duration = Duration::from_secs(120);

/// The largest error that the clock of a store may have if the store loses data. Each lease is granted or renewed at
/// some reading of the store's clock. When a loss is found, the clock may be at most `CLOCK_SLACK` behind the latest of
/// all these readings. The clock can be behind because it has moved back, or because a server with another clock has
/// taken over. After a loss, the store grants nothing until [`MAX_TTL`] + `CLOCK_SLACK` have passed. As long as a store
/// keeps all data that it has acknowledged, its clock may have any error. This is a constant of the protocol, not a
/// setting.
pub const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// The longest lead of a leased generator. The lead is the time by which the ticks of the generator's IDs may be ahead
/// of the generator's clock. A long lead would hinder operators. Before an operator reclaims the worker of an ended
/// process, the store's clock must have passed the tick of the process's last ID.
pub const MAX_LEAD: Duration = Duration::from_secs(1);

/// The longest time from the loss of a space until a process creates the space again. The limit holds only if a process
/// that was ever granted a lease of the space still runs. Such a process calls the store after each third of its TTL,
/// which is at most [`MAX_TTL`].
pub(crate) const RESTORED_WITHIN: Duration = Duration::from_secs(MAX_TTL.as_secs() / 3);

/// The largest number of workers that an ID space can have.
pub const MAX_WORKERS: u64 = 65_536;

/// The number of workers of a new space, unless the layout allows fewer or the operator chooses another number.
const WORKERS: u64 = 1024;

/// The parameters that all processes of one ID space must share: the layout, and the constants of the protocol in
/// ticks.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use casflake::{Scheme, Sonyflake};
/// use casflake_lease::Terms;
///
/// let terms = Terms::of(&Sonyflake::LAYOUT);
/// assert_eq!(terms.tick_ms, 10);
/// assert_eq!(terms.ticks(Duration::from_millis(25)), 3, "rounded up");
/// assert_eq!(terms.duration(3), Duration::from_millis(30));
/// assert_eq!(terms.tick_at(terms.epoch_unix_ms + 25), Some(2));
/// assert_eq!(terms.tick_at(0), None, "before the epoch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The whole layout as a text. Two different layouts have different texts.
    pub layout: String,
    /// The moment at which tick 0 begins, in Unix milliseconds.
    pub epoch_unix_ms: u64,
    /// The length of a tick, in milliseconds.
    pub tick_ms: u64,
    /// The tick after the layout's last tick.
    pub end: u64,
    /// The number of workers of a new space, unless an operator chooses another number.
    pub workers: u64,
    /// [`MAX_TTL`] in ticks, rounded up: a new window ends at most this many ticks after the store's clock.
    pub max_ttl: u64,
    /// [`CLOCK_SLACK`] in ticks, rounded up.
    pub slack: u64,
}

impl Terms {
    /// Returns the terms of the processes that issue IDs of this layout.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let terms = Self {
            layout: fingerprint(layout),
            epoch_unix_ms: layout.epoch_unix_ms(),
            tick_ms: layout.tick_ms(),
            end: layout.max_tick().saturating_add(1),
            workers: workers_of(layout).min(WORKERS),
            max_ttl: 0,
            slack: 0,
        };
        Self { max_ttl: terms.ticks(MAX_TTL), slack: terms.ticks(CLOCK_SLACK), ..terms }
    }

    /// Returns the tick `now_tick` + [`MAX_TTL`] + [`CLOCK_SLACK`]. `now_tick` is the tick that the store's clock reads
    /// now. Every window that was granted or renewed until now ends at the returned tick or earlier, if the store's
    /// clock read at most `now_tick` + [`CLOCK_SLACK`] at each grant and each renewal. The clock may have read more
    /// than `now_tick` at that time, because the clock has moved back since, or because a server with another clock has
    /// taken over.
    #[must_use]
    pub fn horizon(&self, now_tick: u64) -> u64 {
        now_tick.saturating_add(self.max_ttl).saturating_add(self.slack)
    }

    /// Returns the tick `now_tick` + [`MAX_TTL`] + twice [`CLOCK_SLACK`], which is the [`horizon`](Self::horizon) of
    /// `now_tick` + [`CLOCK_SLACK`]. No floor and no end of a window in the store is later than the returned tick, as
    /// long as the clocks of the store differ by at most [`CLOCK_SLACK`], and one of these clocks reads `now_tick`.
    #[must_use]
    pub fn reach(&self, now_tick: u64) -> u64 {
        self.horizon(now_tick).saturating_add(self.slack)
    }

    /// Returns the end of a window granted at `now_tick` for `ttl` ticks.
    #[must_use]
    pub fn until(&self, now_tick: u64, ttl: u64) -> u64 {
        now_tick.saturating_add(ttl).min(self.end)
    }

    /// Returns the tick that contains the Unix time `unix_ms`, or `None` if the layout has no such tick.
    #[must_use]
    pub fn tick_at(&self, unix_ms: u64) -> Option<u64> {
        let tick = unix_ms.checked_sub(self.epoch_unix_ms)? / self.tick_ms.max(1);
        (tick < self.end).then_some(tick)
    }

    /// Returns the number of ticks in `time`, rounded up.
    #[must_use]
    pub fn ticks(&self, time: Duration) -> u64 {
        ticks(self.tick_ms, time)
    }

    /// Returns the duration of `ticks` ticks.
    #[must_use]
    pub fn duration(&self, ticks: u64) -> Duration {
        duration(self.tick_ms, ticks)
    }
}

/// Returns the whole layout as a text. Two different layouts have different texts. Stores keep this text, so its form
/// must not change.
pub(crate) fn fingerprint(layout: &Layout) -> String {
    format!(
        "{}+{}+{}+{} bits, {}, from {} ms in ticks of {} ms",
        layout.timestamp_bits(),
        layout.datacenter_bits(),
        layout.worker_bits(),
        layout.sequence_bits(),
        layout.order(),
        layout.epoch_unix_ms(),
        layout.tick_ms()
    )
}

/// Returns the number of workers of the layout, in all datacenters together.
pub(crate) fn workers_of(layout: &Layout) -> u64 {
    // Both fields together are narrower than 64 bits, because the timestamp has at least one bit.
    (layout.max_datacenter() + 1) << layout.worker_bits()
}

/// Returns the longest lead of a leased generator, in ticks.
pub(crate) fn lead_ticks(layout: &Layout) -> u64 {
    ticks(layout.tick_ms(), MAX_LEAD).min(layout.max_tick())
}

fn ticks(tick_ms: u64, time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(1_000_000 * u128::from(tick_ms.max(1)));
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Returns the duration of `ticks` ticks of `tick_ms` milliseconds each.
pub(crate) fn duration(tick_ms: u64, ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(tick_ms))
}
