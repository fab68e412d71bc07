//! `POST /v1/jobs`: checked, published, confirmed by the broker, recorded, and only then accepted.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::HeaderMap, response::Response};
use bus::{Outgoing, PublishError, payloads::inline_spec, records::RecordError};
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

/// How long the gateway tries to have a message stored before it tells the client that it does not know.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// How long the gateway waits for the record of a job that is stored already. The ingester makes it otherwise.
const RECORD_TIME_MAX: Duration = Duration::from_secs(2);
/// Room in a message for its headers and for what later stages add to the job, in bytes.
const MESSAGE_ROOM: usize = 16 * 1024;
/// Largest data of a submitted message, in bytes. Written anew, numbers can grow: `1` becomes `1.0`.
pub(crate) const DATA_BYTES_MAX: usize = MESSAGE_BYTES_MAX as usize - MESSAGE_ROOM;

/// Submit a job.
///
/// The answer comes once the job is stored for good. With an `Idempotency-Key` the call can be repeated:
/// the same key and body stay one job.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    params(("waybill-source" = Option<JobSource>, Header,
        description = "Who submits it, where it is the lab itself: lists leave its jobs out unless asked. A label, no right."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]([ -~]*[!-~])?$", description = "Stands for this one job, for a day.")),
    request_body = JobSpec,
    responses(
        (status = 202, description = "The job is stored.", body = JobAccepted, headers(
            ("Location" = String, description = "Where the job is."),
            ("traceparent" = String, description = "The span that the job's trace starts with."),
        )),
        (status = 409, description = "The first request with this Idempotency-Key is still running."),
        (status = 422, description = "The Idempotency-Key belongs to another request, or the webhook's host cannot be found."),
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
    let fresh = Ticket { job: broker.bus.time.new_job_id(), root: telemetry::current_span_ref() };
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
    let (ticket, state) = Submission { broker, key, fresh, job }.take().await?;
    reach(broker, FaultPoint::BeforeAck).await?;
    Span::current().set_attribute(attr::JOB_ID, ticket.job.to_string());
    tracing::debug!(job_id = %ticket.job, state = state.name(), "job accepted");
    Ok(ticket.accepted(state))
}

/// Who submits the job, by its header; a client where there is none.
fn source(headers: &HeaderMap) -> Result<JobSource, ApiError> {
    let mut given = headers.get_all(SOURCE).iter();
    let Some(value) = given.next() else { return Ok(JobSource::Client) };
    if given.next().is_some() {
        return Err(ApiError::header(SOURCE, "must be given once only"));
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
    /// Sees to it that the lab has the job. Answers which job that is, and where it is.
    async fn take(mut self) -> Result<(Ticket, JobState), ApiError> {
        // Before the key is taken: a job that is too large leaves nothing behind.
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
                self.hand_on(ticket, data).await?;
                reach(self.broker, FaultPoint::AfterPublish).await?;
                self.record(ticket).await;
                reach(self.broker, FaultPoint::AfterEffect).await?;
                Ok((ticket, JobState::Accepted))
            }
        }
    }

    async fn hand_on(&self, ticket: Ticket, data: Vec<u8>) -> Result<(), ApiError> {
        let kind = self.job.spec.kind();
        let event =
            Outgoing::about(self.job.id, EventType::Submitted, topology::submitted(kind), data)
                .with_id(message_id(self.job.id, self.job.round, Hop::Submitted))
                .within(PATIENCE);
        let error = match self.broker.bus.publish(event).with_context(ticket.context()).await {
            Ok(ack) if ack.duplicate => return Ok(()),
            Ok(_) => {
                let metrics = &self.broker.bus.service.metrics;
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
            Some(_) => "Repeat with your Idempotency-Key: it stays one job.",
            None => "It may run. Repeated without an Idempotency-Key it may run twice.",
        }
    }

    /// Writes the record, which the ingester may have done before. A job without one is none the
    /// worse: its message is stored.
    async fn record(&self, ticket: Ticket) {
        let mut record = JobRecord::accepted(&self.job, ticket.trace_id());
        // The ingester sets it by the message's own time; until then this one holds.
        let now_ms = self.broker.bus.time.now_ms();
        record.deadline_at_ms = Some(self.job.spec.deadline_from(now_ms));
        record.inline_spec = {
            let _in_the_jobs_trace = ticket.context().attach();
            inline_spec(&self.job)
        };
        match timeout(RECORD_TIME_MAX, self.broker.bus.records.create(record)).await {
            Ok(Ok(_) | Err(RecordError::Conflict)) => {}
            Ok(Err(error)) => tracing::warn!(%error, job_id = %ticket.job, "no record yet"),
            Err(_) => tracing::warn!(job_id = %ticket.job, "no record yet: no answer in time"),
        }
    }
}

fn data_of(job: &Job) -> Result<Vec<u8>, ApiError> {
    let data = serde_json::to_vec(job).map_err(ApiError::internal)?;
    if data.len() > DATA_BYTES_MAX {
        return Err(ApiError::too_large(
            "the job, with its numbers written in full,",
            DATA_BYTES_MAX,
        ));
    }
    Ok(data)
}
