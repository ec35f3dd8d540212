//! A progress bar on stderr. The bar is shown only if stderr is a terminal.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::setup::Plan;

/// The time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    plan: Plan,
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(plan: Plan) -> Self {
        let length = match plan {
            Plan::Count(count) => count,
            Plan::Time(time) => millis(time),
        };
        // The bar hides itself if stderr is not a terminal.
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}%  {msg}") {
            bar.set_style(style);
        }
        Self { plan, bar }
    }

    /// Draws the bar, and returns how long to wait before the next call.
    pub(crate) fn show(&mut self, drawn: u64, elapsed: Duration) -> Duration {
        self.bar.set_message(format!("{} IDs", HumanCount(drawn)));
        match self.plan {
            Plan::Count(_) => {
                self.bar.set_position(drawn);
                REDRAW
            }
            Plan::Time(time) => {
                self.bar.set_position(millis(elapsed.min(time)));
                match time.saturating_sub(elapsed) {
                    Duration::ZERO => Duration::from_millis(1),
                    left => left.min(REDRAW),
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
