//! The flags that say when things are sent.

use std::{ops::RangeInclusive, time::Duration};

use clap::value_parser;

use super::range_arg;
use crate::load::{
    IN_FLIGHT_MAX,
    pace::{BURST_MAX, PAUSE_MAX, Pace, RATE_MAX},
};

/// Jobs a second if nothing is said.
const RATE_DEFAULT: f64 = 10.0;
/// Pause between bursts if nothing is said.
const PAUSE_DEFAULT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);

/// When things are sent.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "At what pace")]
pub(super) struct PaceArgs {
    /// So many a second, evenly, whatever the answers [default: 10]
    #[arg(long, value_name = "N", value_parser = rate, conflicts_with_all = ["clients", "burst"])]
    rate: Option<f64>,
    /// So many clients, each of which waits for its answer before it sends again
    #[arg(long, value_name = "N", conflicts_with = "burst", value_parser = value_parser!(u64).range(1..=1_000))]
    clients: Option<u64>,
    /// How long a client thinks before it sends again, such as 100ms..2s
    #[arg(long, value_name = "MIN..MAX", requires = "clients", value_parser = pause)]
    think: Option<RangeInclusive<Duration>>,
    /// Bursts of so many at once, such as 50..200
    #[arg(long, value_name = "MIN..MAX", value_parser = burst)]
    burst: Option<RangeInclusive<u32>>,
    /// From the beginning of one burst to that of the next [default: 1s..5s]
    #[arg(long, value_name = "MIN..MAX", requires = "burst", value_parser = pause)]
    pause: Option<RangeInclusive<Duration>>,
}

impl PaceArgs {
    /// The pace that these flags ask for.
    pub(super) fn pace(self) -> Pace {
        if let Some(size) = self.burst {
            return Pace::Bursts { size, pause: self.pause.unwrap_or(PAUSE_DEFAULT) };
        }
        match self.clients {
            Some(count) => {
                let count = usize::try_from(count).unwrap_or(IN_FLIGHT_MAX);
                let think = self.think.unwrap_or(Duration::ZERO..=Duration::ZERO);
                Pace::Clients { count, think }
            }
            None => Pace::Rate(self.rate.unwrap_or(RATE_DEFAULT)),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= RATE_MAX);
    rate.ok_or_else(|| format!("must be above 0 and at most {RATE_MAX} a second"))
}

fn burst(text: &str) -> Result<RangeInclusive<u32>, String> {
    range_arg::read(text, |text| {
        let size = text.parse().ok().filter(|size| (1..=BURST_MAX).contains(size));
        size.ok_or_else(|| format!("`{text}` is no size of 1 to {BURST_MAX}, such as 50..200"))
    })
}

fn pause(text: &str) -> Result<RangeInclusive<Duration>, String> {
    range_arg::spans(text, PAUSE_MAX)
}
