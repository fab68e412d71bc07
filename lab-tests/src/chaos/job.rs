//! The jobs of a chaos run: job `n` depends only on the seed and on `n`.

use std::ops::Range;

use contract::{api::RawEvent, event::EventType};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::ledger::Expected;

/// Share of long jobs: at a high rate, some are in flight at every fault.
const LONG_SHARE: f64 = 0.005;
/// Duration of a long job: several ack waits, and longer than most faults and recoveries.
const LONG_SECONDS: Range<f64> = 10.0..40.0;

/// A job to send.
#[derive(Debug, Clone)]
pub struct ChaosJob {
    /// Unique in the run: identifies the job under any id.
    pub name: String,
    /// Endpoint.
    pub api: SubmitApi,
    /// Body of the request.
    pub body: Value,
    /// Value of the `waybill-fault` header.
    pub fault: Option<String>,
    /// Expected outcome.
    pub expected: Expected,
    /// Whether it requests a webhook notification.
    pub expects_notification: bool,
    /// Whether it is submitted a second time, a moment later.
    pub repeated: bool,
}

/// The endpoint that a job is submitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitApi {
    /// `POST /v1/jobs` with an `Idempotency-Key`.
    Jobs,
    /// `POST /v1/events`, a raw event.
    Events,
}

impl ChaosJob {
    /// Job `n` of the run with this seed. Notifications go to `url`.
    pub fn random(seed: u64, n: usize, url: &str) -> Self {
        let mut rng = StdRng::seed_from_u64(seed.rotate_left(17) ^ n as u64);
        let (operation, expected) = operation(&mut rng, n);
        let mut job = Self::new(format!("job {n}"), &operation, expected, url);
        match rng.random_range(0..100) {
            0..10 => job.api = SubmitApi::Events,
            10..13 => job.fault = Some("processor=error@1".to_owned()),
            13..15 => {
                job.fault = Some("processor=error".to_owned());
                job.body["attempts_max"] = json!(2);
                job.expected = Expected::Dead;
            }
            _ => {}
        }
        job.repeated = rng.random_bool(0.05);
        if rng.random_bool(0.2) {
            job.expects_notification = false;
            job.body["notify"] = json!({"channel": "log"});
        }
        job
    }

    /// A job with a fault.
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
        let (api, fault) = (SubmitApi::Jobs, None);
        Self { name, api, body, fault, expected, expects_notification: true, repeated: false }
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

/// A random operation and the expected outcome of its job.
fn operation(rng: &mut StdRng, n: usize) -> (Value, Expected) {
    let value = |value| Expected::Succeeded(Some(value));
    let wait =
        |seconds: f64| (json!({"kind": "wait", "seconds": seconds}), Expected::Succeeded(None));
    if rng.random_bool(LONG_SHARE) {
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
    fn a_job_depends_only_on_the_seed_and_its_number() {
        for n in 0..50 {
            let [one, same] =
                [(); 2].map(|()| format!("{:?}", ChaosJob::random(3, n, "http://x/")));
            assert_eq!(one, same);
        }
    }
}
