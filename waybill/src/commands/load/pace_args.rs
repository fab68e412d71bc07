//! The flags that control the pace.

use std::{ops::RangeInclusive, time::Duration};

use clap::value_parser;

use super::range_arg;
use crate::load::{
    IN_FLIGHT_MAX,
    pace::{BURST_MAX, DELAY_MAX, Pace, RATE_MAX},
};

/// Default rate, in jobs per second.
const RATE_DEFAULT: f64 = 10.0;
/// Default interval between bursts.
const INTERVAL_DEFAULT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5);

/// The pace of the load.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct PaceArgs {
    /// Jobs per second, open loop [default: 10]
    #[arg(long, value_name = "N", value_parser = rate, conflicts_with_all = ["clients", "burst"])]
    rate: Option<f64>,
    /// Number of concurrent clients, closed loop: each waits for the response before it sends again
    #[arg(long, value_name = "N", conflicts_with = "burst", value_parser = value_parser!(u64).range(1..=1_000))]
    clients: Option<u64>,
    /// Think time of a client before it sends again, such as 100ms..2s
    #[arg(long, value_name = "MIN..MAX", requires = "clients", value_parser = delay)]
    think: Option<RangeInclusive<Duration>>,
    /// Jobs per burst, such as 50..200
    #[arg(long, value_name = "MIN..MAX", value_parser = burst)]
    burst: Option<RangeInclusive<u32>>,
    /// Interval from the start of one burst to the start of the next [default: 1s..5s]
    #[arg(long, value_name = "MIN..MAX", requires = "burst", value_parser = delay)]
    pause: Option<RangeInclusive<Duration>>,
}

impl PaceArgs {
    /// The pace that these flags describe.
    pub(super) fn pace(self) -> Pace {
        if let Some(size) = self.burst {
            return Pace::Bursts { size, interval: self.pause.unwrap_or(INTERVAL_DEFAULT) };
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
    rate.ok_or_else(|| format!("must be above 0 and at most {RATE_MAX} per second"))
}

fn burst(text: &str) -> Result<RangeInclusive<u32>, String> {
    range_arg::read(text, |text| {
        let size = text.parse().ok().filter(|size| (1..=BURST_MAX).contains(size));
        size.ok_or_else(|| {
            format!(
                "`{text}` is not a burst size: must be 1 to {BURST_MAX}, or a range such as 50..200"
            )
        })
    })
}

fn delay(text: &str) -> Result<RangeInclusive<Duration>, String> {
    range_arg::durations(text, DELAY_MAX)
}
