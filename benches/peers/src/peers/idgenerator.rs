//! idgenerator: if the sequence is used up, its IDs run up to 2,000 milliseconds ahead of the clock.

use idgenerator::{CoreIdGenerator, IdGeneratorOptions, IdInstance};

use crate::ours::EPOCH;
use crate::source::{Shared, Source, calls};

const WIDE: u8 = 20;
const STANDARD: u8 = 12;

fn options(sequence_bits: u8) -> IdGeneratorOptions {
    let options = IdGeneratorOptions::new().base_time(EPOCH.cast_signed()).worker_id(1);
    options.worker_id_bit_len(22 - sequence_bits).seq_bit_len(sequence_bits)
}

fn unix_ms(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

fn core(sequence_bits: u8) -> impl Source<Id = u64> {
    let mut ids = CoreIdGenerator::default();
    ids.init(options(sequence_bits)).expect("options that fit");
    calls(move || ids.next_id().cast_unsigned(), unix_ms)
}

/// `CoreIdGenerator`, 20 bits of sequence, for one thread only.
pub fn wide() -> impl Source<Id = u64> {
    core(WIDE)
}

/// `CoreIdGenerator`, 12 bits of sequence, for one thread only.
pub fn standard() -> impl Source<Id = u64> {
    core(STANDARD)
}

/// `IdInstance`, 20 bits of sequence: one for the process, behind a lock.
pub fn instance() -> impl Shared<Id = u64> {
    IdInstance::init(options(WIDE)).expect("options that fit");
    calls(|| IdInstance::next_id().cast_unsigned(), unix_ms)
}
