//! Tests that need what a machine may lack.

use std::env;

/// Says that this test was not run, and how it can be; fails instead where everything has to run.
#[track_caller]
pub fn skipped(what: &str, needs: &str) {
    println!("SKIPPED: {what} needs {needs}");
    assert!(env::var_os("CASFLAKE_SKIP_NOTHING").is_none(), "{what} was not tried: it needs {needs}");
}
