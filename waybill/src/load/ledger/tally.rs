//! The counts of a run, and its report.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{JobId, api::JobView, state::Outcome};

use super::ItemClass;
use crate::load::{
    LoadRun,
    latency_histogram::LatencyHistogram,
    report::{END_TO_END_CLOCK, EventCounts, JobCounts, LoadProgress, LoadReport, ResponseCounts},
};

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent_all: Option<Duration>,
    pub(super) responses: [ResponseCounts; 3],
    pub(super) refused: BTreeMap<u16, u64>,
    pub(super) repeated: u64,
    pub(super) left_out: u64,
    pub(super) records_read: u64,
    pub(super) unfinished: BTreeSet<JobId>,
    /// Accepted under the id of another job that had not ended.
    pub(super) repeated_ids: u64,
    pub(super) missing: BTreeSet<JobId>,
    pub(super) outcomes: [u64; Outcome::ALL.len()],
    pub(super) accept: LatencyHistogram,
    pub(super) end_to_end: LatencyHistogram,
    pub(super) clocks_disagree: u64,
    /// Displayed times of the first accepted and the last ended.
    pub(super) span_ms: Option<(i64, i64)>,
    /// Traces of malformed events that are not found in the dead letters yet.
    pub(super) malformed: BTreeSet<String>,
}

impl Tally {
    pub(super) fn of(&mut self, class: ItemClass) -> &mut ResponseCounts {
        &mut self.responses[class as usize]
    }

    /// Counts items without a response so far as unanswered.
    fn responses_of(&mut self, class: ItemClass) -> ResponseCounts {
        let responses = *self.of(class);
        ResponseCounts {
            unanswered: responses.sent - responses.accepted - responses.refused,
            ..responses
        }
    }

    pub(super) fn ended(&mut self, job: &JobView, outcome: Outcome) {
        let place = Outcome::ALL.iter().position(|one| *one == outcome).unwrap_or_default();
        self.outcomes[place] += 1;
        let (started_at, ended) =
            (job.times.accepted_ms, job.times.finished_ms.unwrap_or(i64::MIN));
        match u64::try_from(ended.saturating_sub(started_at)) {
            Ok(ms) => self.end_to_end.record(Duration::from_millis(ms)),
            Err(_) => return self.clocks_disagree += 1,
        }
        let (first, last) = self.span_ms.unwrap_or((started_at, ended));
        self.span_ms = Some((first.min(started_at), last.max(ended)));
    }

    pub(super) fn progress(&mut self, elapsed: Duration) -> LoadProgress {
        let all = self.responses;
        let sum = |of: fn(&ResponseCounts) -> u64| all.iter().map(of).sum();
        LoadProgress {
            elapsed,
            all_sent: self.sent_all.is_some(),
            sent: sum(|responses| responses.sent),
            refused: sum(|responses| responses.refused),
            accepted: self.of(ItemClass::Job).accepted,
            ended: self.outcomes.iter().sum(),
        }
    }

    pub(super) fn report(
        &mut self,
        load: &LoadRun,
        so_far: Duration,
        broken_off: bool,
        discarded: Option<u64>,
    ) -> LoadReport {
        let seconds = self.sent_all.unwrap_or(so_far).as_secs_f64();
        let jobs = self.jobs();
        LoadReport {
            seed: load.plan.seed(),
            pace: load.pace.clone(),
            broken_off,
            seconds,
            accepted_per_second: per_second(jobs.responses.accepted, seconds),
            ended_per_second: self.span_ms.map_or(0.0, |(first, last)| {
                per_second(jobs.ended(), last.saturating_sub(first) as f64 / 1e3)
            }),
            jobs,
            events: self.events(discarded),
            refused: std::mem::take(&mut self.refused),
            repeated: self.repeated,
            left_out: self.left_out,
            records_read: self.records_read,
            accept_ms: self.accept.percentiles(),
            end_to_end_ms: self.end_to_end.percentiles(),
            end_to_end_clock: END_TO_END_CLOCK,
            clocks_disagree: self.clocks_disagree,
        }
    }

    fn events(&mut self, discarded: Option<u64>) -> EventCounts {
        let malformed = self.responses_of(ItemClass::Malformed);
        let rejected = malformed.accepted - self.malformed.len() as u64;
        EventCounts {
            malformed,
            rejected,
            foreign: self.responses_of(ItemClass::Foreign),
            discarded,
        }
    }

    fn jobs(&mut self) -> JobCounts {
        let [succeeded, failed, dead, cancelled] = self.outcomes;
        let missing = self.missing.intersection(&self.unfinished).count();
        JobCounts {
            responses: self.responses_of(ItemClass::Job),
            succeeded,
            failed,
            dead,
            cancelled,
            unfinished: self.unfinished.len() as u64,
            missing: missing as u64,
            repeated_ids: self.repeated_ids,
            unfinished_ids: self.unfinished.iter().take(JobCounts::IDS_MAX).copied().collect(),
        }
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}
