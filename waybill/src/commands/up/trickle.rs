//! A few small random jobs a second, so that the pages of a lab are never empty.

use std::time::Duration;

use contract::{job::JobSpec, operation::Operation};
use rand::seq::IndexedRandom as _;
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{client::Gateway, request::JobRequest};

/// Most jobs that wait for their answer at once; further ones are left out.
const WAITING_MAX: usize = 32;

/// A few small random jobs a second.
#[derive(Debug)]
pub(super) struct Trickle {
    gateway: Gateway,
    per_second: f64,
    counts: Counts,
}

/// What became of the jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The gateway took them.
    pub(super) submitted: u64,
    /// It did not, or was not there.
    pub(super) refused: u64,
    /// Not even sent: too many waited for an answer.
    pub(super) left_out: u64,
}

impl Trickle {
    /// A trickle of `per_second` jobs; 0 is none.
    pub(super) fn new(gateway: Gateway, per_second: f64) -> Self {
        Self { gateway, per_second, counts: Counts::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Hands jobs in until `stop`.
    pub(super) async fn run_until(&mut self, stop: &CancellationToken) {
        if self.per_second <= 0.0 {
            return stop.cancelled().await;
        }
        let mut ticks = interval(Duration::from_secs_f64(1.0 / self.per_second));
        // A lab that was held for a minute does not get a minute's jobs at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut waiting = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                Some(answer) = waiting.join_next() => {
                    self.count(matches!(answer, Ok(true)));
                    continue;
                }
            }
            if waiting.len() >= WAITING_MAX {
                self.counts.left_out += 1;
                continue;
            }
            let (gateway, request) = (self.gateway.clone(), random_job());
            waiting.spawn(async move { gateway.submit(&request).await.is_ok() });
        }
        while let Some(answer) = waiting.try_join_next() {
            self.count(matches!(answer, Ok(true)));
        }
    }

    fn count(&mut self, taken: bool) {
        if taken {
            self.counts.submitted += 1;
        } else {
            self.counts.refused += 1;
        }
    }
}

fn random_job() -> JobRequest {
    let one = rand::random_bool(0.6);
    let operations = if one { 1 } else { rand::random_range(2..=5) };
    let spec = JobSpec {
        name: format!("random {:04}", rand::random_range(0..10_000)),
        operations: (0..operations).map(|_| random_operation()).collect(),
        notify: None,
        deadline_seconds: None,
        attempts_max: None,
    };
    JobRequest::new(json!(spec))
}

/// Small enough that a hundred a second are no load to speak of, save the odd wait.
fn random_operation() -> Operation {
    let number = || f64::from(rand::random_range(1..1_000));
    let inputs = || (0..rand::random_range(2..6)).map(|_| number()).collect::<Vec<f64>>();
    match rand::random_range(0..20) {
        0..4 => Operation::Add { inputs: inputs() },
        4..6 => Operation::Subtract { inputs: inputs() },
        6..9 => Operation::Multiply { inputs: inputs() },
        9..11 => Operation::Divide { inputs: inputs() },
        // A failed job now and then: a normal outcome, and something to look at.
        11 => Operation::Divide { inputs: vec![number(), 0.0] },
        12..14 => Operation::Primes { below: rand::random_range(1_000..50_000) },
        14..17 => Operation::Hash { text: word(), rounds: rand::random_range(1..2_000) },
        17..19 => Operation::Wait { seconds: f64::from(rand::random_range(5..50)) / 100.0 },
        _ => Operation::Render { width: 64, height: 48, center: [-0.74, 0.11], zoom: number() },
    }
}

fn word() -> String {
    let words = ["parcel", "pallet", "crate", "letter", "container"];
    (*words.choose(&mut rand::rng()).expect("there are words")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_takes_every_random_job() {
        for _ in 0..2_000 {
            let spec: JobSpec = serde_json::from_value(random_job().body).unwrap();
            spec.check().unwrap();
        }
    }
}
