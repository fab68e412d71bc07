//! The spec of each job, for services that hold no message of the job: to cancel it, to retry it, to show its
//! operations.
//!
//! The ingester stores it before it queues the job: a small spec in the record, any other in a stream. The full stream
//! drops the oldest, so it never blocks a job; a job whose spec was dropped can no longer be retried.

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        stream::{DirectGetErrorKind, Stream},
    },
};
use bus::{headers, origin};
use contract::{
    UnknownFields,
    job::{Job, JobSpec},
    record::{InlineSpec, JobRecord, is_small},
    topology::{self, PAYLOADS},
};
use opentelemetry::Context;

/// The stream of payloads. Clones share the connection.
#[derive(Clone)]
pub struct Payloads {
    jetstream: jetstream::Context,
    stream: Stream<()>,
}

/// A job as it was queued, and its trace.
#[derive(Debug)]
pub struct Payload {
    /// The job, with what the ingester filled in. Its round may be an earlier one.
    pub job: Job,
    /// The span that queued it, and the job's baggage.
    pub context: Context,
}

impl Payloads {
    pub(crate) async fn open(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let stream = jetstream.get_stream_no_info(PAYLOADS.name).await?;
        Ok(Self { jetstream: jetstream.clone(), stream })
    }

    /// Stores `job` with the current trace context, in place of its earlier payload.
    pub async fn put(&self, job: &Job) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        headers::inject(&mut headers, &Context::current());
        let body = job.to_json()?;
        let subject = topology::payload(job.id);
        self.jetstream.publish_with_headers(subject, headers, body.into()).await?.await?;
        Ok(())
    }

    /// The payload of the job of `record`; `None` if it was never stored, has expired, or cannot be read.
    pub async fn get(&self, record: &JobRecord) -> anyhow::Result<Option<Payload>> {
        if let Some(inline_spec) = &record.inline_spec {
            return Ok(Some(Payload::small(record, inline_spec)));
        }
        let subject = topology::payload(record.id);
        let kept = match self.stream.direct_get_last_for_subject(subject).await {
            Ok(kept) => kept,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if origin::was_copied(&kept.headers) {
            // No ingester stored it: a retry would run a forged job.
            return Ok(None);
        }
        let context = headers::context_of(&kept.headers);
        match Job::from_json(&kept.payload) {
            Ok(job) => Ok(Some(Payload { job, context })),
            Err(error) => {
                tracing::warn!(job_id = %record.id, %error, "the stored spec of a job cannot be read");
                Ok(None)
            }
        }
    }
}

/// The spec of `job` for its record, with the current trace context; `None` if it is large or has unknown fields.
pub fn inline_spec(job: &Job) -> Option<InlineSpec> {
    let context = headers::pairs(&Context::current());
    let inline_spec = InlineSpec { spec: job.spec.clone(), deadline_at_ms: None, context };
    (job.unknown.is_empty() && is_small(&inline_spec)).then_some(inline_spec)
}

impl Payload {
    /// The payload of a job whose spec is no longer stored: little but its name, enough to log how it ended.
    pub fn forgotten(record: &JobRecord) -> Self {
        let spec = JobSpec {
            name: record.name.clone(),
            operations: Vec::new(),
            notify: None,
            deadline_seconds: None,
            attempts_max: Some(record.attempts_max),
        };
        let job = Job {
            id: record.id,
            round: record.round,
            spec,
            accepted_at_ms: record.times.accepted_ms,
            source: record.source,
            deadline_at_ms: record.deadline_at_ms,
            unknown: UnknownFields::default(),
        };
        Self { job, context: Context::new() }
    }

    fn small(record: &JobRecord, inline_spec: &InlineSpec) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in &inline_spec.context {
            headers.insert(name.as_str(), value.as_str());
        }
        let job = Job {
            id: record.id,
            round: record.round,
            spec: inline_spec.spec.clone(),
            accepted_at_ms: record.times.accepted_ms,
            source: record.source,
            deadline_at_ms: record.deadline_at_ms.or(inline_spec.deadline_at_ms),
            unknown: UnknownFields::default(),
        };
        Self { job, context: headers::context_of(&headers) }
    }
}
