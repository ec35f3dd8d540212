//! snowid: if a millisecond is used up, it continues with the next one, ahead of the clock.

use snowid::{SnowID, SnowIDConfig};

use crate::ours::EPOCH;
use crate::source::{Shared, batches, calls};

/// The widest sequence that it has: 16 bits.
const WIDE: u8 = 6;

/// The sequence of its default layout: 12 bits.
const STANDARD: u8 = 10;

fn generator(node_bits: u8) -> SnowID {
    let config = SnowIDConfig::builder().epoch(EPOCH).node_bits(node_bits).expect("6 to 16 bits").build();
    SnowID::with_config(1, config).expect("node 1")
}

fn unix_ms(id: u64) -> u64 {
    (id >> 22) + EPOCH
}

/// `generate`, 16 bits of sequence.
pub fn wide() -> impl Shared<Id = u64> {
    let ids = generator(WIDE);
    calls(move || ids.generate(), unix_ms)
}

/// `generate`, 12 bits of sequence.
pub fn standard() -> impl Shared<Id = u64> {
    let ids = generator(STANDARD);
    calls(move || ids.generate(), unix_ms)
}

/// `generate_batch` of `N`, 16 bits of sequence.
pub fn batch<const N: usize>() -> impl Shared<Id = u64> {
    let ids = generator(WIDE);
    batches::<N, _, _, _>(move |batch: &mut [u64]| ids.generate_batch(batch), unix_ms)
}
