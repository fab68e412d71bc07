//! What a job that has not ended waits for: its lease holder, a free slot, its retry.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rfc3339;
use crate::{
    lease,
    record::JobRecord,
    state::JobState::{Accepted, Queued, Retrying, Running},
};

/// The lease of a running job, by the broker's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeaseView {
    /// The lease holder: the process that runs the job.
    pub worker: String,
    /// The worker's run of the job, from 1: one more with each interruption of this round.
    pub run: u32,
    /// When that run started, RFC 3339; by the worker's clock.
    pub running_since: String,
    /// When the record was last written, RFC 3339. A lease is renewed every third of the ack wait.
    pub written_at: String,
    /// Milliseconds since then.
    pub silent_ms: u64,
    /// Milliseconds without a write after which another worker takes over.
    pub ack_wait_ms: u64,
    /// The lease holder missed a renewal: milliseconds until another worker takes over, 0 once that is due. Absent
    /// while the lease is renewed in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover_in_ms: Option<u64>,
}

impl LeaseView {
    /// The lease in `record`, which was written at `written_ns` (broker time, Unix nanoseconds), `silent` ago. `None`
    /// unless the job runs.
    pub fn of(
        record: &JobRecord,
        written_ns: i128,
        silent: Duration,
        ack_wait: Duration,
    ) -> Option<Self> {
        let holder = record.lease.as_ref().filter(|_| record.state == Running)?;
        let is_silent = silent > lease::silent_after(ack_wait);
        Some(Self {
            worker: holder.worker.clone(),
            run: holder.run.saturating_add(1),
            running_since: rfc3339(holder.started_at_ns / 1_000_000),
            written_at: rfc3339(i64::try_from(written_ns / 1_000_000).unwrap_or(0)),
            silent_ms: milliseconds(silent),
            ack_wait_ms: milliseconds(ack_wait),
            takeover_in_ms: is_silent.then(|| milliseconds(ack_wait.saturating_sub(silent))),
        })
    }

    /// Whether the lease holder missed a renewal.
    pub const fn is_silent(&self) -> bool {
        self.takeover_in_ms.is_some()
    }

    /// For example `silent for 5 s, take-over in 6 s`. The time to the take-over is rounded up.
    pub fn status(&self) -> String {
        let silent = self.silent_ms / 1_000;
        match self.takeover_in_ms {
            None => {
                format!("renewed {:.1} s ago", Duration::from_millis(self.silent_ms).as_secs_f64())
            }
            Some(0) => format!("silent for {silent} s, take-over due"),
            Some(ms) => format!("silent for {silent} s, take-over in {} s", ms.div_ceil(1_000)),
        }
    }
}

impl fmt::Display for LeaseView {
    /// For example `worker processor-7 silent for 5 s, take-over in 6 s`. The worker's name is not escaped.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = if self.is_silent() { "" } else { "," };
        write!(out, "worker {}{comma} {}", self.worker, self.status())
    }
}

/// What a job waits for while it neither runs nor has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitView {
    /// What it waits for.
    pub reason: WaitReason,
    /// Number of older jobs that wait for the same; only on the job itself, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<usize>,
    /// Milliseconds until its retry is due, 0 once it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_in_ms: Option<u64>,
}

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// The ingester has not queued it yet.
    Ingester,
    /// No processor slot has been free for it yet.
    Slot,
    /// No processor pulls jobs: none runs, or it is restarting.
    NoWorker,
    /// The job's latest attempt failed; the next one is due after a delay.
    RetryDelay,
    /// Its worker postponed it without spending an attempt: the worker stopped, or a store was away.
    HandedBack,
}

impl WaitView {
    /// What `record` waits for at `now_ms` of the displayed clock; `None` if it runs or has ended. `has_worker` says
    /// whether any processor pulls or runs jobs.
    pub fn of(record: &JobRecord, now_ms: i64, has_worker: bool) -> Option<Self> {
        let due_ms = record.times.retry_ms.filter(|_| record.state == Retrying);
        let reason = match record.state {
            Accepted => WaitReason::Ingester,
            Retrying if due_ms.is_some_and(|due_ms| due_ms > now_ms) => WaitReason::RetryDelay,
            Queued | Retrying if !has_worker => WaitReason::NoWorker,
            Retrying if record.attempts.processor == 0 => WaitReason::HandedBack,
            Queued | Retrying => WaitReason::Slot,
            _ => return None,
        };
        let due_in_ms = due_ms.map(|due_ms| due_ms.saturating_sub(now_ms).max(0).unsigned_abs());
        Some(Self { reason, behind: None, due_in_ms })
    }
}

impl fmt::Display for WaitView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason, self.due_in_ms) {
            (WaitReason::Ingester, _) => out.write_str("waits for the ingester")?,
            (WaitReason::Slot, _) => out.write_str("waits for a free slot")?,
            (WaitReason::NoWorker, _) => out.write_str("no processor asks for work")?,
            (WaitReason::RetryDelay, Some(ms)) => {
                write!(out, "retry in {} s", ms.div_ceil(1_000))?;
            }
            (WaitReason::RetryDelay, None) => out.write_str("waits for its retry")?,
            (WaitReason::HandedBack, _) => {
                out.write_str("handed back by its worker, waits for a free slot")?;
            }
        }
        match self.behind {
            None => Ok(()),
            Some(0) => out.write_str(", first in line"),
            Some(behind) => write!(out, ", behind {behind} older"),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
