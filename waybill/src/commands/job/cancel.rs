//! `waybill job cancel`: cancels a job.

use contract::state::JobState;

use super::{
    details,
    find::JobSelector,
    follow::{FollowArgs, wait_for_end},
};
use crate::{exit::Exit, lab_args::LabArgs, terminal::print_error};

/// Cancel a job; a running one stops at its next checkpoint
#[derive(Debug, clap::Args)]
pub(crate) struct CancelJob {
    #[command(flatten)]
    job: JobSelector,
    #[command(flatten)]
    follow: FollowArgs,
    /// Print the response of the gateway as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl CancelJob {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let id = self.job.find(&gateway).await?;
        let mut job = gateway.cancel(id).await?;
        if self.follow.wait && !job.state.is_terminal() {
            let end = wait_for_end(&gateway, id, self.follow.limit()).await?;
            job = match end {
                Some(end) => end,
                None => gateway.job(id).await?,
            };
        }
        details::show(&job, &console, None, self.json, details::HeadState::NotPrinted)?;
        Ok(match job.state {
            _ if !self.follow.wait => Exit::Success,
            JobState::Cancelled => Exit::Success,
            state if state.is_terminal() => {
                print_error(&format!(
                    "waybill: the job ended as {state} before it could be cancelled\n"
                ));
                Exit::JobNotSucceeded
            }
            _ => self.follow.timed_out(&job),
        })
    }
}
