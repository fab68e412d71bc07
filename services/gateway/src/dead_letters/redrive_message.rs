//! Builds the message that a redrive publishes, depending on the stage that dead-lettered it.
//!
//! Only readable messages are redriven. A job gets a new round. A raw event is published unchanged, with a header that
//! keeps it from being dropped as a duplicate. A completion is published again; its job stays as it is.

use axum::http::StatusCode;
use bus::Outgoing;
use contract::{
    JobId, Stage, UnknownFields,
    completion::CompletionEvent,
    dead_header,
    event::{EventHead, EventType},
    job::{Job, JobSpec},
    parse_json,
    propagation::{BAGGAGE, TRACEPARENT, TRACESTATE},
    record::JobRecord,
    topology::{Hop, message_id, origin_of, redrive_id},
};
use jobs::{Jobs, RecordError, RecordSession, round};

use opentelemetry::trace::FutureExt as _;

use super::dead_letter::DeadLetter;
use crate::{error::ApiError, trace_context};

/// Prefix of the sources of the lab's own services.
const OWN_SOURCES: &str = "/waybill/";
/// Headers of the original message that the new one sets itself.
const REPLACED: [&str; 6] = [
    MESSAGE_ID,
    TRACEPARENT,
    TRACESTATE,
    BAGGAGE,
    dead_header::REDRIVEN_SEQ,
    dead_header::REDRIVEN_ROUND,
];
/// The broker's header for message ids.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// A message to publish again.
pub(super) struct RedriveMessage {
    pub(super) event: Outgoing,
    pub(super) stage: Stage,
    pub(super) job: Option<JobId>,
    pub(super) round: Option<u32>,
    /// The job whose new round starts with the message.
    pub(super) starts_round: Option<Job>,
}

impl RedriveMessage {
    /// Builds the message, or returns why the dead letter cannot be redriven.
    pub(super) async fn new(jobs: &Jobs, dead_letter: &DeadLetter) -> Result<Self, ApiError> {
        let stage = dead_letter
            .stage()
            .ok_or_else(|| not_redrivable("the dead letter names no known stage"))?;
        let subject = origin_of(stage, dead_letter.subject());
        let subject = subject.ok_or_else(|| {
            not_redrivable("the stage does not consume the dead letter's subject")
        })?;
        let original = |name: &'static str| dead_letter.original(name);
        let head = EventHead::read(original);
        let head = head.map_err(|error| {
            not_redrivable(&format!("the message is not a CloudEvent: {error}"))
        })?;
        match stage {
            Stage::Notifier => completion(jobs, dead_letter, subject).await,
            Stage::Ingester if !head.source.starts_with(OWN_SOURCES) => {
                raw_event(jobs, dead_letter, &head, subject).await
            }
            Stage::Ingester => {
                job(jobs, dead_letter, (subject, EventType::Submitted, Hop::Submitted)).await
            }
            Stage::Processor => job(jobs, dead_letter, (subject, EventType::Todo, Hop::Todo)).await,
            Stage::Gateway => Err(not_redrivable("the gateway consumes no queue")),
        }
    }
}

/// A job starts its next round.
async fn job(
    jobs: &Jobs,
    dead_letter: &DeadLetter,
    to: (String, EventType, Hop),
) -> Result<RedriveMessage, ApiError> {
    let (subject, kind, hop) = to;
    let stage = dead_letter.stage().unwrap_or(Stage::Processor);
    let body = Job::from_json(&dead_letter.0.payload);
    let body = body.map_err(|error| not_redrivable(&format!("the data are not a job: {error}")))?;
    repair(jobs, dead_letter, &body).await?;
    let round = next_round(jobs, body.id, body.round).await?;
    let mut body = body.in_round(round, jobs.bus.nats.time.now_ms());
    if stage == Stage::Ingester {
        // The ingester sets the deadline when it admits the job.
        body.deadline_at_ms = None;
    }
    let data = body.to_json().map_err(ApiError::internal)?;
    let event =
        Outgoing::about(body.id, kind, subject, data).with_id(message_id(body.id, round, hop));
    Ok(RedriveMessage {
        event,
        stage,
        job: Some(body.id),
        round: Some(round),
        starts_round: Some(body),
    })
}

