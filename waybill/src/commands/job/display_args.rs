//! The flags for displaying a job, shared by every command that shows one.

use std::time::Duration;

use client::{ConsoleClient, GatewayClient};
use contract::{JobId, api::JobView};
use tokio::{signal::ctrl_c, time::timeout};

use super::{
    details::{self, HeadLines, HeadState},
    follow::{FollowArgs, exit, wait_for_end},
    trace_args::TraceArgs,
};
use crate::exit::Exit;

/// Timeout of the last query of an interrupted command.
const LAST_QUERY_TIMEOUT: Duration = Duration::from_secs(3);

/// Whether to wait for the job, what to draw, and the output format.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DisplayArgs {
    #[command(flatten)]
    pub(super) follow: FollowArgs,
    #[command(flatten)]
    pub(super) trace_args: TraceArgs,
    /// Print the response of the gateway as JSON; with --trace, its spans are in `trace`
    #[arg(long)]
    pub(super) json: bool,
}

impl DisplayArgs {
    /// Shows the job as it is now, or waits for its end first.
    pub(super) async fn show(
        &self,
        gateway: &GatewayClient,
        console: &ConsoleClient,
        id: JobId,
        wait: bool,
    ) -> anyhow::Result<Exit> {
        let job = gateway.job(id).await?;
        if wait {
            return self.show_at_end(gateway, console, HeadLines::of(&job)).await;
        }
        self.print(&job, console, HeadState::NotPrinted).await?;
        Ok(Exit::Success)
    }

    /// Prints the head lines, waits for the job to end and shows it. If interrupted, shows its current state.
    pub(super) async fn show_at_end(
        &self,
        gateway: &GatewayClient,
        console: &ConsoleClient,
        head: HeadLines<'_>,
    ) -> anyhow::Result<Exit> {
        details::print_head(&head, console, self.json);
        let id = head.id;
        let end = tokio::select! {
            end = wait_for_end(gateway, id, self.follow.limit()) => end?,
            _interrupted = ctrl_c() => return self.interrupted(gateway, console, id).await,
        };
        let shown = async {
            let job = match end {
                Some(end) => end,
                None => gateway.job(id).await?,
            };
            self.print(&job, console, HeadState::Printed).await?;
            anyhow::Ok(if job.state.is_terminal() {
                exit(&job)
            } else {
                self.follow.timed_out(&job)
            })
        };
        tokio::select! {
            shown = shown => shown,
            _interrupted = ctrl_c() => Ok(Exit::Interrupted),
        }
    }

    /// After Ctrl-C: shows the current state, unless that takes too long or Ctrl-C is pressed again.
    async fn interrupted(
        &self,
        gateway: &GatewayClient,
        console: &ConsoleClient,
        id: JobId,
    ) -> anyhow::Result<Exit> {
        let query =
            async { self.print(&gateway.job(id).await?, console, HeadState::Printed).await };
        let query = timeout(LAST_QUERY_TIMEOUT, query);
        tokio::select! {
            result = query => {
                if let Ok(result) = result {
                    result?;
                }
            }
            _again = ctrl_c() => {}
        }
        Ok(Exit::Interrupted)
    }

    async fn print(
        &self,
        job: &JobView,
        console: &ConsoleClient,
        head: HeadState,
    ) -> anyhow::Result<()> {
        let trace = self.trace_args.of(job, console).await?;
        details::show(job, console, trace.as_ref(), self.json, head)
    }
}
