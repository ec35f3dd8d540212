//! `Terms`: what the processes of one ID space must agree on, and their layout's ticks in milliseconds.

use std::time::Duration;

use casflake::Layout;

/// The longest time to live that a lease can have. A constant of the protocol: what a store that has lost something
/// grants depends on it, whoever granted before.
pub const MAX_TTL: Duration = Duration::from_secs(120);

/// How far apart the clocks may be that one store's leases go by, or by how much one may be set back, for a store that
/// loses something: until [`MAX_TTL`] and this are over it grants nothing. (As long as a store keeps what it has
/// acknowledged, clocks may read what they like.) A constant of the protocol, too.
pub const CLOCK_SLACK: Duration = Duration::from_secs(30);

/// How far a leased generator may lead its clock. Short, so that an operator who frees the worker of a process that has
/// ended does so when the ticks are over that it has used of the future.
pub const MAX_LEAD: Duration = Duration::from_secs(1);

/// By when a space that is lost is restored, if a process still runs that was ever granted a lease of it: such a process
/// asks the store each third of its time to live.
pub(crate) const RESTORED_WITHIN: Duration = Duration::from_secs(MAX_TTL.as_secs() / 3);

/// The most workers that an ID space can have.
pub const MAX_WORKERS: u64 = 65_536;

/// How many workers a space has unless its operator has chosen another number.
const WORKERS: u64 = 1024;

/// What the processes of one ID space must agree on: the layout, as its ticks and as a text, and the constants of the
/// protocol in ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// All of the layout, as a text that no two layouts share.
    pub layout: String,
    /// The moment at which tick 0 begins, in Unix milliseconds.
    pub epoch_unix_ms: u64,
    /// The length of a tick, in milliseconds.
    pub tick_ms: u64,
    /// The first tick that does not fit the layout.
    pub end: u64,
    /// The number of workers of a new space.
    pub workers: u64,
    /// The longest time that a window may reach into the future, in ticks: [`MAX_TTL`].
    pub max_ttl: u64,
    /// How far apart the clocks may be that one store goes by, or how far one may step back, in case the store loses
    /// something, in ticks: [`CLOCK_SLACK`].
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

    /// Returns the tick beyond which no window reaches that was granted until `now_tick`.
    #[must_use]
    pub fn horizon(&self, now_tick: u64) -> u64 {
        now_tick.saturating_add(self.max_ttl).saturating_add(self.slack)
    }

    /// Returns the tick beyond which nothing lies that was written by a clock as far ahead of `now_tick` as clocks may be
    /// apart.
    #[must_use]
    pub fn reach(&self, now_tick: u64) -> u64 {
        self.horizon(now_tick).saturating_add(self.slack)
    }

    /// Returns the end of a window granted at `now_tick` for `ttl` ticks.
    #[must_use]
    pub fn until(&self, now_tick: u64, ttl: u64) -> u64 {
        now_tick.saturating_add(ttl).min(self.end)
    }

    /// Returns the tick during which it is `unix_ms`, or `None` if the layout has no such tick.
    #[must_use]
    pub fn tick_at(&self, unix_ms: u64) -> Option<u64> {
        let tick = unix_ms.checked_sub(self.epoch_unix_ms)? / self.tick_ms.max(1);
        (tick < self.end).then_some(tick)
    }

    /// Returns how many ticks `time` takes, the last of them begun.
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

/// Returns a text of all of the layout, which no two layouts share. Stores keep it, so it stays as it is.
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

/// Returns how many workers the layout tells apart.
pub(crate) fn workers_of(layout: &Layout) -> u64 {
    // Both fields together are narrower than 64 bits: the timestamp has one at least.
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
