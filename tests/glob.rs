//! `use casflake::*` hides no crate.

// Other crates by their well-known names: for the compiler it is the name that counts, so that one crate stands for all.
extern crate core as postgres;
extern crate core as rand;
extern crate core as redis;
extern crate core as serde;
extern crate core as tokio;
extern crate core as tracing;
extern crate core as uuid;

mod core_crate {
    use casflake::*;

    #[test]
    fn a_glob_import_hides_no_well_known_crate() {
        // If the glob import brought a name below, this would not compile.
        let sizes = [
            alloc_size(),
            core::mem::size_of::<u8>(),
            std::mem::size_of::<u8>(),
            postgres::mem::size_of::<u8>(),
            rand::mem::size_of::<u8>(),
            redis::mem::size_of::<u8>(),
            serde::mem::size_of::<u8>(),
            tokio::mem::size_of::<u8>(),
            tracing::mem::size_of::<u8>(),
            uuid::mem::size_of::<u8>(),
        ];
        assert_eq!(sizes, [1; 10]);
        assert!(Snowflake::<Standard>::try_from(1_u64).is_ok(), "the glob import brought something");
    }

    fn alloc_size() -> usize {
        std::alloc::Layout::new::<u8>().size()
    }
}
