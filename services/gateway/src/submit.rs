//! `POST /v1/jobs`: checks the job, publishes it, awaits the broker's ack, creates the record, then returns 202.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::HeaderMap, response::Response};
use bus::{Outgoing, PublishError};
use contract::{
    JobSource, NotASource, UnknownFields,
    api::JobAccepted,
    event::EventType,
    job::{Job, JobSpec},
    parse_json,
    propagation::SOURCE,
    record::JobRecord,
    signals::{JOBS_SUBMITTED, attr},
    state::JobState,
    topology::{self, Hop, MESSAGE_BYTES_MAX, message_id},
};
use faults::FaultPoint;
use jobs::{RecordError, payloads::inline_spec};
use opentelemetry::trace::FutureExt as _;
use tokio::time::timeout;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    accepted::Ticket,
    app::App,
    body::WholeBody,
    broker::Broker,
    error::ApiError,
    fault_point::reach,
    idempotency::{Claim, Key},
};

/// How long a publish may take before the client gets "unconfirmed".
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the gateway waits for the record of a job that is already stored. If it fails, the ingester creates it.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);
/// Room in a message for its headers and for what later stages add to the job, in bytes.
const MESSAGE_ROOM: usize = 16 * 1024;
/// Largest data of a submitted message, in bytes. Serialized again, numbers can grow: `1` becomes `1.0`.
pub(crate) const DATA_BYTES_MAX: usize = MESSAGE_BYTES_MAX as usize - MESSAGE_ROOM;

/// Submit a job.
///
/// The response is sent after the job is stored. With an `Idempotency-Key` the request can be repeated: requests with
/// the same key and body submit one job.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    params(("waybill-source" = Option<JobSource>, Header,
        description = "The part of the lab that submits the job; lists omit such jobs by default. A label, not a permission."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]([ -~]*[!-~])?$", description = "Identifies this job for a day.")),
    request_body = JobSpec,
    responses(
        (status = 202, description = "The job is stored.", body = JobAccepted, headers(
            ("Location" = String, description = "Path of the job."),
            ("traceparent" = String, description = "The root span of the job's trace."),
        )),
        (status = 409, description = "The first request with this Idempotency-Key is still in progress."),
        (status = 422, description = "The Idempotency-Key was used with another body, or the webhook's host cannot be found."),
    ),
)]
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let spec: JobSpec = parse_json(&body)?;
    spec.check()?;
    let key = Key::read(&headers, &spec)?;
    let source = source(&headers)?;
    app.targets.check(&spec).await?;
    let broker = app.broker()?;
    app.capacity.check()?;
    let fresh =
        Ticket { job: broker.jobs.bus.nats.time.new_job_id(), root: telemetry::current_span_ref() };
    let accepted_at_ms = app.service.clock.stamp_ms();
    let job = Job {
        id: fresh.job,
        round: 0,
        spec,
        accepted_at_ms,
        source,
        deadline_at_ms: None,
        unknown: UnknownFields::default(),
    };
    let (ticket, state) = Submission { broker, key, fresh, job }.submit().await?;
    reach(broker, FaultPoint::BeforeAck).await?;
    Span::current().set_attribute(attr::JOB_ID, ticket.job.to_string());
    tracing::debug!(job_id = %ticket.job, state = state.name(), "accept job");
    Ok(ticket.accepted(state))
}

/// The source in the header; `Client` if there is none.
fn source(headers: &HeaderMap) -> Result<JobSource, ApiError> {
    let mut given = headers.get_all(SOURCE).iter();
    let Some(value) = given.next() else { return Ok(JobSource::Client) };
    if given.next().is_some() {
        return Err(ApiError::header(SOURCE, "must be given only once"));
    }
    let read = value.to_str().ok().and_then(|text| text.parse().ok());
    read.ok_or_else(|| ApiError::header(SOURCE, NotASource))
}

