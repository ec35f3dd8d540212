//! The view of a keeper for the simulator and the explorer.

use super::{Held, Keeper};

impl Keeper {
    /// Returns what the keeper holds.
    pub const fn held(&self) -> Held {
        self.held
    }

    /// Returns this keeper as if it had not failed since the last success. The number of failures decides only how long
    /// the keeper rests.
    #[must_use]
    pub const fn without_failures(mut self) -> Self {
        self.failures = 0;
        self
    }
}
