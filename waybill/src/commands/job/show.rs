//! `waybill job show`: one job.

use super::{find::Which, see::See};
use crate::{exit::Exit, lab_args::LabArgs};

/// Show one job, and its trace if asked to
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    see: See,
    #[command(flatten)]
    lab: LabArgs,
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.which.find(&gateway).await?;
        self.see.show(&gateway, &console, id, self.see.follow.wait).await
    }
}
