//! Environment variables for all tests.

use clap::Parser;
use lab::nats::FinderArgs;

/// Settings from environment variables only, because test programs cannot have flags.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) struct TestSettings {
    /// Which nats-server the tests run.
    #[command(flatten)]
    pub(crate) finder: FinderArgs,
    /// Repeats the random choices of an earlier run.
    #[arg(long, env = "WAYBILL_TEST_SEED")]
    pub(crate) seed: Option<u64>,
}

impl TestSettings {
    pub(crate) fn read() -> Self {
        Self::try_parse_from(std::iter::empty::<&str>())
            .unwrap_or_else(|error| panic!("a WAYBILL_… variable has no usable value: {error}"))
    }
}
