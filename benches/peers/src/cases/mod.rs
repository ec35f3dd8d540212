//! The cases: each one measures and returns a table.

mod batch;
mod limit;
mod local;
mod one_thread;
mod open_loop;
mod overview;
mod shared;

use std::fmt;

use crate::plan::Plan;
use crate::report::Table;

pub use overview::{Overview, overview};

/// A case: its name, and the function that measures it.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name, for `--only`.
    pub name: &'static str,
    /// Measures, and returns the table.
    pub run: fn(&Plan) -> Table,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// All cases except the overview.
pub const CASES: [Case; 8] = [
    Case { name: "one thread", run: one_thread::run },
    Case { name: "shared", run: shared::run },
    Case { name: "local blocks", run: local::run },
    Case { name: "equal clocks", run: local::run_on_equal_clocks },
    Case { name: "batches", run: batch::run },
    Case { name: "limit of 12 bits", run: limit::run },
    Case { name: "limit of 12 bits, peers", run: limit::run_peers },
    Case { name: "open loop", run: open_loop::run },
];