/// Builds the redrive message of a raw event; source, id and data are unchanged.
async fn raw_event(
    jobs: &Jobs,
    dead_letter: &DeadLetter,
    head: &EventHead,
    subject: String,
) -> Result<RedriveMessage, ApiError> {
    let first = dead_letter
        .original(dead_header::REDRIVEN_SEQ)
        .or_else(|| dead_letter.header(dead_header::SEQ));
    let mut headers: Vec<(String, String)> = dead_letter
        .originals()
        .filter(|(name, _)| !REPLACED.iter().any(|replaced| replaced.eq_ignore_ascii_case(name)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.extend(first.map(|seq| (dead_header::REDRIVEN_SEQ.to_owned(), seq.to_owned())));
    // The dead letter names a job only if the event had become one.
    let job = dead_letter.view().job;
    if let Some(id) = job
        && let Ok(spec) = parse_json::<JobSpec>(&dead_letter.0.payload)
    {
        let accepted_at_ms = jobs.bus.service.clock.stamp_ms();
        let job = Job {
            id,
            round: 0,
            spec,
            accepted_at_ms,
            source: contract::JobSource::Client,
            deadline_at_ms: None,
            unknown: UnknownFields::default(),
        };
        repair(jobs, dead_letter, &job).await?;
    }
    let round = match job {
        Some(job) => Some(next_round(jobs, job, 0).await?),
        None => None,
    };
    headers.extend(round.map(|round| (dead_header::REDRIVEN_ROUND.to_owned(), round.to_string())));
    let event = Outgoing {
        subject,
        message_id: redrive_id(dead_letter.0.sequence),
        kind: head.kind.clone(),
        source: head.source.clone(),
        job: None,
        body: dead_letter.0.payload.clone(),
        headers,
        links: Vec::new(),
        timeout: bus::publish::PUBLISH_TIMEOUT,
    };
    Ok(RedriveMessage { event, stage: Stage::Ingester, job, round, starts_round: None })
}

/// The notifier delivers the completion again; only its attempts are reset.
async fn completion(
    jobs: &Jobs,
    dead_letter: &DeadLetter,
    subject: String,
) -> Result<RedriveMessage, ApiError> {
    let done = parse_json::<CompletionEvent>(&dead_letter.0.payload);
    let done = done.map_err(|error| {
        not_redrivable(&format!("the data are not the completion of a job: {error}"))
    })?;
    let (id, round) = (done.job.id, done.job.round);
    let entry = match jobs.records.load(id).await {
        // A notification needs no record.
        Err(RecordError::Unreadable { .. }) => None,
        entry => entry.map_err(ApiError::record)?,
    };
    if let Some(entry) = entry
        && entry.record.round == round
    {
        let session = RecordSession::shared(jobs.records.clone(), entry);
        let fresh = session.change(|record: &mut JobRecord| {
            record.attempts.notifier = 0;
            Ok(())
        });
        fresh.await.map_err(ApiError::broker_away)?;
    }
    let event = Outgoing::about(id, EventType::Done, subject, dead_letter.0.payload.clone())
        .with_id(redrive_id(dead_letter.0.sequence));
    Ok(RedriveMessage {
        event,
        stage: Stage::Notifier,
        job: Some(id),
        round: None,
        starts_round: None,
    })
}

/// Replaces a damaged record of the job: a redrive gives up what it may have held.
async fn repair(jobs: &Jobs, dead_letter: &DeadLetter, job: &Job) -> Result<(), ApiError> {
    let trace_id = dead_letter.span().map(|span| span.trace_hex()).unwrap_or_default();
    let context = trace_context::without_faults(None, &bus::context_of(&dead_letter.0.headers));
    let repaired =
        round::repair(jobs, job, &trace_id, dead_letter.0.sequence).with_context(context).await;
    repaired.map_err(ApiError::record)
}

/// The round after the one that the record is in; after `known` if the record is gone.
async fn next_round(jobs: &Jobs, job: JobId, known: u32) -> Result<u32, ApiError> {
    let Some(entry) = jobs.records.load(job).await.map_err(ApiError::record)? else {
        return Ok(known.saturating_add(1));
    };
    let state = entry.record.state;
    if state.may_start_again() {
        return Ok(entry.record.round.saturating_add(1));
    }
    Err(ApiError::forbidden_by_state(format!(
        "The job of this dead letter is {state}. If it needs no redrive, delete the dead dead_letter."
    )))
}

fn not_redrivable(why: &str) -> ApiError {
    let title = "The dead letter cannot be redriven";
    let detail = format!("The message would be dead-lettered again: {why}. You can delete it.");
    ApiError::new(StatusCode::CONFLICT, "not-redrivable", title, detail)
}
