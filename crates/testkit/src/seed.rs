//! Randomness that can be repeated.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::settings::Settings;

/// The start of a test's random choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// From `WAYBILL_TEST_SEED`, else a random one. Printed, so that a failed test shows it.
    pub fn pick() -> Self {
        let seed = Settings::read().seed.unwrap_or_else(rand::random);
        println!("repeat with WAYBILL_TEST_SEED={seed}");
        Self(seed)
    }

    /// The same choices for the same seed.
    pub fn rng(self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }
}
