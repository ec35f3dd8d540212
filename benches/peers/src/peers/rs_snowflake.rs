//! rs-snowflake: 12 bits of sequence, fixed; for one thread.

use snowflake::SnowflakeIdGenerator;

use crate::source::{Source, calls};

fn source(mut next: impl FnMut(&mut SnowflakeIdGenerator) -> i64) -> impl Source<Id = u64> {
    let mut ids = SnowflakeIdGenerator::new(0, 1);
    calls(move || next(&mut ids).cast_unsigned(), |id| id >> 22)
}

/// `real_time_generate`, which reads the clock for each ID.
pub fn real_time() -> impl Source<Id = u64> {
    source(SnowflakeIdGenerator::real_time_generate)
}

/// `generate`, which reads the clock for one ID in 4,096.
pub fn generate() -> impl Source<Id = u64> {
    source(SnowflakeIdGenerator::generate)
}

/// `lazy_generate`, which never reads the clock.
pub fn lazy() -> impl Source<Id = u64> {
    source(SnowflakeIdGenerator::lazy_generate)
}
