//! `Coverage`: how often each row of the shipped tables was taken, and how often each fault has happened.

use std::collections::BTreeMap;

/// Counts of a run, or of many runs.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: BTreeMap<&'static str, u64>,
    /// The counts of the rows of `Keeper`, by their numbers. Row 0 is for steps that no row describes.
    keeper: [u64; 28],
}

impl Coverage {
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
    }

    pub(crate) fn count_row(&mut self, row: usize) {
        if let Some(count) = self.keeper.get_mut(row) {
            *count += 1;
        }
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        for (sum, count) in self.keeper.iter_mut().zip(other.keeper) {
            *sum += count;
        }
    }

    /// Returns the count of the row `row` of the table in `keeper.rs`, or of the steps that no row describes if `row` is 0.
    #[must_use]
    pub fn keeper_row(&self, row: usize) -> u64 {
        self.keeper.get(row).copied().unwrap_or(0)
    }

    /// Returns the count of the row or the fault `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

/// The rows of the table in `start.rs`.
pub const START_ROWS: &[&str] = &[
    "start: a token is drawn",
    "start: granted",
    "start: a generator is made",
    "start: no generator can be made",
    "start: no space, may create it",
    "start: no other spaces, creates it",
    "start: other spaces, or they can't be listed",
    "start: fails immediately",
    "start: fails without a space, asks for names",
    "start: fails with the names",
    "start: waits without a space, asks for names",
    "start: waits with the names",
    "start: waits",
    "start: paused, has a token",
    "start: paused, has no token",
];

/// The rows of the table in `call.rs`.
pub const CALL_ROWS: &[&str] = &[
    "call: fails in a fork",
    "call: fails after the shutdown",
    "call: asks again after the first refusal",
    "call: asks the generator that has replaced a closed one",
    "call: fails because the layout has no more ticks",
    "call: waits for news",
    "call: the store's clock is behind",
    "call: another error",
];

/// The faults.
pub const FAULTS: &[&str] = &[
    "a process is killed",
    "a process is paused",
    "a process is paused in the middle of a step",
    "a thread is preempted",
    "a process forks",
    "a process starts again",
    "a request is lost",
    "a reply is lost",
    "a request is late",
    "a request is doubled",
    "a reply is slow",
    "another process writes between read and swap",
    "the store panics",
    "the store panics after it has written",
    "the store is frozen",
    "the store loses everything",
    "the store loses a record",
    "the store loses the space",
    "the store is restored from a backup",
    "another server takes over",
    "the store's clock steps",
    "the store's clock drifts",
    "an operator reclaims a worker",
    "an operator vouches for the space",
    "the store ignores the caller's last tick",
    "the store returns another lease",
    "the store denies a lease that it has granted",
    "the store returns a wild end",
    "the store returns a wild worker",
    "an error of the store can't be displayed",
    "a random number can't be drawn",
    "a wall clock steps",
    "a wall clock passes the layout's end",
    "a host's clock drifts",
    "a host is suspended",
    "a host is suspended and its clock stops",
    "a clock panics",
    "a callback panics",
    "a callback asks for the statistics",
    "a callback shuts down",
];
