//! Tests that need something which a machine may lack.

use std::env;

/// Reports that this test was not run, and what it needs. Panics instead if `CASFLAKE_SKIP_NOTHING` is set.
#[track_caller]
pub fn skipped(what: &str, needs: &str) {
    println!("SKIPPED: {what} needs {needs}");
    assert!(env::var_os("CASFLAKE_SKIP_NOTHING").is_none(), "{what} was not tried: it needs {needs}");
}
