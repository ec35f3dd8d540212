//! `Terms`: the parameters that all processes of one ID space share, and conversions between ticks and durations.

use std::time::Duration;

use casflake::Layout;

/// The largest TTL of a lease. A constant of the protocol, not a setting: after a loss, a store waits until no
/// forgotten lease of any process can last, so it must know the largest TTL that any process has used.
pub const MAX_TTL: Duration = Duration::from_secs(120);

/// For a store that loses data: how far apart the clocks that grant its leases may be, and by how much one of them may
/// move back. After a loss the store grants nothing until [`MAX_TTL`] + this have passed. (As long as a store keeps
/// what it has acknowledged, its clocks may read anything.) A constant of the protocol, too.
pub const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// How far a leased generator may lead its clock. Short, so that when an operator reclaims the worker of a process that
/// has ended, the future ticks that the process has used are over.
pub const MAX_LEAD: Duration = Duration::from_secs(1);

/// The time within which a lost space is created again, if a process that was ever granted a lease of it still runs.
/// Such a process calls the store after each third of its TTL.
pub(crate) const RESTORED_WITHIN: Duration = Duration::from_secs(MAX_TTL.as_secs() / 3);

/// The most workers that an ID space can have.
pub const MAX_WORKERS: u64 = 65_536;

/// The number of workers of a space, unless the operator has chosen another.
const WORKERS: u64 = 1024;

/// The parameters that all processes of one ID space must share: the layout, as a text and as its ticks, and the
/// constants of the protocol in ticks.
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
    /// The whole layout as a text, which differs for any two layouts.
    pub layout: String,
    /// The moment at which tick 0 begins, in Unix milliseconds.
    pub epoch_unix_ms: u64,
    /// The length of a tick, in milliseconds.
    pub tick_ms: u64,
    /// The first tick that does not fit the layout.
    pub end: u64,
    /// The number of workers of a new space.
    pub workers: u64,
    /// How far a window may reach into the future, in ticks: [`MAX_TTL`].
    pub max_ttl: u64,
    /// How far apart the clocks of a store that loses data may be, or move back, in ticks: [`CLOCK_SLACK`].
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

    /// Returns the tick at which every window granted until `now_tick` has ended.
    #[must_use]
    pub fn horizon(&self, now_tick: u64) -> u64 {
        now_tick.saturating_add(self.max_ttl).saturating_add(self.slack)
    }

    /// Returns the latest tick that a clock may have written: the horizon of a clock that is ahead of `now_tick` by
    /// [`CLOCK_SLACK`].
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

    /// Returns how long `ticks` take.
    #[must_use]
    pub fn duration(&self, ticks: u64) -> Duration {
        duration(self.tick_ms, ticks)
    }
}

/// Returns the whole layout as a text, which differs for any two layouts. Stores keep it, so its form must not change.
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

/// Returns how many workers the layout has, over all datacenters.
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

/// Returns how long `ticks` of `tick_ms` milliseconds take.
pub(crate) fn duration(tick_ms: u64, ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(tick_ms))
}
