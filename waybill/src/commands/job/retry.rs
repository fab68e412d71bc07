//! `waybill job retry`: a new round for a job that has ended.

use super::{display_args::DisplayArgs, find::Which};
use crate::{exit::Exit, lab_args::LabArgs};

/// Retry a job that failed, died or was cancelled, in the same trace
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
        let wait = self.display.follow.wait || self.display.picture.trace;
        self.display.show(&gateway, &console, id, wait).await
    }
}
