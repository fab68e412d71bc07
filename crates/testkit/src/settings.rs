//! What may be set from outside for all tests, by the same variables as for the lab.

use clap::Parser;
use lab::nats::FinderArgs;

/// Read from the environment only: test programs have no flags of ours.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) struct Settings {
    /// Which nats-server the tests run.
    #[command(flatten)]
    pub(crate) finder: FinderArgs,
    /// Repeats the random choices of an earlier run.
    #[arg(long, env = "WAYBILL_TEST_SEED")]
    pub(crate) seed: Option<u64>,
}

impl Settings {
    pub(crate) fn read() -> Self {
        Self::try_parse_from(std::iter::empty::<&str>())
            .unwrap_or_else(|error| panic!("a WAYBILL_… variable has no usable value: {error}"))
    }
}
