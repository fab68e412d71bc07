//! Repeatable randomness.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::settings::TestSettings;

/// The seed of a test's random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed from `WAYBILL_TEST_SEED`, else a random one. It is printed, so that a failed test can be repeated.
    pub fn pick() -> Self {
        let seed = TestSettings::read().seed.unwrap_or_else(rand::random);
        println!("repeat with WAYBILL_TEST_SEED={seed}");
        Self(seed)
    }

    /// A random number generator with this seed.
    pub fn rng(self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }
}
