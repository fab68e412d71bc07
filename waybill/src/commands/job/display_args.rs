//! What to see of a job: the one group of flags for every command that shows one.

use std::time::Duration;

use contract::{JobId, api::JobView};
use tokio::{signal::ctrl_c, time::timeout};

use super::{
    details::{self, Head, HeadLines},
    follow::{Follow, ended, exit},
    picture::Picture,
};
use crate::{
    client::{Console, Gateway},
    exit::Exit,
};

/// How long an interrupted command may take to ask for what there is to print.
const LAST_LOOK_LIMIT: Duration = Duration::from_secs(3);

/// Whether to see the job through, what to draw of it, and in which form.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DisplayArgs {
    #[command(flatten)]
    pub(super) follow: Follow,
    #[command(flatten)]
    pub(super) picture: Picture,
    /// Print JSON: what the gateway answered; with --trace its spans in `trace`
    #[arg(long)]
    pub(super) json: bool,
}

impl DisplayArgs {
    /// Shows the job as it is now, or sees it through `to_its_end`.
    pub(super) async fn show(
        &self,
        gateway: &Gateway,
        console: &Console,
        id: JobId,
        to_its_end: bool,
    ) -> anyhow::Result<Exit> {
        let job = gateway.job(id).await?;
        if to_its_end {
            return self.to_its_end(gateway, console, HeadLines::of(&job)).await;
        }
        self.print(&job, console, Head::Wanted).await?;
        Ok(Exit::Done)
    }

    /// Says which job it is and where its trace is, waits for its end and shows that. Interrupted, it shows what
    /// there is.
    pub(super) async fn to_its_end(
        &self,
        gateway: &Gateway,
        console: &Console,
        head: HeadLines<'_>,
    ) -> anyhow::Result<Exit> {
        details::print_head(&head, console, self.json);
        let id = head.id;
        let end = tokio::select! {
            end = ended(gateway, id, self.follow.limit()) => end?,
            _interrupted = ctrl_c() => return self.interrupted(gateway, console, id).await,
        };
        let shown = async {
            let job = match end {
                Some(end) => end,
                None => gateway.job(id).await?,
            };
            self.print(&job, console, Head::Printed).await?;
            anyhow::Ok(if job.state.is_terminal() { exit(&job) } else { self.follow.time_up(&job) })
        };
        tokio::select! {
            shown = shown => shown,
            _interrupted = ctrl_c() => Ok(Exit::Interrupted),
        }
    }

    /// Ctrl-C: what there is, unless that takes long or there is a second one.
    async fn interrupted(
        &self,
        gateway: &Gateway,
        console: &Console,
        id: JobId,
    ) -> anyhow::Result<Exit> {
        let look = async { self.print(&gateway.job(id).await?, console, Head::Printed).await };
        let look = timeout(LAST_LOOK_LIMIT, look);
        tokio::select! {
            looked = look => {
                if let Ok(looked) = looked {
                    looked?;
                }
            }
            _again = ctrl_c() => {}
        }
        Ok(Exit::Interrupted)
    }

    async fn print(&self, job: &JobView, console: &Console, head: Head) -> anyhow::Result<()> {
        let trace = self.picture.of(job, console).await?;
        details::show(job, console, trace.as_ref(), self.json, head)
    }
}
