//! Dead letters: the stage publishes them itself, with the original data and headers, the reason and the trace.

use contract::{
    JobId, Stage,
    completion::CompletionEvent,
    dead_header,
    event::EventType,
    propagation::RECORD,
    record::{JobFailure, JobRecord, Unreadable},
    signals::{self, reason},
    state::{JobState, Outcome},
    topology::{Hop, dead, message_id},
};

use crate::{
    Bus, Completion, Delivery, Failure, Outgoing, SessionError, publish::PUBLISH_TIMEOUT,
    records::RecordError,
};

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

impl Bus {
    /// Publishes the message as a dead letter, moves the job to `dead`, and publishes its completion event.
    ///
    /// In the notifier the job's record stays as it is: the job has already ended. So does a damaged record; its
    /// submitter is notified all the same.
    pub(crate) async fn dead_letter(
        &self,
        delivery: &Delivery,
        why: &DeadLetterReason,
    ) -> Result<(), Failure> {
        if let Some(session) = delivery.session.get() {
            // Only the lease holder may dead-letter a job: renew the lease first.
            let renew = session.renew(|record| record.attempts.set(self.stage, why.attempts));
            match renew.await {
                Ok(record) if record.cancel_requested => {
                    // The cancel came first: there is nothing to dead-letter.
                    let completion = Completion::cancelled("cancelled while it failed");
                    let record = self.close(session, &completion).await?;
                    return self.publish_completion_of(&record, delivery).await;
                }
                Ok(_) => {}
                // The record is damaged, or has room only for the job's end.
                Err(error) if is_unusable(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let stored = self.publish(self.dead_letter_event(delivery, why)).await?;
        let labels = [self.stage.name(), why.reason];
        self.service.metrics.count(&signals::DEAD_LETTERS, &labels);
        if self.stage == Stage::Notifier {
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
        match delivery.session.get() {
            Some(session) => match self.close(session, &completion).await {
                Ok(record) => self.publish_completion_of(&record, delivery).await,
                Err(Failure::Reject { .. }) => {
                    self.publish_completion_without_record(delivery, failure).await
                }
                Err(error) => Err(error),
            },
            None => self.publish_completion_without_record(delivery, failure).await,
        }
    }

    /// Publishes the completion event of a job that has no usable record.
    async fn publish_completion_without_record(
        &self,
        delivery: &Delivery,
        failure: JobFailure,
    ) -> Result<(), Failure> {
        let job = delivery.job.get().cloned().or_else(|| delivery.as_job().ok());
        let Some(job) = job.filter(|_| WITHOUT_RECORD.contains(&failure.reason.as_str())) else {
            // The job may be in another run or round.
            return Ok(());
        };
        let mut record = JobRecord::accepted(&job, String::new());
        record.state = JobState::Dead;
        record.failure = Some(failure);
        record.times.finished_ms = Some(self.service.clock.stamp_ms());
        self.count_end(&record);
        self.publish_completion(&record, &job).await
    }

    /// Without a readable job there is no submitter to notify; only the dead letter remains.
    async fn publish_completion_of(
        &self,
        record: &JobRecord,
        delivery: &Delivery,
    ) -> Result<(), Failure> {
        match delivery.job.get().cloned().or_else(|| delivery.as_job().ok()) {
            Some(job) => self.publish_completion(record, &job).await,
            None => Ok(()),
        }
    }

    fn dead_letter_event(&self, delivery: &Delivery, why: &DeadLetterReason) -> Outgoing {
        let job = job_of(delivery);
        let prefix = match &job {
            Some((job, round)) => message_id(*job, *round, Hop::Dead(self.stage)),
            None => format!("{}:dead-{}", delivery.subject, self.stage),
        };
        // A message that never opened its record stays in one round, however often it is redriven. The sequence number
        // keeps the broker from dropping its next dead letter as a duplicate.
        let id = format!("{prefix}:{}", delivery.seq);
        let detail = contract::text::shown(&why.detail);
        let detail = detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].to_owned();
        let mut headers = vec![
            (dead_header::STAGE.to_owned(), self.stage.name().to_owned()),
            (dead_header::REASON.to_owned(), why.reason.to_owned()),
            (dead_header::DETAIL.to_owned(), detail),
            (dead_header::ATTEMPTS.to_owned(), why.attempts.to_string()),
            (dead_header::SUBJECT.to_owned(), delivery.subject.clone()),
            (dead_header::SEQ.to_owned(), delivery.first_seq().to_string()),
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
            subject: dead(self.stage),
            message_id: id,
            kind: EventType::Dead.name().to_owned(),
            source: String::new(),
            job: job.map(|(job, _)| job),
            body: delivery.body.clone(),
            headers,
            links: Vec::new(),
            timeout: PUBLISH_TIMEOUT,
        }
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

/// Id and round of the job that a message is about, as far as it can be read.
pub(crate) fn job_of(delivery: &Delivery) -> Option<(JobId, u32)> {
    if let Some(job) = delivery.job.get() {
        return Some((job.id, job.round));
    }
    if let Ok(job) = delivery.as_job() {
        return Some((job.id, job.round));
    }
    if let Ok(done) = delivery.json::<CompletionEvent>() {
        return Some((done.job.id, done.job.round));
    }
    let subject = delivery.event().ok()?.subject.as_deref()?;
    subject.parse().ok().map(|job| (job, 0))
}
