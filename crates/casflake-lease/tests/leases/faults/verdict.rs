//! What has come of a fault.

use std::time::Duration;
use std::{fmt, mem};

use super::holder::Drawn;

/// The IDs of all processes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ids: usize,
    pub(crate) duplicates: usize,
    /// The longest time in which nobody drew any.
    pub(crate) gap: Duration,
}

impl Verdict {
    pub(crate) fn of(drawn: impl IntoIterator<Item = Vec<Drawn>>) -> Self {
        let all: Vec<Drawn> = drawn.into_iter().flatten().collect();
        let mut times: Vec<u64> = all.iter().map(|drawn| drawn.at_ms).collect();
        times.sort_unstable();
        let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        let mut ids: Vec<_> = all.iter().map(|drawn| drawn.id).collect();
        ids.sort_unstable();
        ids.dedup();
        Self { ids: all.len(), duplicates: all.len() - ids.len(), gap: Duration::from_millis(gap) }
    }

    /// That there were IDs, and none twice.
    #[track_caller]
    pub(crate) fn assert_good(&self) {
        assert!(self.ids > 0, "no IDs at all");
        assert_eq!(self.duplicates, 0, "{self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} IDs, {} duplicates, {:.1?} without IDs at most", self.ids, self.duplicates, self.gap)
    }
}

/// What has come of each fault on a store: printed as one when the store's test ends, however it does.
pub(crate) struct Matrix {
    rows: String,
    /// What is being tried.
    now: String,
}

impl Matrix {
    pub(crate) fn new() -> Self {
        let rows = "| fault | store | IDs | duplicates | s without IDs |\n|---|---|---|---|---|\n".into();
        Self { rows, now: String::new() }
    }

    pub(crate) fn begin(&mut self, fault: &str, store: &str) {
        self.now = format!("| {fault} | {store} |");
    }

    pub(crate) fn end(&mut self, verdict: Option<&Verdict>) {
        let now = mem::take(&mut self.now);
        if let Some(Verdict { ids, duplicates, gap }) = verdict {
            self.rows += &format!("{now} {ids} | {duplicates} | {:.1} |\n", gap.as_secs_f64());
        }
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        if !self.now.is_empty() {
            self.rows += &format!("{} failed | | |\n", self.now);
        }
        print!("\n{}", self.rows);
    }
}
