//! The jobs of a run: job `n` is the same whenever and however often it is asked for.

use std::ops::Range;

use contract::event::EventType;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::ledger::Expected;

/// The share of jobs that are long: at a high rate some are in flight whenever a fault strikes.
const LONG: f64 = 0.005;
/// How long they are: several ack waits, and longer than most faults take with what follows them.
const LONG_SECONDS: Range<f64> = 10.0..40.0;

/// A job that is to be sent.
#[derive(Debug, Clone)]
pub struct Task {
    /// Unique in the run: by it every job is found again, whatever id it got.
    pub name: String,
    /// How it is sent.
    pub way: Way,
    /// What is sent: the job.
    pub body: Value,
    /// The fault that travels with it.
    pub fault: Option<String>,
    /// How it must end.
    pub expected: Expected,
    /// Whether its owner wants to be told.
    pub notified: bool,
    /// Whether it is sent a second time, a moment later.
    pub repeated: bool,
}

/// The ways into the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `POST /v1/jobs` with an `Idempotency-Key`.
    Job,
    /// `POST /v1/events`, a raw event.
    Event,
}

impl Task {
    /// Job `n` of the run with this seed. Its owner listens at `url`.
    pub fn draw(seed: u64, n: usize, url: &str) -> Self {
        let mut rng = StdRng::seed_from_u64(seed.rotate_left(17) ^ n as u64);
        let (operation, expected) = operation(&mut rng, n);
        let mut task = Self::new(format!("job {n}"), &operation, expected, url);
        match rng.random_range(0..100) {
            0..10 => task.way = Way::Event,
            10..13 => task.fault = Some("processor=error@1".to_owned()),
            13..15 => {
                task.fault = Some("processor=error".to_owned());
                task.body["attempts_max"] = json!(2);
                task.expected = Expected::Dead;
            }
            _ => {}
        }
        task.repeated = rng.random_bool(0.05);
        if rng.random_bool(0.2) {
            task.notified = false;
            task.body["notify"] = json!({"channel": "log"});
        }
        task
    }

    /// A job that carries a fault.
    pub fn with_fault(name: String, fault: String, expected: Expected, url: &str) -> Self {
        let operation = json!({"kind": "add", "inputs": [1, 2]});
        Self { fault: Some(fault), ..Self::new(name, &operation, expected, url) }
    }

    fn new(name: String, operation: &Value, expected: Expected, url: &str) -> Self {
        let body = json!({
            "name": name,
            "operations": [operation],
            "notify": {"channel": "webhook", "url": url},
        });
        let (way, fault) = (Way::Job, None);
        Self { name, way, body, fault, expected, notified: true, repeated: false }
    }

    /// The job as a raw event.
    pub fn event(&self) -> Value {
        json!({
            "specversion": "1.0",
            "id": self.name,
            "source": "/demo/chaos",
            "type": EventType::Submitted.name(),
            "data": self.body,
        })
    }
}

/// Work of every length, with the value that must come of it where one is easily known.
fn operation(rng: &mut StdRng, n: usize) -> (Value, Expected) {
    let value = |value| Expected::Succeeded(Some(value));
    let wait =
        |seconds: f64| (json!({"kind": "wait", "seconds": seconds}), Expected::Succeeded(None));
    if rng.random_bool(LONG) {
        return wait(rng.random_range(LONG_SECONDS));
    }
    match rng.random_range(0..100) {
        0..40 => (json!({"kind": "multiply", "inputs": [n, 2]}), value(n as f64 * 2.0)),
        40..60 => (json!({"kind": "add", "inputs": [n, 1, 1]}), value(n as f64 + 2.0)),
        60..70 => (json!({"kind": "primes", "below": 10_000}), value(1_229.0)),
        70..80 => {
            let text = n.to_string();
            let hash = json!({"kind": "hash", "text": text, "rounds": 100});
            (hash, Expected::Succeeded(None))
        }
        80..82 => (json!({"kind": "divide", "inputs": [n, 0]}), Expected::Failed),
        82..98 => wait(rng.random_range(0.02..0.3)),
        _ => wait(rng.random_range(1.0..2.5)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_the_same_whenever_it_is_asked_for() {
        for n in 0..50 {
            let [one, same] = [(); 2].map(|()| format!("{:?}", Task::draw(3, n, "http://x/")));
            assert_eq!(one, same);
        }
    }
}
