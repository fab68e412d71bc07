//! `waybill job retry`: a new round for a job that has ended.

use super::{display_args::DisplayArgs, find::JobSelector};
use crate::{exit::Exit, lab_args::LabArgs};

/// Retry a job that failed, died or was cancelled, in the same trace
#[derive(Debug, clap::Args)]
pub(crate) struct RetryJob {
    #[command(flatten)]
    job: JobSelector,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    lab: LabArgs,
}

impl RetryJob {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.job.find(&gateway).await?;
        gateway.retry(id).await?;
        let wait = self.display.follow.wait || self.display.trace_args.trace;
        self.display.show(&gateway, &console, id, wait).await
    }
}
