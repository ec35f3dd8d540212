//! `use casflake_lease::*` does not hide another crate.

// Only the name matters to the compiler, so `core` stands for all of these well-known crates.
extern crate core as postgres;
extern crate core as redis;
extern crate core as serde;
extern crate core as tokio;
extern crate core as tracing;
extern crate core as uuid;

use casflake_lease::*;

#[test]
fn a_glob_import_of_the_leases_does_not_hide_a_well_known_crate() {
    let sizes = [
        core::mem::size_of::<u8>(),
        std::mem::size_of::<u8>(),
        postgres::mem::size_of::<u8>(),
        redis::mem::size_of::<u8>(),
        serde::mem::size_of::<u8>(),
        tokio::mem::size_of::<u8>(),
        tracing::mem::size_of::<u8>(),
        uuid::mem::size_of::<u8>(),
    ];
    assert_eq!(sizes, [1; 8]);
    assert!(MAX_TTL.as_secs() > 0, "the glob import brought something");
}
