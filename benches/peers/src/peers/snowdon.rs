//! snowdon: a lock-free generator that leaves waiting to its caller.

use std::hint::spin_loop;

use snowdon::{ClassicLayout, Epoch, Error, Generator, Layout, MachineId};

use crate::ours::EPOCH;
use crate::source::{Shared, calls};

/// casflake's wide layout.
#[derive(Debug)]
struct Wide;

impl Layout for Wide {
    fn construct_snowflake(timestamp: u64, sequence_number: u64) -> u64 {
        timestamp << 24 | 1 << 22 | sequence_number
    }

    fn timestamp(input: u64) -> u64 {
        input >> 24
    }

    fn exceeds_timestamp(input: u64) -> bool {
        input >= 1 << 39
    }

    fn sequence_number(input: u64) -> u64 {
        input & ((1 << 22) - 1)
    }

    fn exceeds_sequence_number(input: u64) -> bool {
        input >= 1 << 22
    }

    fn is_valid_snowflake(input: u64) -> bool {
        input >> 63 == 0
    }
}

/// The parameters of both layouts.
#[derive(Debug)]
struct Parameters;

impl Epoch for Parameters {
    fn millis_since_unix() -> u64 {
        EPOCH
    }
}

impl MachineId for Parameters {
    fn machine_id() -> u64 {
        1
    }
}

fn generate<L: Layout + Sync + Send>() -> impl Fn() -> u64 + Sync {
    let ids = Generator::<L, Parameters>::default();
    move || {
        loop {
            match ids.generate() {
                Ok(id) => return id.into_inner(),
                Err(Error::SnowflakeExhaustion) => spin_loop(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// `generate`, wide.
pub fn wide() -> impl Shared<Id = u64> {
    calls(generate::<Wide>(), |id| (id >> 24) + EPOCH)
}

/// `generate`, 12 bits of sequence.
pub fn standard() -> impl Shared<Id = u64> {
    calls(generate::<ClassicLayout<Parameters>>(), |id| (id >> 22) + EPOCH)
}
