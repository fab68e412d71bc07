//! `waybill job`: hand jobs in and look at them.

mod body;
mod details;
mod follow;
mod list;
mod picture;
mod show;
mod submit;

use crate::exit::Exit;

/// Hand jobs in, and look at them
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Job {
    Submit(submit::Submit),
    List(list::List),
    Show(show::Show),
}

impl Job {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Submit(submit) => submit.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}
