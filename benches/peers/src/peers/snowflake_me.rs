//! snowflake_me: an atomic word and the system's clock.

use snowflake_me::Snowflake;

use crate::ours::EPOCH;
use crate::source::{Shared, calls};

/// `next_id`, 22 bits of sequence, as in those of its own benchmarks that the layout does not limit.
pub fn wide() -> impl Shared<Id = u64> {
    let ids = Snowflake::builder()
        .start_time(EPOCH.cast_signed())
        .bit_len_time(39)
        .bit_len_data_center_id(1)
        .bit_len_machine_id(1)
        .bit_len_sequence(22)
        .data_center_id(&|| Ok(0))
        .machine_id(&|| Ok(1))
        .finalize()
        .expect("63 bits");
    calls(move || ids.next_id().expect("an ID").as_u64(), |id| (id >> 24) + EPOCH)
}

/// `next_id`, 12 bits of sequence.
pub fn standard() -> impl Shared<Id = u64> {
    let ids = Snowflake::builder()
        .start_time(EPOCH.cast_signed())
        .data_center_id(&|| Ok(0))
        .machine_id(&|| Ok(1))
        .finalize()
        .expect("63 bits");
    calls(move || ids.next_id().expect("an ID").as_u64(), |id| (id >> 22) + EPOCH)
}
