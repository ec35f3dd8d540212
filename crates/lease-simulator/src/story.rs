//! `Story`: the trace of a run, for people. It is written only if a seed is replayed, so that a run is fast.

use std::cell::RefCell;

pub(crate) struct Story {
    lines: Option<RefCell<Vec<String>>>,
}

impl Story {
    pub(crate) fn new(is_told: bool) -> Self {
        Self { lines: is_told.then(RefCell::default) }
    }

    /// Adds a line, with the true time in milliseconds. The text is made only if the story is told.
    pub(crate) fn tell(&self, now: u64, text: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{:>12}.{:03} ms  {}", now / 1_000_000, now / 1000 % 1000, text());
            lines.borrow_mut().push(line);
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.lines.as_ref().map(RefCell::take).unwrap_or_default()
    }
}
