//! `Survey`: what a store holds, for its operator.

use std::time::Duration;

use casflake::Layout;

use crate::lease::Lease;
use crate::protocol::latest;
use crate::terms::{Terms, fingerprint};

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// What the store's clock reads, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: u64,
    /// The space; `None` if its own record is lost and those of workers are not.
    pub space: Option<SurveyedSpace>,
    /// Each worker that was granted, and some that were made ready, by index.
    pub workers: Vec<SurveyedWorker>,
    /// Whether this is a copy of a space that was made elsewhere: then no process gets a worker of it
    /// ([`StoreError::Copied`](crate::StoreError::Copied)).
    pub is_copy: bool,
}

impl Survey {
    /// What a store of your own holds.
    #[must_use]
    pub const fn new(unix_ns: u64, space: Option<SurveyedSpace>, workers: Vec<SurveyedWorker>) -> Self {
        Self { unix_ns, space, workers, is_copy: false }
    }

    /// Returns by how much the store's clock is behind what the store holds, ticks of `layout`, if that lies further in the
    /// future than anything a clock that is right has put there: more than [`MAX_TTL`](crate::MAX_TTL) +
    /// twice [`CLOCK_SLACK`](crate::CLOCK_SLACK), 180 s. (Or the clock is right, and was ahead at that time.)
    #[must_use]
    pub fn clock_behind(&self, layout: &Layout) -> Option<Duration> {
        let terms = Terms::of(layout);
        let now_tick = terms.tick_at(self.unix_ns / 1_000_000)?;
        let floor = self.space.as_ref().map_or(0, |space| space.floor);
        let latest = latest(floor, self.workers.iter().map(|worker| worker.until));
        (latest > terms.reach(now_tick)).then(|| terms.duration(latest - now_tick))
    }
}

/// What a store holds of all workers together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedSpace {
    /// The layout whose ticks the windows are.
    pub layout: String,
    /// How many workers there are.
    pub workers: u64,
    /// The tick below which no window begins.
    pub floor: u64,
}

impl SurveyedSpace {
    /// That of a store of your own, whose windows are ticks of `layout`.
    #[must_use]
    pub fn new(layout: &Layout, workers: u64, floor: u64) -> Self {
        Self { layout: fingerprint(layout), workers, floor }
    }

    /// Whether the windows are ticks of this layout.
    #[must_use]
    pub fn is_of(&self, layout: &Layout) -> bool {
        self.layout == fingerprint(layout)
    }
}

/// What a store holds of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedWorker {
    /// Its index.
    pub worker: u64,
    /// The first tick of its last window.
    pub from: u64,
    /// The first tick after it.
    pub until: u64,
    /// How often it was granted or renewed.
    pub counter: u64,
    /// Who holds it; `None` where it was released.
    pub owner: Option<String>,
}

impl SurveyedWorker {
    /// That of a store of your own, by its last lease; `owner` where that was not released.
    #[must_use]
    pub const fn new(lease: &Lease, owner: Option<String>) -> Self {
        let Lease { worker, from, until, counter, .. } = *lease;
        Self { worker, from, until, counter, owner }
    }
}
