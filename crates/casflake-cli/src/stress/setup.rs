//! `Setup`: the parameters of a run.

use std::time::Duration;

use casflake::Layout;

use super::choices::{ClockName, WaitName};

#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// The threads draw this many IDs in all, divided evenly among them.
    Count(u64),
    /// The threads draw as many IDs as they can in this time.
    Time(Duration),
}

/// How a run draws its IDs.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) layout: Layout,
    pub(crate) threads: usize,
    /// The number of IDs that a call draws.
    pub(crate) batch: usize,
    /// The number of IDs that each thread's handle reserves at a time; `None` if no handles are used.
    pub(crate) local: Option<u64>,
    pub(crate) clock: ClockName,
    pub(crate) wait: WaitName,
    /// The number of IDs that all threads together draw per second; `None` for no limit.
    pub(crate) rate: Option<u64>,
    pub(crate) plan: Plan,
    /// Whether the run records its events over time, for a chart.
    pub(crate) is_plotted: bool,
}
