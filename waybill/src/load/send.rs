//! Sends one item and records the response.

use std::{sync::Arc, time::Duration};

use client::{ClientError, GatewayClient, JobRequest};
use contract::{
    api::{EventAccepted, RawEvent},
    event::EventType,
};
use runtime::backoff::Backoff;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    LoadLimits,
    ledger::{ItemClass, Ledger},
    plan::{LoadItem, LoadPlan},
};

/// A source that the ingester allows by default.
const SOURCE_LISTED: &str = "/demo/load";
/// A source that it does not allow.
const SOURCE_FOREIGN: &str = "/elsewhere/load";
/// Delay before the first retry; it doubles.
const RETRY_DELAY_FIRST: Duration = Duration::from_millis(100);
/// Longest delay before a retry, even if the gateway asks for more.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// Sends items.
#[derive(Debug)]
pub(super) struct ItemSender {
    gateway: GatewayClient,
    plan: LoadPlan,
    ledger: Arc<Ledger>,
    limits: LoadLimits,
    /// Distinguishes runs with the same seed: the gateway remembers ids and keys.
    run: u64,
}

impl ItemSender {
    pub(super) fn new(
        gateway: GatewayClient,
        plan: LoadPlan,
        ledger: Arc<Ledger>,
        limits: LoadLimits,
    ) -> Self {
        Self { gateway, plan, ledger, limits, run: rand::random() }
    }

    pub(super) fn plan(&self) -> &LoadPlan {
        &self.plan
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Sends item `n`, which is due at `due`; returns whether it was accepted.
    pub(super) async fn send(&self, n: u64, due: Instant) -> bool {
        match self.plan.item(n) {
            LoadItem::Job { spec, fault } => {
                let mut request = JobRequest { fault, ..JobRequest::new(json!(spec)) };
                let repeats = self.limits.repeats > 0;
                request.idempotency_key = repeats.then(|| format!("load-{:016x}-{n}", self.run));
                self.send_job(&request, due).await
            }
            LoadItem::Malformed(data) => {
                self.send_event(ItemClass::Malformed, self.event(n, SOURCE_LISTED, data)).await
            }
            LoadItem::Foreign(data) => {
                self.send_event(ItemClass::Foreign, self.event(n, SOURCE_FOREIGN, data)).await
            }
        }
    }

    async fn send_job(&self, request: &JobRequest, due: Instant) -> bool {
        let Some(permit) = self.ledger.permit(self.limits.wait).await else {
            self.ledger.left_out(1);
            return false;
        };
        self.ledger.sent(ItemClass::Job);
        match self.retry(|| self.gateway.submit(request)).await {
            Ok(accepted) => self.ledger.accepted(accepted.id, due.elapsed(), Some(permit)),
            Err(error) => return self.refused(ItemClass::Job, &error),
        }
        true
    }

    async fn send_event(&self, class: ItemClass, event: RawEvent) -> bool {
        self.ledger.sent(class);
        match self.retry(|| self.gateway.event(&event)).await {
            Ok(EventAccepted { trace_id, .. }) => self.ledger.event_accepted(class, trace_id),
            Err(error) => return self.refused(class, &error),
        }
        true
    }

    fn refused(&self, class: ItemClass, error: &ClientError) -> bool {
        if let Some(status) = error.status() {
            self.ledger.refused(class, status);
        }
        false
    }

    /// Retries while the error may be transient, up to `limits.repeats` times.
    async fn retry<T, Response>(&self, send: impl Fn() -> Response) -> Result<T, ClientError>
    where
        Response: Future<Output = Result<T, ClientError>>,
    {
        let mut backoff = Backoff::new(RETRY_DELAY_FIRST, RETRY_DELAY_MAX);
        for _ in 0..self.limits.repeats {
            match send().await {
                Err(error) if error.is_transient() || error.status() == Some(409) => {
                    self.ledger.repeated();
                    let delay = backoff.next_delay();
                    sleep(error.retry_after().unwrap_or(delay).min(RETRY_DELAY_MAX)).await;
                }
                response => return response,
            }
        }
        send().await
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