/// A job that passed every check.
struct Submission<'a> {
    broker: &'a Broker,
    key: Option<Key>,
    fresh: Ticket,
    job: Job,
}

impl Submission<'_> {
    /// Publishes the job unless its key is already used. Returns the job and its state.
    async fn submit(mut self) -> Result<(Ticket, JobState), ApiError> {
        // Before the key is claimed: a job that is too large must not leave a key behind.
        let mut data = data_of(&self.job)?;
        let claim = match &self.key {
            Some(key) => key.claim(self.broker, self.fresh).await?,
            None => Claim::Publish(self.fresh),
        };
        match claim {
            Claim::Known(ticket, state) => Ok((ticket, state)),
            Claim::Publish(ticket) => {
                if ticket.job != self.job.id {
                    self.job.id = ticket.job;
                    data = data_of(&self.job)?;
                }
                reach(self.broker, FaultPoint::BeforeWork).await?;
                self.publish(ticket, data).await?;
                reach(self.broker, FaultPoint::AfterPublish).await?;
                self.record(ticket).await;
                reach(self.broker, FaultPoint::AfterEffect).await?;
                Ok((ticket, JobState::Accepted))
            }
        }
    }

    async fn publish(&self, ticket: Ticket, data: Vec<u8>) -> Result<(), ApiError> {
        let kind = self.job.spec.kind();
        let event =
            Outgoing::about(self.job.id, EventType::Submitted, topology::submitted(kind), data)
                .with_id(message_id(self.job.id, self.job.round, Hop::Submitted))
                .with_timeout(PUBLISH_TIMEOUT);
        let error = match self.broker.jobs.bus.publish(event).with_context(ticket.context()).await {
            Ok(ack) if ack.duplicate => return Ok(()),
            Ok(_) => {
                let metrics = &self.broker.jobs.bus.service.metrics;
                metrics.count(&JOBS_SUBMITTED, &[kind.name()]);
                return Ok(());
            }
            Err(error) => error,
        };
        let nothing_stored = !matches!(error, PublishError::Unconfirmed(_));
        if let Some(key) = self.key.as_ref().filter(|_| nothing_stored && ticket == self.fresh) {
            key.release(self.broker, ticket).await;
        }
        Err(ApiError::publish(error, self.advice()))
    }

    fn advice(&self) -> &'static str {
        match self.key {
            Some(_) => "Repeat with the same Idempotency-Key: the job is submitted only once.",
            None => {
                "The job may run. If you repeat the request without an Idempotency-Key, it may run twice."
            }
        }
    }

    /// Creates the record; the ingester may have been faster. A failure is only logged: the message is stored, and the
    /// ingester creates the record.
    async fn record(&self, ticket: Ticket) {
        let mut record = JobRecord::accepted(&self.job, ticket.trace_id());
        // Preliminary: the ingester sets it by the time of the message.
        let now_ms = self.broker.jobs.bus.nats.time.now_ms();
        record.deadline_at_ms = Some(self.job.spec.deadline_from(now_ms));
        record.inline_spec = {
            let _in_the_jobs_trace = ticket.context().attach();
            inline_spec(&self.job)
        };
        match timeout(RECORD_TIMEOUT, self.broker.jobs.records.create(record)).await {
            Ok(Ok(_) | Err(RecordError::Conflict)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, job_id = %ticket.job, "cannot create record yet; the ingester does");
            }
            Err(_) => {
                tracing::warn!(job_id = %ticket.job, "cannot create record yet: timed out; the ingester does");
            }
        }
    }
}

fn data_of(job: &Job) -> Result<Vec<u8>, ApiError> {
    let data = serde_json::to_vec(job).map_err(ApiError::internal)?;
    if data.len() > DATA_BYTES_MAX {
        return Err(ApiError::too_large(
            "the job, serialized without shortened numbers,",
            DATA_BYTES_MAX,
        ));
    }
    Ok(data)
}
