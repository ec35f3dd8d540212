//! Explores the shipped code: every order of the threads' steps, and every value that loom lets a load see. Each model
//! is named after the invariant that it defends (they are listed in the docs of `Generator`), and says which bug it
//! would catch.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p casflake-loom-tests` explores them.

mod batches;
mod causal;
mod closing;
mod harness;
mod local;
mod overflow;
mod racing;
#[cfg(any(not(loom), feature = "stats"))]
mod stats;
mod steps;
#[cfg(loom)]
mod switch;
mod topology;
#[cfg(loom)]
mod watch;
#[cfg(any(not(loom), feature = "weak"))]
mod weak;
mod window;

use casflake::GenerateError;
use casflake_loom_tests::{Ids, Outcome};

/// Makes `calls` calls in a row that do not wait, and returns their outcomes.
fn take(ids: &Ids, calls: usize) -> Vec<Outcome> {
    (0..calls).map(|_| ids.try_generate()).collect()
}

/// Asserts that a call fails only because a tick has no slots left, which holds if the clock never moves back.
fn assert_at_most_exhausted(outcomes: &[Vec<Outcome>]) {
    for error in outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, GenerateError::Exhausted { .. }), "{error}");
    }
}
