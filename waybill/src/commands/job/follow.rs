//! Waits for a job to end, with its progress on the terminal.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use client::{ClientError, GatewayClient};
use contract::{
    JobId,
    api::{JobView, ProgressView},
    state::JobState,
};
use tokio::time::sleep;

use super::blocked::{self, LeaseWatch};
use crate::{
    exit::Exit,
    terminal::{StatusLine, WARNING, print_error, styled},
};

/// Delay before the second poll; it grows.
const POLL_DELAY_FIRST: Duration = Duration::from_millis(50);
/// Longest delay between two polls.
const POLL_DELAY_MAX: Duration = Duration::from_millis(500);
/// How long the gateway may be unreachable: it may just be restarting.
const UNREACHABLE_MAX: Duration = Duration::from_secs(10);

/// Whether to wait for the job to end.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Display")]
pub(super) struct FollowArgs {
    /// Wait for the job to end; the exit code then says whether it succeeded
    #[arg(long)]
    pub(super) wait: bool,
    /// Timeout of --wait and of the wait for --trace, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait_limit: u64,
}

impl FollowArgs {
    /// The longest wait.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.wait_limit)
    }

    /// Reports that the wait timed out.
    pub(super) fn timed_out(&self, job: &JobView) -> Exit {
        let (state, limit) = (job.state, self.wait_limit);
        print_error(&format!("waybill: the job is still {state} after {limit} s\n"));
        Exit::Timeout
    }
}

/// The exit code of a command that waited for this job.
pub(super) fn exit(job: &JobView) -> Exit {
    if job.state == JobState::Succeeded { Exit::Success } else { Exit::JobNotSucceeded }
}

/// Waits until the job has ended; `None` on timeout.
pub(super) async fn wait_for_end(
    gateway: &GatewayClient,
    id: JobId,
    limit: Duration,
) -> Result<Option<JobView>, ClientError> {
    let started_at = Instant::now();
    let mut last_response = started_at;
    let mut delay = POLL_DELAY_FIRST;
    let mut line = StatusLine::default();
    let mut lease_watch = LeaseWatch::default();
    loop {
        match gateway.job(id).await {
            Ok(job) if job.state.is_terminal() => {
                line.clear();
                print_change(&mut lease_watch, &mut line, &job);
                return Ok(Some(job));
            }
            Ok(job) => {
                last_response = Instant::now();
                print_change(&mut lease_watch, &mut line, &job);
                line.show(&words(&job));
            }
            Err(error) if error.is_transient() && last_response.elapsed() < UNREACHABLE_MAX => {}
            Err(error) => {
                line.clear();
                return Err(error);
            }
        }
        if started_at.elapsed() >= limit {
            line.clear();
            return Ok(None);
        }
        sleep(delay.min(limit.saturating_sub(started_at.elapsed()))).await;
        delay = (delay * 3 / 2).min(POLL_DELAY_MAX);
    }
}

/// Prints a line when the worker of a job falls silent, or when another one has taken over.
fn print_change(lease_watch: &mut LeaseWatch, line: &mut StatusLine, job: &JobView) {
    if let Some(change) = lease_watch.change(job) {
        line.clear();
        print_error(&format!("{}\n", styled(WARNING, &change)));
    }
}

/// The state of a job, in one line.
pub(super) fn words(job: &JobView) -> String {
    let mut words =
        format!("{} · attempt {} of {}", job.state, job.attempts.max(1), job.attempts_max);
    if job.cancel_requested && !job.state.is_terminal() {
        words.push_str(" · cancellation requested");
    }
    if let Some(reason) = blocked::reason(job) {
        let _ = write!(words, " · {reason}");
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
