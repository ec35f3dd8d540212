//! The sizes and lengths of all runs.

use std::time::Duration;

use crate::open_loop::Schedule;
use crate::together::Setup;

/// The sizes of all runs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The number of runs of each side.
    pub rounds: usize,
    /// The number of IDs that a single thread draws.
    pub alone: usize,
    /// The number of IDs that a single thread draws in bursts, one burst per millisecond.
    pub in_bursts: usize,
    /// How long threads draw together.
    pub together: Duration,
    /// How long threads draw at the limit of the layout.
    pub at_limit: Duration,
    /// How long calls are made at a given rate.
    pub open_loop: Duration,
}

impl Plan {
    /// Returns the plan for figures to quote.
    pub const fn full() -> Self {
        Self {
            rounds: 5,
            alone: 2_000_000,
            in_bursts: 100_000,
            together: Duration::from_millis(200),
            at_limit: Duration::from_secs(1),
            open_loop: Duration::from_secs(1),
        }
    }

    /// Returns the plan that only shows that everything runs.
    pub const fn quick() -> Self {
        Self {
            rounds: 1,
            alone: 200_000,
            in_bursts: 20_000,
            together: Duration::from_millis(20),
            at_limit: Duration::from_millis(100),
            open_loop: Duration::from_millis(100),
        }
    }

    /// Returns the setup of threads that draw as many IDs as they can.
    pub const fn together(&self, threads: usize) -> Setup {
        Setup { duration: self.together, room: (16 << 20) / (threads + 1) }
    }

    /// Returns the setup of threads that draw at the limit of the layout.
    pub const fn at_limit(&self, threads: usize) -> Setup {
        Setup { duration: self.at_limit, room: (10 << 20) / (threads + 1) }
    }

    /// Returns a schedule of 250,000 calls a second by two threads.
    pub const fn open_loop(&self) -> Schedule {
        Schedule { threads: 2, per_second: 250_000, duration: self.open_loop }
    }
}
