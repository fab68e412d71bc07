//! A notification: its id and its body.

use contract::{JobId, completion::CompletionEvent, record::JobFailure, rfc3339};
use serde::Serialize;

/// A notification about an ended job.
#[derive(Debug, Clone, Copy)]
pub struct Notification<'a> {
    /// The completion.
    pub done: &'a CompletionEvent,
    /// The job's trace, as 32 hex digits.
    pub trace_id: &'a str,
}

/// The body by Standard Webhooks: type, timestamp, data.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    timestamp: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: JobId,
    name: &'a str,
    kind: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a JobFailure>,
    trace_id: &'a str,
    round: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    finished_at: &'a str,
}

impl Notification<'_> {
    /// The `webhook-id`, `{job}:{round}:{outcome}`: the same in every delivery attempt.
    pub fn id(&self) -> String {
        let Self { done, .. } = self;
        format!("{}:{}:{}", done.job.id, done.job.round, done.outcome)
    }

    /// The body as JSON, some 400 bytes: `{"type": "job.{outcome}", "timestamp", "data": {…}}`.
    pub fn body(&self) -> String {
        let Self { done, trace_id } = self;
        let finished_at = &rfc3339(done.finished_at_ms);
        let body = Body {
            r#type: format!("job.{}", done.outcome),
            timestamp: finished_at,
            data: Data {
                id: done.job.id,
                name: &done.job.spec.name,
                kind: done.job.spec.kind().name(),
                outcome: done.outcome.name(),
                failure: done.failure.as_ref(),
                trace_id,
                round: done.job.round,
                run: done.run.as_deref(),
                finished_at,
            },
        };
        serde_json::to_string(&body).expect("strings and numbers always serialize")
    }
}
