//! A load with every kind of job and every outcome, so that every panel has data.

use std::time::Duration;

use contract::{api::JobAccepted, operation::OperationKind, state::JobState};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::interval};

use crate::backends::Backends;

/// Time between two jobs.
const PACE: Duration = Duration::from_millis(150);

/// A load that runs until it is dropped.
pub(crate) struct Load {
    task: JoinHandle<()>,
    /// A job that failed once and succeeded at its second attempt.
    pub(crate) retried: JobAccepted,
}

impl Load {
    /// Submits one of each, waits until they have ended as expected, then continues to submit.
    pub(crate) async fn start(parts: &Backends) -> Self {
        let crashed = parts.submit(&job(&add()), Some("processor=crash:after_effect@1")).await;
        let retried = parts.submit(&job(&add()), Some("processor=error@1")).await;
        for event in events(0) {
            parts.send_event(&event).await;
        }
        let mut sent = Vec::new();
        for order in orders() {
            sent.push((parts.submit(&order.job, order.fault).await, order.ends));
        }
        sent.extend([(crashed, JobState::Succeeded), (retried.clone(), JobState::Succeeded)]);
        for (accepted, ends) in sent {
            let job = parts.ended(&accepted).await;
            assert_eq!(job.state, ends, "{job:?}");
        }
        let parts = parts.clone();
        Self { task: tokio::spawn(go_on(parts)), retried }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn go_on(parts: Backends) {
    let mut pace = interval(PACE);
    for round in 1_u64.. {
        for event in events(round) {
            parts.send_event(&event).await;
        }
        for order in orders() {
            pace.tick().await;
            parts.submit(&order.job, order.fault).await;
        }
    }
}

struct Order {
    job: Value,
    fault: Option<&'static str>,
    ends: JobState,
}

fn orders() -> Vec<Order> {
    let work = OperationKind::ALL.map(|kind| json!(kind.example()));
    let zero = json!({"kind": "divide", "inputs": [1, 0]});
    let mut mixed = job(&add());
    mixed["operations"] = json!([add(), {"kind": "multiply", "inputs": [84, 2]}]);
    let mut notified = job(&add());
    notified["notify"] = json!({"channel": "webhook", "url": "http://console:8090/hooks/load"});
    let mut once = job(&add());
    once["attempts_max"] = json!(1);

    let plain = |job: Value| Order { job, fault: None, ends: JobState::Succeeded };
    let faulty = |fault| Order { fault: Some(fault), ..plain(job(&add())) };
    let mut orders: Vec<_> = work.into_iter().map(|work| plain(job(&work))).collect();
    orders.extend([plain(mixed), plain(notified)]);
    orders.push(Order { ends: JobState::Failed, ..plain(job(&zero)) });
    orders.extend(["processor=error@1", "ingester=error@1", "notifier=error@1"].map(faulty));
    orders.push(Order { ends: JobState::Dead, fault: Some("processor=error@9"), ..plain(once) });
    orders
}

fn job(operation: &Value) -> Value {
    json!({"name": "load", "operations": [operation]})
}

fn add() -> Value {
    json!({"kind": "add", "inputs": [1, 2]})
}

/// Events: one that becomes a job, one of an unknown source, one of an unknown type, a malformed one.
fn events(round: u64) -> [Value; 4] {
    let event = |id: &str, source: &str, kind: &str, data: Value| {
        json!({
            "specversion": "1.0", "id": format!("{id}-{round}"), "source": source, "type": kind,
            "datacontenttype": "application/json", "data": data,
        })
    };
    let submitted = "dev.waybill.job.submitted";
    [
        event("good", "/demo/load", submitted, job(&add())),
        event("strange", "/elsewhere", submitted, job(&add())),
        event("other", "/demo/load", "dev.example.other", job(&add())),
        event("broken", "/demo/load", submitted, json!({"name": 7})),
    ]
}
