//! `waybill job`: submits, shows, cancels and retries jobs.

mod blocked;
mod cancel;
mod details;
mod display_args;
mod find;
mod follow;
mod job_args;
mod list;
mod retry;
mod show;
mod submit;
mod trace_args;
mod watch;

use crate::exit::Exit;

pub(crate) use blocked::lease_text;
pub(crate) use find::find;

/// Submit, list, show, watch, cancel and retry jobs
#[derive(Debug, clap::Subcommand)]
pub(crate) enum JobCommand {
    Submit(submit::SubmitJob),
    List(list::ListJobs),
    Show(show::ShowJob),
    Watch(watch::WatchJob),
    Cancel(cancel::CancelJob),
    Retry(retry::RetryJob),
}

impl JobCommand {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Submit(submit) => submit.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Watch(watch) => watch.run().await,
            Self::Cancel(cancel) => cancel.run().await,
            Self::Retry(retry) => retry.run().await,
        }
    }
}
