//! `waybill job show`: one job.

use super::{display_args::DisplayArgs, find::Which};
use crate::{exit::Exit, lab_args::LabArgs};

/// Show one job, and with --trace its trace
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    lab: LabArgs,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.which.find(&gateway).await?;
        self.display.show(&gateway, &console, id, self.display.follow.wait).await
    }
}
