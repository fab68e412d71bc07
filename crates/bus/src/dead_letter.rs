//! Dead letters: the worker's own act, with the original bytes and headers, a reason and a trace.

use contract::{
    JobId, Stage,
    api::{JobDone, dead_header},
    event::EventType,
    job::Job,
    record::{JobFailure, JobRecord},
    signals,
    state::Outcome,
    topology::{Hop, dead, message_id},
    waybill::RECORD,
};

use crate::{Bus, Delivery, Ending, Failure, Outgoing, publish::PATIENCE};

/// Longest detail in a dead letter's header, in bytes.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Why a message is put away.
#[derive(Debug, Clone)]
pub struct Burial {
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
    /// A notifier's dead letter leaves the job alone: how it ended is known already.
    pub(crate) async fn bury(&self, delivery: &Delivery, burial: &Burial) -> Result<(), Failure> {
        if let Some(case) = delivery.case.get() {
            // Only who may speak for the job may bury it: a sign of life first.
            let renew = case.renew(|record| record.attempts.set(self.stage, burial.attempts));
            if renew.await?.cancel_requested {
                // Its owner was faster: there is nothing to put away.
                let record =
                    self.close(case, &Ending::cancelled("cancelled while it failed")).await?;
                return self.tell_of(&record, delivery).await;
            }
        }
        let stored = self.publish(self.letter(delivery, burial)).await?;
        let labels = [self.stage.name(), burial.reason];
        self.vitals.metrics.count(&signals::DEAD_LETTERS, &labels);
        if self.stage == Stage::Notifier {
            return Ok(());
        }
        let Some(case) = delivery.case.get() else { return Ok(()) };
        let failure = JobFailure::new(burial.reason, &burial.detail);
        let ending = Ending {
            outcome: Outcome::Dead,
            failure: Some(failure),
            run: None,
            results: None,
            dead_letter: Some(stored.sequence),
        };
        let record = self.close(case, &ending).await?;
        self.tell_of(&record, delivery).await
    }

    /// Without a readable job nobody can be told; the dead letter says it all.
    async fn tell_of(&self, record: &JobRecord, delivery: &Delivery) -> Result<(), Failure> {
        match delivery.job.get().cloned().or_else(|| delivery.json::<Job>().ok()) {
            Some(job) => self.tell(record, &job).await,
            None => Ok(()),
        }
    }

    fn letter(&self, delivery: &Delivery, burial: &Burial) -> Outgoing {
        let job = job_of(delivery);
        let about = match &job {
            Some((job, round)) => message_id(*job, *round, Hop::Dead(self.stage)),
            None => format!("{}:dead-{}", delivery.subject, self.stage),
        };
        // What never opened its record stays in one round, however often it is driven again: its next
        // letter is the next message's, and the broker must not take it for a repeat of the last.
        let id = format!("{about}:{}", delivery.seq);
        let detail: String =
            burial.detail.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let detail = detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].to_owned();
        let mut headers = vec![
            (dead_header::STAGE.to_owned(), self.stage.name().to_owned()),
            (dead_header::REASON.to_owned(), burial.reason.to_owned()),
            (dead_header::DETAIL.to_owned(), detail),
            (dead_header::ATTEMPTS.to_owned(), burial.attempts.to_string()),
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

/// The job that a message is about, as far as it can be read.
pub(crate) fn job_of(delivery: &Delivery) -> Option<(JobId, u32)> {
    if let Some(job) = delivery.job.get() {
        return Some((job.id, job.round));
    }
    if let Ok(job) = delivery.json::<Job>() {
        return Some((job.id, job.round));
    }
    if let Ok(done) = delivery.json::<JobDone>() {
        return Some((done.job.id, done.job.round));
    }
    let subject = delivery.event().ok()?.subject.as_deref()?;
    subject.parse().ok().map(|job| (job, 0))
}
