//! Sends one item and writes down how it was answered.

use std::{sync::Arc, time::Duration};

use contract::{
    api::{EventAccepted, RawEvent},
    event::EventType,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Limits,
    ledger::{Class, Ledger},
    plan::{Item, Plan},
};
use crate::{
    client::{ClientError, Gateway},
    request::JobRequest,
};

/// A source that the ingester lets in, unless it was told otherwise.
const SOURCE_LISTED: &str = "/demo/load";
/// A source that it does not let in.
const SOURCE_FOREIGN: &str = "/elsewhere/load";
/// Pause before the first repeat; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause before a repeat, whatever the gateway asks for.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Sends items.
#[derive(Debug)]
pub(super) struct Sender {
    gateway: Gateway,
    plan: Plan,
    ledger: Arc<Ledger>,
    limits: Limits,
    /// Tells this run from others of the same seed, for the gateway remembers ids and keys.
    run: u64,
}

impl Sender {
    pub(super) fn new(gateway: Gateway, plan: Plan, ledger: Arc<Ledger>, limits: Limits) -> Self {
        Self { gateway, plan, ledger, limits, run: rand::random() }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Sends item `n`, which is due at `due`. Answers whether it was accepted.
    pub(super) async fn send(&self, n: u64, due: Instant) -> bool {
        match self.plan.item(n) {
            Item::Job { spec, fault } => {
                let mut request = JobRequest { fault, ..JobRequest::new(json!(spec)) };
                let repeats = self.limits.repeats > 0;
                request.idempotency_key = repeats.then(|| format!("load-{:016x}-{n}", self.run));
                self.send_job(&request, due).await
            }
            Item::Malformed(data) => {
                self.send_event(Class::Malformed, self.event(n, SOURCE_LISTED, data)).await
            }
            Item::Foreign(data) => {
                self.send_event(Class::Foreign, self.event(n, SOURCE_FOREIGN, data)).await
            }
        }
    }

    async fn send_job(&self, request: &JobRequest, due: Instant) -> bool {
        let Some(place) = self.ledger.place(self.limits.wait).await else {
            self.ledger.left_out(1);
            return false;
        };
        self.ledger.sent(Class::Job);
        match self.repeat(|| self.gateway.submit(request)).await {
            Ok(accepted) => self.ledger.accepted(accepted.id, due.elapsed(), Some(place)),
            Err(error) => return self.refused(Class::Job, &error),
        }
        true
    }

    async fn send_event(&self, class: Class, event: RawEvent) -> bool {
        self.ledger.sent(class);
        match self.repeat(|| self.gateway.event(&event)).await {
            Ok(EventAccepted { trace_id, .. }) => self.ledger.event_accepted(class, trace_id),
            Err(error) => return self.refused(class, &error),
        }
        true
    }

    fn refused(&self, class: Class, error: &ClientError) -> bool {
        if let Some(status) = error.status() {
            self.ledger.refused(class, status);
        }
        false
    }

    /// Asks again, a bounded number of times, while the answer may still change.
    async fn repeat<T, Asked>(&self, ask: impl Fn() -> Asked) -> Result<T, ClientError>
    where
        Asked: Future<Output = Result<T, ClientError>>,
    {
        let mut pause = PAUSE_FIRST;
        for _ in 0..self.limits.repeats {
            match ask().await {
                Err(error) if error.may_pass() || error.status() == Some(409) => {
                    self.ledger.repeated();
                    sleep(error.retry_after().unwrap_or(pause).min(PAUSE_MAX)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                answer => return answer,
            }
        }
        ask().await
    }

    fn event(&self, n: u64, source: &str, data: Value) -> RawEvent {
        RawEvent {
            specversion: "1.0".to_owned(),
            id: format!("{:016x}-{n}", self.run),
            source: source.to_owned(),
            kind: EventType::Submitted.name().to_owned(),
            subject: None,
            time: None,
            data,
        }
    }
}
