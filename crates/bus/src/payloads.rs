//! The latest wording of each job, for those who must speak of it and hold no message: who cancels it
//! while it waits, who starts it again, who shows its operations.
//!
//! The ingester keeps it before it hands a job on: a small one in the record, any other in a stream. A full
//! stream forgets the oldest, so it can never be in the way of a job; what is forgotten can no longer be
//! started again, and says so.

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        stream::{DirectGetErrorKind, Stream},
    },
};
use contract::{
    UnknownFields,
    job::{Job, JobSpec},
    record::{InlineSpec, JobRecord, is_small},
    topology::{self, PAYLOADS},
};
use opentelemetry::Context;

use crate::{headers, origin};

/// The payloads. Clones share the connection.
#[derive(Clone)]
pub struct Payloads {
    jetstream: jetstream::Context,
    stream: Stream<()>,
}

/// A job as it was handed on, and the trace it is in.
#[derive(Debug)]
pub struct Payload {
    /// The job, with what the ingester filled in. Its round may be an earlier one.
    pub job: Job,
    /// The span that handed it on, and the baggage that travels with it.
    pub context: Context,
}

impl Payloads {
    pub(crate) async fn open(jetstream: &jetstream::Context) -> anyhow::Result<Self> {
        let stream = jetstream.get_stream_no_info(PAYLOADS.name).await?;
        Ok(Self { jetstream: jetstream.clone(), stream })
    }

    /// Keeps `job` in the current trace, in the place of what was kept of it before.
    pub async fn put(&self, job: &Job) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        headers::inject(&mut headers, &Context::current());
        let body = job.to_json()?;
        let subject = topology::payload(job.id);
        self.jetstream.publish_with_headers(subject, headers, body.into()).await?.await?;
        Ok(())
    }

    /// What is kept of the job of `record`; `None` when it was never published, has expired, or cannot be read.
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
            // No ingester kept it: a retry would start what somebody else made of the job.
            return Ok(None);
        }
        let context = headers::context_of(&kept.headers);
        match Job::from_json(&kept.payload) {
            Ok(job) => Ok(Some(Payload { job, context })),
            Err(error) => {
                tracing::warn!(job_id = %record.id, %error, "what a job asked for cannot be read");
                Ok(None)
            }
        }
    }
}

/// `job` in the current trace as it stands in its record, if it is small and this version knows all of it.
pub fn inline_spec(job: &Job) -> Option<InlineSpec> {
    let context = headers::pairs(&Context::current());
    let inline_spec = InlineSpec { spec: job.spec.clone(), deadline_at_ms: None, context };
    (job.unknown.is_empty() && is_small(&inline_spec)).then_some(inline_spec)
}

impl Payload {
    /// What is known of a job whose wording is no longer kept: its name. Its end can be logged, and no more.
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
