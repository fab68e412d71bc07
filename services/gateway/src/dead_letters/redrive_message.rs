//! What a dead letter becomes when it is driven again, by the stage that gave up on it.
//!
//! Only what can be read goes back. A job gets a new round; a raw event goes as it came, marked so that
//! it is not taken for a repeat of itself; a notice is sent again and leaves the job as it is.

use axum::http::StatusCode;
use bus::{Bus, Outgoing, RecordSession, records::RecordError};
use contract::{
    JobId, Stage, UnknownFields,
    api::{JobDone, dead_header},
    event::{EventHead, EventType},
    job::{Job, JobSpec},
    parse_json,
    propagation::{BAGGAGE, TRACEPARENT, TRACESTATE},
    record::JobRecord,
    topology::{Hop, message_id, origin_of, redrive_id},
};

use opentelemetry::trace::FutureExt as _;

use super::letter::Letter;
use crate::{error::ApiError, trace_context};

/// Sources that only the lab's own services have.
const OWN_SOURCES: &str = "/waybill/";
/// Headers of the first sending that the new one has of its own.
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

/// A message that is about to be sent again.
pub(super) struct Parcel {
    pub(super) event: Outgoing,
    pub(super) stage: Stage,
    pub(super) job: Option<JobId>,
    pub(super) round: Option<u32>,
    /// The job whose new round the message begins.
    pub(super) begins: Option<Job>,
}

impl Parcel {
    /// Makes the message, or says why it cannot be sent again.
    pub(super) async fn pack(bus: &Bus, letter: &Letter) -> Result<Self, ApiError> {
        let stage = letter.stage().ok_or_else(|| useless("it names no stage of this lab"))?;
        let subject = origin_of(stage, letter.subject());
        let subject = subject.ok_or_else(|| useless("it names no subject that its stage reads"))?;
        let original = |name: &'static str| letter.original(name);
        let head = EventHead::read(original);
        let head = head.map_err(|error| useless(&format!("its message is no event: {error}")))?;
        match stage {
            Stage::Notifier => notice(bus, letter, subject).await,
            Stage::Ingester if !head.source.starts_with(OWN_SOURCES) => {
                raw_event(bus, letter, &head, subject).await
            }
            Stage::Ingester => {
                job(bus, letter, (subject, EventType::Submitted, Hop::Submitted)).await
            }
            Stage::Processor => job(bus, letter, (subject, EventType::Todo, Hop::Todo)).await,
            Stage::Gateway => Err(useless("the gateway reads no queue")),
        }
    }
}

/// A job goes into its next round.
async fn job(bus: &Bus, letter: &Letter, to: (String, EventType, Hop)) -> Result<Parcel, ApiError> {
    let (subject, kind, hop) = to;
    let stage = letter.stage().unwrap_or(Stage::Processor);
    let body = Job::from_json(&letter.0.payload);
    let body = body.map_err(|error| useless(&format!("its data are no job: {error}")))?;
    repair(bus, letter, &body).await?;
    let round = next_round(bus, body.id, body.round).await?;
    let mut body = body.in_round(round, bus.time.now_ms());
    if stage == Stage::Ingester {
        // It sets the deadline when it lets the job in.
        body.deadline_at_ms = None;
    }
    let data = body.to_json().map_err(ApiError::internal)?;
    let event =
        Outgoing::about(body.id, kind, subject, data).with_id(message_id(body.id, round, hop));
    Ok(Parcel { event, stage, job: Some(body.id), round: Some(round), begins: Some(body) })
}

