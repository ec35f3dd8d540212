//! The verdict on a scenario: the number of IDs and of duplicates, and the longest time without IDs.

use std::fmt;
use std::time::Duration;

use super::Scenario;
use super::holder::Drawn;

/// The IDs of all processes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ids: usize,
    pub(crate) duplicates: usize,
    /// The longest time in which no process drew an ID.
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

    /// Asserts that there were IDs, and no duplicates, in this scenario.
    #[track_caller]
    pub(crate) fn assert_good(&self, scenario: &str) {
        assert!(self.ids > 0, "{scenario}: no IDs were drawn");
        assert_eq!(self.duplicates, 0, "{scenario}: {self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} IDs, {} duplicates, {:.1?} without IDs at most", self.ids, self.duplicates, self.gap)
    }
}

/// A table of the verdicts of all scenarios on one store. It is printed when the test ends, even by a panic.
pub(crate) struct Matrix {
    rows: String,
    /// The first columns of the row of the scenario in progress, and its description.
    current: Option<(String, &'static str)>,
}

impl Matrix {
    pub(crate) fn new() -> Self {
        let rows = "| fault | store | IDs | duplicates | s without IDs |\n|---|---|---|---|---|\n".into();
        Self { rows, current: None }
    }

    pub(crate) fn begin(&mut self, scenario: &Scenario, store: &str) {
        self.current = Some((format!("| {} | {store} |", scenario.name), scenario.description));
    }

    /// Adds the row of the scenario in progress, unless it is impossible for this store.
    pub(crate) fn end(&mut self, verdict: Option<&Verdict>) {
        let current = self.current.take();
        if let (Some((columns, _)), Some(Verdict { ids, duplicates, gap })) = (current, verdict) {
            self.rows += &format!("{columns} {ids} | {duplicates} | {:.1} |\n", gap.as_secs_f64());
        }
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        if let Some((columns, description)) = &self.current {
            self.rows += &format!("{columns} failed | | |\n\nfailed: {description}\n");
        }
        print!("\n{}", self.rows);
    }
}
