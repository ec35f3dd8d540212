//! What has come of a fault.

use std::fmt;
use std::time::Duration;

use casflake::Snowflake;

/// The IDs of all processes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ids: usize,
    pub(crate) duplicates: usize,
    /// The longest time, by the IDs' own, in which nobody issued any.
    pub(crate) gap: Duration,
}

impl Verdict {
    pub(crate) fn of(ids: impl IntoIterator<Item = Vec<Snowflake>>) -> Self {
        let mut all: Vec<Snowflake> = ids.into_iter().flatten().collect();
        all.sort_unstable();
        let ids = all.len();
        let gap = all.windows(2).map(|pair| pair[1].unix_ms() - pair[0].unix_ms()).max().unwrap_or(0);
        all.dedup();
        Self { ids, duplicates: ids - all.len(), gap: Duration::from_millis(gap) }
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
