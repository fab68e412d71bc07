//! `waybill job cancel`: stops a job.

use contract::state::JobState;

use super::{
    details,
    find::Which,
    follow::{Follow, ended},
};
use crate::{exit::Exit, lab_args::LabArgs, terminal::print_error};

/// Stop a job; one that runs stops at its next step
#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    follow: Follow,
    /// Print JSON: the job as the gateway answered
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Cancel {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.which.find(&gateway).await?;
        let mut job = gateway.cancel(id).await?;
        if self.follow.wait && !job.state.is_terminal() {
            let end = ended(&gateway, id, self.follow.limit()).await?;
            job = match end {
                Some(end) => end,
                None => gateway.job(id).await?,
            };
        }
        details::show(&job, &console, None, self.json, details::Head::Wanted)?;
        Ok(match job.state {
            _ if !self.follow.wait => Exit::Done,
            JobState::Cancelled => Exit::Done,
            state if state.is_terminal() => {
                print_error(&format!("waybill: the job ended as {state} before it was stopped\n"));
                Exit::JobNotSucceeded
            }
            _ => self.follow.time_up(&job),
        })
    }
}
