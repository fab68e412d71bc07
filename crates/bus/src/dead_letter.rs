//! Dead letters: the worker's own act, with the original bytes and headers, a reason and a trace.

use contract::{
    JobId, Stage,
    api::{JobDone, dead_header},
    event::EventType,
    propagation::RECORD,
    record::{JobFailure, JobRecord, Unreadable},
    signals::{self, reason},
    state::{JobState, Outcome},
    topology::{Hop, dead, message_id},
};

use crate::{
    Bus, Completion, Delivery, Failure, Outgoing, SessionError, publish::PATIENCE,
    records::RecordError,
};

/// Longest detail in a dead letter's header, in bytes.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Reasons of dead letters whose jobs have no record that could say so.
const WITHOUT_RECORD: [&str; 3] =
    [reason::NO_RECORD, reason::RECORD_UNREADABLE, reason::RECORD_TOO_LARGE];

/// Why a message is put away.
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
    /// Puts the message into the dead letters, moves the job to `dead`, and tells the next hop.
    ///
    /// A notifier's dead letter leaves the job alone: how it ended is known already. A record that is damaged stays as it
    /// is; the submitter is notified all the same.
    pub(crate) async fn dead_letter(
        &self,
        delivery: &Delivery,
        why: &DeadLetterReason,
    ) -> Result<(), Failure> {
        if let Some(session) = delivery.session.get() {
            // Only who may speak for the job may bury it: a sign of life first.
            let renew = session.renew(|record| record.attempts.set(self.stage, why.attempts));
            match renew.await {
                Ok(record) if record.cancel_requested => {
                    // The cancel came first: there is nothing to dead-letter.
                    let completion = Completion::cancelled("cancelled while it failed");
                    let record = self.close(session, &completion).await?;
                    return self.publish_completion_of(&record, delivery).await;
                }
                Ok(_) => {}
                // There is no one to ask, or no room but for the end.
                Err(error) if is_of_no_use(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let stored = self.publish(self.letter(delivery, why)).await?;
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

    /// The end of a job that has no record to stand in.
    async fn publish_completion_without_record(
        &self,
        delivery: &Delivery,
        failure: JobFailure,
    ) -> Result<(), Failure> {
        let job = delivery.job.get().cloned().or_else(|| delivery.as_job().ok());
        let Some(job) = job.filter(|_| WITHOUT_RECORD.contains(&failure.reason.as_str())) else {
            // Another run or round may have the job.
            return Ok(());
        };
        let mut record = JobRecord::accepted(&job, String::new());
        record.state = JobState::Dead;
        record.failure = Some(failure);
        record.times.finished_ms = Some(self.service.clock.stamp_ms());
        self.count_end(&record);
        self.publish_completion(&record, &job).await
    }

    /// Without a readable job nobody can be told; the dead letter says it all.
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

    fn letter(&self, delivery: &Delivery, why: &DeadLetterReason) -> Outgoing {
        let job = job_of(delivery);
        let about = match &job {
            Some((job, round)) => message_id(*job, *round, Hop::Dead(self.stage)),
            None => format!("{}:dead-{}", delivery.subject, self.stage),
        };
        // What never opened its record stays in one round, however often it is driven again: its next
        // letter is the next message's, and the broker must not take it for a repeat of the last.
        let id = format!("{about}:{}", delivery.seq);
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
        // The record that came with it is not what it is now.
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
            patience: PATIENCE,
        }
    }
}

/// Whether a record cannot be changed by anybody: no version can read it, or it has no room.
const fn is_of_no_use(error: &SessionError) -> bool {
    matches!(
        error,
        SessionError::Record(
            RecordError::Unreadable { cause: Unreadable::Damaged(_), .. }
                | RecordError::TooLarge { .. }
        )
    )
}

/// The job that a message is about, as far as it can be read.
pub(crate) fn job_of(delivery: &Delivery) -> Option<(JobId, u32)> {
    if let Some(job) = delivery.job.get() {
        return Some((job.id, job.round));
    }
    if let Ok(job) = delivery.as_job() {
        return Some((job.id, job.round));
    }
    if let Ok(done) = delivery.json::<JobDone>() {
        return Some((done.job.id, done.job.round));
    }
    let subject = delivery.event().ok()?.subject.as_deref()?;
    subject.parse().ok().map(|job| (job, 0))
}
