//! Dead letters: the stage publishes them itself, with the original data and headers, the reason and the trace.

use bus::{Delivery, Failure, Outgoing, publish::PUBLISH_TIMEOUT};
use contract::{
    Stage, dead_header,
    event::EventType,
    propagation::RECORD,
    record::{JobFailure, JobRecord, Unreadable},
    signals::{self, reason},
    state::{JobState, Outcome},
    topology::{Hop, dead, message_id},
};

use crate::{Attempt, Completion, Jobs, SessionError, completion, message, records::RecordError};

/// Longest detail in a dead letter's header, in bytes.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Reasons of dead letters whose jobs have no usable record.
const WITHOUT_RECORD: [&str; 3] =
    [reason::NO_RECORD, reason::RECORD_UNREADABLE, reason::RECORD_TOO_LARGE];

/// Why a message is dead-lettered.
#[derive(Debug, Clone)]
pub struct DeadLetterReason {
    /// One of [`contract::signals::reason`].
    pub reason: &'static str,
    /// What happened, for people.
    pub detail: String,
    /// Attempts used up.
    pub attempts: u32,
}

/// Publishes the message as a dead letter, moves the job to `dead`, and publishes its completion event.
///
/// In the notifier the job's record stays as it is: the job has already ended. So does a damaged record; its
/// submitter is notified all the same.
pub(crate) async fn publish(
    jobs: &Jobs,
    delivery: &Delivery,
    attempt: &Attempt,
    why: &DeadLetterReason,
) -> Result<(), Failure> {
    if let Some(session) = &attempt.record {
        // Only the lease holder may dead-letter a job: renew the lease first.
        let renew = session.renew(|record| record.attempts.set(jobs.bus.stage, why.attempts));
        match renew.await {
            Ok(record) if record.cancel_requested => {
                // The cancel came first: there is nothing to dead-letter.
                let completion = Completion::cancelled("cancelled while it failed");
                let record = completion::close(jobs, session, &completion).await?;
                return publish_completion_of(jobs, &record, delivery, attempt).await;
            }
            Ok(_) => {}
            // The record is damaged, or has room only for the job's end.
            Err(error) if is_unusable(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let stored = jobs.bus.publish(event(jobs, delivery, attempt, why)).await?;
    let labels = [jobs.bus.stage.name(), why.reason];
    jobs.bus.service.metrics.count(&signals::DEAD_LETTERS, &labels);
    if jobs.bus.stage == Stage::Notifier {
        return Ok(());
    }
    let failure = JobFailure::new(why.reason, &why.detail);
    let completion = Completion {
        outcome: Outcome::Dead,
        failure: Some(failure.clone()),
        run: None,
        results: None,
        dead_letter: Some(stored.sequence),
    };
    match &attempt.record {
        Some(session) => match completion::close(jobs, session, &completion).await {
            Ok(record) => publish_completion_of(jobs, &record, delivery, attempt).await,
            Err(Failure::Reject { .. }) => {
                publish_completion_without_record(jobs, delivery, attempt, failure).await
            }
            Err(error) => Err(error),
        },
        None => publish_completion_without_record(jobs, delivery, attempt, failure).await,
    }
}

/// Publishes the completion event of a job that has no usable record.
async fn publish_completion_without_record(
    jobs: &Jobs,
    delivery: &Delivery,
    attempt: &Attempt,
    failure: JobFailure,
) -> Result<(), Failure> {
    let job = attempt.job(delivery);
    let Some(job) = job.filter(|_| WITHOUT_RECORD.contains(&failure.reason.as_str())) else {
        // The job may be in another run or round.
        return Ok(());
    };
    let mut record = JobRecord::accepted(&job, String::new());
    record.state = JobState::Dead;
    record.failure = Some(failure);
    record.times.finished_ms = Some(jobs.stamp_ms());
    completion::count_end(jobs, &record);
    completion::publish(jobs, &record, &job).await
}

/// Without a readable job there is no submitter to notify; only the dead letter remains.
async fn publish_completion_of(
    jobs: &Jobs,
    record: &JobRecord,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), Failure> {
    match attempt.job(delivery) {
        Some(job) => completion::publish(jobs, record, &job).await,
        None => Ok(()),
    }
}

fn event(jobs: &Jobs, delivery: &Delivery, attempt: &Attempt, why: &DeadLetterReason) -> Outgoing {
    let job = attempt.job_id(delivery);
    let prefix = match &job {
        Some((job, round)) => message_id(*job, *round, Hop::Dead(jobs.bus.stage)),
        None => format!("{}:dead-{}", delivery.subject, jobs.bus.stage),
    };
    // A message that never opened its record stays in one round, however often it is redriven. The sequence number
    // keeps the broker from dropping its next dead letter as a duplicate.
    let id = format!("{prefix}:{}", delivery.seq);
    let detail = contract::text::shown(&why.detail);
    let detail = detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].to_owned();
    let mut headers = vec![
        (dead_header::STAGE.to_owned(), jobs.bus.stage.name().to_owned()),
        (dead_header::REASON.to_owned(), why.reason.to_owned()),
        (dead_header::DETAIL.to_owned(), detail),
        (dead_header::ATTEMPTS.to_owned(), why.attempts.to_string()),
        (dead_header::SUBJECT.to_owned(), delivery.subject.clone()),
        (dead_header::SEQ.to_owned(), message::first_seq(delivery).to_string()),
    ];
    // The record in the headers is out of date by now.
    let original =
        delivery.headers.iter().filter(|(name, _)| AsRef::<str>::as_ref(*name) != RECORD);
    headers.extend(original.flat_map(|(name, values)| {
        values
            .iter()
            .map(move |value| (format!("{}{name}", dead_header::ORIGINAL), value.to_string()))
    }));
    Outgoing {
        subject: dead(jobs.bus.stage),
        message_id: id,
        kind: EventType::Dead.name().to_owned(),
        source: String::new(),
        job: job.map(|(job, _)| job),
        body: delivery.raw.clone(),
        headers,
        links: Vec::new(),
        timeout: PUBLISH_TIMEOUT,
    }
}

/// Whether no service can change the record: no version can read it, or it is full.
const fn is_unusable(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Record(
            RecordError::Unreadable { cause: Unreadable::Damaged(_), .. }
                | RecordError::TooLarge { .. }
        )
    )
}
