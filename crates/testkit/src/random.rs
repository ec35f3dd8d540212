//! Random input that can be had again.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

/// Draws from a seed of its own, or the one that the variable `PROPTEST_RNG_SEED` says; a test that fails has printed it.
pub fn runner() -> TestRunner {
    let seed = env::var("PROPTEST_RNG_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().expect("PROPTEST_RNG_SEED is a number"));
    println!("PROPTEST_RNG_SEED={seed}");
    let rng_seed = RngSeed::Fixed(seed);
    TestRunner::new(ProptestConfig { rng_seed, failure_persistence: None, ..ProptestConfig::default() })
}
