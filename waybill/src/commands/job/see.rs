//! What to see of a job: the one group of flags for every command that shows one.

use contract::JobId;

use super::{
    details,
    follow::{Follow, ended, exit},
    picture::Picture,
};
use crate::{
    client::{Console, Gateway},
    exit::Exit,
};

/// Whether to see the job through, what to draw of it, and in which form.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct See {
    #[command(flatten)]
    pub(super) follow: Follow,
    #[command(flatten)]
    pub(super) picture: Picture,
    /// Print JSON: what the gateway answered; with --trace its spans in `trace`
    #[arg(long)]
    pub(super) json: bool,
}

impl See {
    /// Shows the job; first waits for its end if `to_its_end`, and then says how it ended.
    pub(super) async fn show(
        &self,
        gateway: &Gateway,
        console: &Console,
        id: JobId,
        to_its_end: bool,
    ) -> anyhow::Result<Exit> {
        let end = if to_its_end { ended(gateway, id, self.follow.limit()).await? } else { None };
        let job = match end {
            Some(end) => end,
            None => gateway.job(id).await?,
        };
        let trace = self.picture.of(&job, console).await?;
        details::show(&job, console, trace.as_ref(), self.json)?;
        Ok(match to_its_end {
            false => Exit::Done,
            true if job.state.is_terminal() => exit(&job),
            true => self.follow.time_up(&job),
        })
    }
}
