//! `waybill job retry`: a new round for a job that has ended.

use super::{display_args::DisplayArgs, find::Which};
use crate::{exit::Exit, lab_args::LabArgs};

/// Start a job again that ended without success; its trace goes on
#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    lab: LabArgs,
}

impl Retry {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.which.find(&gateway).await?;
        gateway.retry(id).await?;
        let to_its_end = self.display.follow.wait || self.display.picture.trace;
        self.display.show(&gateway, &console, id, to_its_end).await
    }
}
