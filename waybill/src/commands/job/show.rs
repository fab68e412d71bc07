//! `waybill job show`: one job.

use super::{display_args::DisplayArgs, find::JobSelector};
use crate::{exit::Exit, lab_args::LabArgs};

/// Show one job, and with --trace its trace
#[derive(Debug, clap::Args)]
pub(crate) struct ShowJob {
    #[command(flatten)]
    job: JobSelector,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    lab: LabArgs,
}

impl ShowJob {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.job.find(&gateway).await?;
        self.display.show(&gateway, &console, id, self.display.follow.wait).await
    }
}
