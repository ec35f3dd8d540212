//! Reports of tests that are skipped because they need something that this machine lacks: a program, a library or a
//! permission.

use std::env;

/// Prints that the test of `what` is skipped because this machine lacks `needs`. Panics instead if the environment
/// variable `CASFLAKE_SKIP_NOTHING` is set.
#[track_caller]
pub fn skipped(what: &str, needs: &str) {
    println!("SKIPPED: {what} needs {needs}");
    assert!(env::var_os("CASFLAKE_SKIP_NOTHING").is_none(), "{what} was not tried: it needs {needs}");
}
