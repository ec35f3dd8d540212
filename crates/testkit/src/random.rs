//! Random input for tests. A seed reproduces the input.

use std::env;
use std::hash::{BuildHasher, RandomState};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

/// Returns a runner with the seed in the environment variable `PROPTEST_RNG_SEED`, or with a new seed if the variable
/// is not set. Prints the seed, so that the output of a failed test shows the seed.
pub fn runner() -> TestRunner {
    let seed = env::var("PROPTEST_RNG_SEED")
        .map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().expect("PROPTEST_RNG_SEED is a number"));
    println!("PROPTEST_RNG_SEED={seed}");
    let rng_seed = RngSeed::Fixed(seed);
    TestRunner::new(ProptestConfig { rng_seed, failure_persistence: None, ..ProptestConfig::default() })
}
