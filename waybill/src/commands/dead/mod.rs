//! `waybill dead`: dead letters.

mod confirm;
mod drop;
mod list;
mod redrive;
mod show;

use contract::Stage;

use crate::exit::Exit;

/// List, show, redrive and delete dead letters
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DeadCommand {
    List(list::ListDeadLetters),
    Show(show::ShowDeadLetter),
    Redrive(redrive::RedriveDeadLetters),
    Drop(drop::DeleteDeadLetters),
}

impl DeadCommand {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Redrive(redrive) => redrive.run().await,
            Self::Drop(drop) => drop.run().await,
        }
    }
}

/// Reads the name of a stage.
fn stage(text: &str) -> Result<Stage, String> {
    Stage::named(text).ok_or_else(|| {
        let names: Vec<&str> = Stage::ALL.into_iter().map(Stage::name).collect();
        format!("no such stage; must be one of {}", names.join(", "))
    })
}
