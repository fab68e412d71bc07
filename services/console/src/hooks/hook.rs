//! A received webhook.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use serde_json::Value;

use super::Signature;
use crate::store::TraceId;

/// Longest name.
const NAME_LENGTH_MAX: usize = 40;
/// Longest text taken from a header or a body, in characters.
const TEXT_LENGTH_MAX: usize = 256;
/// Approximate memory for a webhook besides its body.
const FRAME_BYTES: usize = 512;

/// A webhook, as it last arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    /// Stable over repeats.
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) first_at_ms: i64,
    pub(crate) last_at_ms: i64,
    /// How often this `webhook-id` arrived under this name.
    pub(crate) arrivals: u64,
    /// Arrivals of one `webhook-id` differed in their bodies.
    pub(crate) body_changed: bool,
    /// The status of the response.
    pub(crate) answer: u16,
    pub(crate) signature: Signature,
    pub(crate) said: Said,
    pub(crate) body: Arc<str>,
}

/// What a webhook says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// The headers of Standard Webhooks.
    pub(crate) id: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) sender: Option<String>,
    /// `job.succeeded`, or `firing: BrokerAway` for an alert.
    pub(crate) event: Option<String>,
    /// How the job ended, or how the alert stands.
    pub(crate) outcome: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) trace_id: Option<TraceId>,
}

/// Whether a name is valid: 1 to 40 of `a-z`, `0-9` and `-`.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.len());
    fits && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl Hook {
    /// Memory in use, about.
    pub(super) fn bytes(&self) -> usize {
        self.body.len() + self.said.bytes() + FRAME_BYTES
    }
}

impl Said {
    /// Reads headers, and from the body what the lab's notifier and Grafana's alerts have in it. Anything
    /// else is kept without being understood.
    pub(super) fn of(headers: &HeaderMap, body: &Value) -> Self {
        let header = |name: &str| {
            let value = headers.get(name)?;
            Some(short(&String::from_utf8_lossy(value.as_bytes())))
        };
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(short);
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

    fn bytes(&self) -> usize {
        let texts =
            [&self.id, &self.timestamp, &self.signature, &self.sender, &self.event, &self.job_id];
        texts.into_iter().flatten().map(String::len).sum()
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_LENGTH_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fields_of_notifications_alerts_and_other_bodies_are_read() {
        let said = |body: Value| Said::of(&HeaderMap::new(), &body);
        let trace = "1".repeat(32);
        let data = json!({"id": "j-1", "outcome": "failed", "trace_id": trace});
        let notification = said(json!({"type": "job.failed", "data": data}));
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
            said(json!({"status": "firing", "commonLabels": {"alertname": "A part is down"}}));
        assert_eq!(alert.event.as_deref(), Some("firing: A part is down"));
        let several = said(json!({"status": "resolved", "commonLabels": {}}));
        assert_eq!(several.event.as_deref(), Some("resolved"));
        for other in [json!(7), json!([{"type": "x"}]), json!({"type": 7, "data": null})] {
            let said = said(other);
            assert!(said.event.is_none() && said.job_id.is_none() && said.trace_id.is_none());
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "demo-2", &"x".repeat(40)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "a_b", "a b", "ä", "a/b", "..", &"x".repeat(41)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
