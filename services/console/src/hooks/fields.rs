//! The fields of a webhook that the console reads.

use axum::http::{HeaderMap, header};
use serde_json::Value;

use crate::store::TraceId;

/// Longest text taken from a header or a body, in characters.
const TEXT_LENGTH_MAX: usize = 256;

/// Headers, and fields of the bodies of notifications and alerts.
#[derive(Debug, Clone, Default)]
pub(crate) struct HookFields {
    /// `webhook-id`.
    pub(crate) id: Option<String>,
    /// `webhook-timestamp`.
    pub(crate) timestamp: Option<String>,
    /// `webhook-signature`.
    pub(crate) signature: Option<String>,
    /// `user-agent`.
    pub(crate) sender: Option<String>,
    /// `job.succeeded`, or `firing: BrokerAway` for an alert.
    pub(crate) event: Option<String>,
    /// The outcome of the job, or the status of the alert.
    pub(crate) outcome: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) trace_id: Option<TraceId>,
}

impl HookFields {
    /// Reads headers, and those fields of the body that the lab's notifier and Grafana's alerts have.
    pub(super) fn of(headers: &HeaderMap, body: &Value) -> Self {
        let header = |name: &str| {
            let value = headers.get(name)?;
            Some(shortened(&String::from_utf8_lossy(value.as_bytes())))
        };
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(shortened);
        let outcome = text("/data/outcome").or_else(|| text("/status"));
        let alert = text("/commonLabels/alertname").or_else(|| text("/groupLabels/alertname"));
        let event = match (text("/type"), &outcome, alert) {
            (Some(event), ..) => Some(event),
            (None, Some(status), Some(alert)) => Some(format!("{status}: {alert}")),
            (None, status, alert) => alert.or_else(|| status.clone()),
        };
        Self {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
            sender: header(header::USER_AGENT.as_str()),
            event,
            outcome,
            job_id: text("/data/id"),
            trace_id: text("/data/trace_id").and_then(|id| id.parse().ok()),
        }
    }

    /// Approximate memory.
    pub(super) fn bytes(&self) -> usize {
        let texts =
            [&self.id, &self.timestamp, &self.signature, &self.sender, &self.event, &self.job_id];
        texts.into_iter().flatten().map(String::len).sum()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_notifications_alerts_and_other_bodies_are_read() {
        let read = |body: Value| HookFields::of(&HeaderMap::new(), &body);
        let trace = "1".repeat(32);
        let data = json!({"id": "j-1", "outcome": "failed", "trace_id": trace});
        let notification = read(json!({"type": "job.failed", "data": data}));
        assert_eq!(
            (
                notification.event.as_deref(),
                notification.outcome.as_deref(),
                notification.job_id.as_deref()
            ),
            (Some("job.failed"), Some("failed"), Some("j-1"))
        );
        assert_eq!(notification.trace_id.map(|id| id.to_string()), Some(trace));
        let alert =
            read(json!({"status": "firing", "commonLabels": {"alertname": "A part is down"}}));
        assert_eq!(alert.event.as_deref(), Some("firing: A part is down"));
        let several = read(json!({"status": "resolved", "commonLabels": {}}));
        assert_eq!(several.event.as_deref(), Some("resolved"));
        for other in [json!(7), json!([{"type": "x"}]), json!({"type": 7, "data": null})] {
            let fields = read(other);
            assert!(fields.event.is_none() && fields.job_id.is_none() && fields.trace_id.is_none());
        }
    }
}
