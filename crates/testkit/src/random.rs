//! Random input that can be reproduced.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

/// Returns a runner with a new seed, or with the seed in the variable `PROPTEST_RNG_SEED`. The seed is printed, so a
/// failed test shows it.
pub fn runner() -> TestRunner {
    let seed = env::var("PROPTEST_RNG_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().expect("PROPTEST_RNG_SEED is a number"));
    println!("PROPTEST_RNG_SEED={seed}");
    let rng_seed = RngSeed::Fixed(seed);
    TestRunner::new(ProptestConfig { rng_seed, failure_persistence: None, ..ProptestConfig::default() })
}
