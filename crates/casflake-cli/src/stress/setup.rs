//! `Setup`: what a run is asked to do.

use std::time::Duration;

use casflake::Layout;

use super::choices::{ClockName, WaitName};

#[derive(Clone, Copy)]
pub(crate) enum Plan {
    /// This many IDs, shared out evenly.
    Count(u64),
    /// As many as there are in this time.
    Time(Duration),
}

/// How a run is to draw its IDs.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) layout: Layout,
    pub(crate) threads: usize,
    /// How many IDs a call draws.
    pub(crate) batch: usize,
    /// How many IDs each thread's handle reserves at once; `None` without handles.
    pub(crate) local: Option<u64>,
    pub(crate) clock: ClockName,
    pub(crate) wait: WaitName,
    /// How many IDs in a second by all threads; `None` for as many as there are.
    pub(crate) rate: Option<u64>,
    pub(crate) plan: Plan,
    /// Whether to keep what has happened when.
    pub(crate) is_plotted: bool,
}