/// A raw event keeps its source, id and bytes.
async fn raw_event(
    bus: &Bus,
    letter: &Letter,
    head: &EventHead,
    subject: String,
) -> Result<Parcel, ApiError> {
    let first =
        letter.original(dead_header::REDRIVEN_SEQ).or_else(|| letter.text(dead_header::SEQ));
    let mut headers: Vec<(String, String)> = letter
        .originals()
        .filter(|(name, _)| !REPLACED.iter().any(|own| own.eq_ignore_ascii_case(name)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.extend(first.map(|seq| (dead_header::REDRIVEN_SEQ.to_owned(), seq.to_owned())));
    // It names a job only if the event had become one.
    let job = letter.view().job;
    if let Some(id) = job
        && let Ok(spec) = parse_json::<JobSpec>(&letter.0.payload)
    {
        let accepted_at_ms = bus.service.clock.stamp_ms();
        let job = Job {
            id,
            round: 0,
            spec,
            accepted_at_ms,
            source: contract::JobSource::Client,
            deadline_at_ms: None,
            unknown: UnknownFields::default(),
        };
        repair(bus, letter, &job).await?;
    }
    let round = match job {
        Some(job) => Some(next_round(bus, job, 0).await?),
        None => None,
    };
    headers.extend(round.map(|round| (dead_header::REDRIVEN_ROUND.to_owned(), round.to_string())));
    let event = Outgoing {
        subject,
        message_id: redrive_id(letter.0.sequence),
        kind: head.kind.clone(),
        source: head.source.clone(),
        job: None,
        body: letter.0.payload.clone(),
        headers,
        links: Vec::new(),
        patience: bus::publish::PATIENCE,
    };
    Ok(Parcel { event, stage: Stage::Ingester, job, round, begins: None })
}

/// The owner is told again; only the notifier's attempts start anew.
async fn notice(bus: &Bus, letter: &Letter, subject: String) -> Result<Parcel, ApiError> {
    let done = parse_json::<JobDone>(&letter.0.payload);
    let done = done.map_err(|error| useless(&format!("its data are no end of a job: {error}")))?;
    let (id, round) = (done.job.id, done.job.round);
    let entry = match bus.records.load(id).await {
        // The notice needs no record.
        Err(RecordError::Unreadable { .. }) => None,
        entry => entry.map_err(ApiError::record)?,
    };
    if let Some(entry) = entry
        && entry.record.round == round
    {
        let session = RecordSession::shared(bus.records.clone(), entry);
        let fresh = session.change(|record: &mut JobRecord| {
            record.attempts.notifier = 0;
            Ok(())
        });
        fresh.await.map_err(ApiError::broker_away)?;
    }
    let event = Outgoing::about(id, EventType::Done, subject, letter.0.payload.clone())
        .with_id(redrive_id(letter.0.sequence));
    Ok(Parcel { event, stage: Stage::Notifier, job: Some(id), round: None, begins: None })
}

/// Whoever drives a letter again gives up what its job's damaged record may have said.
async fn repair(bus: &Bus, letter: &Letter, job: &Job) -> Result<(), ApiError> {
    let trace_id = letter.span().map(|span| span.trace_hex()).unwrap_or_default();
    let context = trace_context::without_faults(None, &bus::context_of(&letter.0.headers));
    let repaired = bus.repair(job, &trace_id, letter.0.sequence).with_context(context).await;
    repaired.map_err(ApiError::record)
}

/// The round after the one that the record is in; after `known` if the record is gone.
async fn next_round(bus: &Bus, job: JobId, known: u32) -> Result<u32, ApiError> {
    let Some(entry) = bus.records.load(job).await.map_err(ApiError::record)? else {
        return Ok(known.saturating_add(1));
    };
    let state = entry.record.state;
    if state.may_start_again() {
        return Ok(entry.record.round.saturating_add(1));
    }
    Err(ApiError::forbidden_by_state(format!(
        "The job of this dead letter is {state}. If it needs no redrive, drop the dead letter."
    )))
}

fn useless(why: &str) -> ApiError {
    let title = "The dead letter cannot be driven again";
    let detail = format!("It would only come back: {why}. It can be dropped.");
    ApiError::new(StatusCode::CONFLICT, "not-redrivable", title, detail)
}
