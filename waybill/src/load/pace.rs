//! When each item is sent: a schedule that does not wait for responses (open loop), or clients that do.

use std::{ops::RangeInclusive, time::Duration};

use rand::RngExt as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::plan::LoadPlan;

/// Highest rate, in items per second.
pub const RATE_MAX: f64 = 20_000.0;
/// Largest burst.
pub const BURST_MAX: u32 = 100_000;
/// Longest interval between bursts, or think time of a client.
pub const DELAY_MAX: Duration = Duration::from_hours(1);

/// When items are sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Pace {
    /// Items per second, open loop.
    Rate(f64),
    /// Bursts of random size at random intervals, open loop.
    Bursts {
        /// Items per burst; at least 1.
        size: RangeInclusive<u32>,
        /// From the start of one burst to the start of the next.
        interval: RangeInclusive<Duration>,
    },
    /// Concurrent clients, closed loop: each waits for the response, then for its think time.
    Clients {
        /// At most [`super::IN_FLIGHT_MAX`].
        count: usize,
        /// Time between a response and the next item.
        think: RangeInclusive<Duration>,
    },
}

impl Pace {
    /// When items are due, since the start; `None` if that depends on responses.
    pub fn schedule<'a>(&'a self, plan: &'a LoadPlan) -> Option<DueTimes<'a>> {
        match self {
            Self::Clients { .. } => None,
            Self::Rate(_) | Self::Bursts { .. } => {
                Some(DueTimes { pace: self, plan, n: 0, burst: 0, left: 0, at: Duration::ZERO })
            }
        }
    }
}

/// Named as on the command line, bounds as pairs, times in seconds.
impl Serialize for Pace {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let pair = |bounds: &RangeInclusive<Duration>| {
            [bounds.start().as_secs_f64(), bounds.end().as_secs_f64()]
        };
        let json = match self {
            Self::Rate(rate) => json!({ "rate": rate }),
            Self::Bursts { size, interval } => {
                json!({"burst": [size.start(), size.end()], "pause_seconds": pair(interval)})
            }
            Self::Clients { count, think } => {
                json!({"clients": count, "think_seconds": pair(think)})
            }
        };
        json.serialize(out)
    }
}

/// Due times, in order. Endless.
#[derive(Debug, Clone)]
pub struct DueTimes<'a> {
    pace: &'a Pace,
    plan: &'a LoadPlan,
    n: u64,
    burst: u64,
    left: u32,
    at: Duration,
}

impl Iterator for DueTimes<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self.pace {
            Pace::Rate(per_second) => {
                let due = Duration::from_secs_f64(self.n as f64 / per_second);
                self.n += 1;
                Some(due)
            }
            Pace::Bursts { size, interval } => {
                if self.left == 0 {
                    let mut rng = self.plan.timing(self.burst);
                    let waited = between(interval, &mut rng);
                    if self.burst > 0 {
                        self.at = self.at.saturating_add(waited);
                    }
                    self.left = rng.random_range(size.clone()).max(1);
                    self.burst += 1;
                }
                self.left -= 1;
                Some(self.at)
            }
            Pace::Clients { .. } => None,
        }
    }
}

/// A random duration within these bounds.
pub(super) fn between(bounds: &RangeInclusive<Duration>, rng: &mut impl rand::Rng) -> Duration {
    let us = |duration: &Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rng.random_range(us(bounds.start())..=us(bounds.end())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::mix::Mix;

    fn due(pace: &Pace, seed: u64, count: usize) -> Vec<Duration> {
        pace.schedule(&LoadPlan::new(seed, Mix::default())).unwrap().take(count).collect()
    }

    #[test]
    fn a_rate_is_even() {
        let due = due(&Pace::Rate(250.0), 1, 501);
        assert_eq!(
            (due[0], due[1], due[500]),
            (Duration::ZERO, Duration::from_millis(4), Duration::from_secs(2))
        );
    }

    proptest! {
        #[test]
        fn bursts_and_intervals_stay_within_bounds_and_are_repeatable(seed: u64, low in 1u32..20, more in 0u32..20) {
            let ms = Duration::from_millis;
            let pace = Pace::Bursts { size: low..=low + more, interval: ms(10)..=ms(30) };
            let all = due(&pace, seed, 400);
            prop_assert_eq!(&all, &due(&pace, seed, 400));
            let bursts: Vec<&[Duration]> = all.chunk_by(|a, b| a == b).collect();
            // The last burst may be cut off.
            for pair in bursts.windows(2) {
                let size = u32::try_from(pair[0].len()).unwrap();
                prop_assert!((low..=low + more).contains(&size), "{}", size);
                prop_assert!((ms(10)..=ms(30)).contains(&pair[1][0].saturating_sub(pair[0][0])));
            }
        }
    }
}
