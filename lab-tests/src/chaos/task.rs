//! The jobs of a run: job `n` depends only on the seed and on `n`.

use std::ops::Range;

use contract::{api::RawEvent, event::EventType};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::ledger::Expected;

/// Share of long jobs: at a high rate, some are in flight at every fault.
const LONG: f64 = 0.005;
/// Their duration: several ack waits, and longer than most faults and recoveries.
const LONG_SECONDS: Range<f64> = 10.0..40.0;

/// A job to send.
#[derive(Debug, Clone)]
pub struct Task {
    /// Unique in the run: identifies the job under any id.
    pub name: String,
    /// How it is sent.
    pub way: Way,
    /// The body of the submission.
    pub body: Value,
    /// The fault that it carries.
    pub fault: Option<String>,
    /// The expected outcome.
    pub expected: Expected,
    /// Whether a webhook notification is requested.
    pub notified: bool,
    /// Whether it is sent a second time, a moment later.
    pub repeated: bool,
}

/// The two ways to submit a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `POST /v1/jobs` with an `Idempotency-Key`.
    Job,
    /// `POST /v1/events`, a raw event.
    Event,
}

impl Task {
    /// Job `n` of the run with this seed. Notifications go to `url`.
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
    pub fn event(&self) -> RawEvent {
        RawEvent {
            specversion: "1.0".to_owned(),
            id: self.name.clone(),
            source: "/demo/chaos".to_owned(),
            kind: EventType::Submitted.name().to_owned(),
            subject: None,
            time: None,
            data: self.body.clone(),
        }
    }
}

/// An operation of random duration, with its value if easily known.
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
    fn a_job_depends_only_on_its_seed_and_number() {
        for n in 0..50 {
            let [one, same] = [(); 2].map(|()| format!("{:?}", Task::draw(3, n, "http://x/")));
            assert_eq!(one, same);
        }
    }
}
