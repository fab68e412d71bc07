//! Waiting for a job's end, with its progress on the terminal.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use contract::{
    JobId,
    api::{JobView, ProgressView},
    state::JobState,
};
use tokio::time::sleep;

use super::standing::{Watchman, standing};
use crate::{
    client::{ClientError, Gateway},
    exit::Exit,
    terminal::{StatusLine, WARNING, print_error, styled},
};

/// Pause before the second look.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// Longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long the gateway may be away in between: it may just be killed, and be back in a moment.
const AWAY_MAX: Duration = Duration::from_secs(10);

/// Whether to see the job through.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What to see of it")]
pub(super) struct Follow {
    /// Wait for its end; the exit code then says whether it succeeded
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait_limit: u64,
}

impl Follow {
    /// How long to wait at most.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.wait_limit)
    }

    /// Says that the time was up.
    pub(super) fn time_up(&self, job: &JobView) -> Exit {
        let (state, limit) = (job.state, self.wait_limit);
        print_error(&format!("waybill: the job is still {state} after {limit} s\n"));
        Exit::TimeUp
    }
}

/// How a command ends that was to see this job through.
pub(super) fn exit(job: &JobView) -> Exit {
    if job.state == JobState::Succeeded { Exit::Done } else { Exit::JobNotSucceeded }
}

/// Waits until the job has ended; `None` when the time was up first.
pub(super) async fn ended(
    gateway: &Gateway,
    id: JobId,
    limit: Duration,
) -> Result<Option<JobView>, ClientError> {
    let began = Instant::now();
    let mut answered = began;
    let mut pause = PAUSE_FIRST;
    let mut line = StatusLine::default();
    let mut watchman = Watchman::default();
    loop {
        match gateway.job(id).await {
            Ok(job) if job.state.is_terminal() => {
                line.clear();
                notice(&mut watchman, &mut line, &job);
                return Ok(Some(job));
            }
            Ok(job) => {
                answered = Instant::now();
                notice(&mut watchman, &mut line, &job);
                line.show(&words(&job));
            }
            Err(error) if error.may_pass() && answered.elapsed() < AWAY_MAX => {}
            Err(error) => {
                line.clear();
                return Err(error);
            }
        }
        if began.elapsed() >= limit {
            line.clear();
            return Ok(None);
        }
        sleep(pause.min(limit.saturating_sub(began.elapsed()))).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
}

/// Says on a line of its own that the worker of a job fell silent, or that another one took over.
pub(super) fn notice(watchman: &mut Watchman, line: &mut StatusLine, job: &JobView) {
    if let Some(notice) = watchman.notices(job) {
        line.clear();
        print_error(&format!("{}\n", styled(WARNING, &notice)));
    }
}

/// Where a job is, in one line.
pub(super) fn words(job: &JobView) -> String {
    let mut words =
        format!("{} · attempt {} of {}", job.state, job.attempts.max(1), job.attempts_max);
    if job.cancel_requested && !job.state.is_terminal() {
        words.push_str(" · to be cancelled");
    }
    if let Some(standing) = standing(job) {
        let _ = write!(words, " · {standing}");
    } else if let Some(at) = job.progress {
        let _ = write!(words, " · {}", progress(&at, job.operations));
    }
    words
}

/// How far a running job is: `operation 1 of 2 (wait) · 40 %`.
pub(super) fn progress(at: &ProgressView, operations: u32) -> String {
    let percent = (f64::from(at.part) * 100.0).clamp(0.0, 100.0);
    format!("operation {} of {operations} ({}) · {percent:.0} %", at.operation + 1, at.kind)
}
