//! `waybill dead drop`: deletes dead letters.

use serde_json::json;

use super::confirm::ConfirmArgs;
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{print, print_error},
};

/// Delete dead letters permanently, after confirmation
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteDeadLetters {
    /// Sequence numbers of the dead letters
    #[arg(required = true, num_args = 1..=500)]
    seq: Vec<u64>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Print JSON; `dropped` lists the deleted sequence numbers
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl DeleteDeadLetters {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        let question = match *self.seq.as_slice() {
            [only] => {
                let found = gateway.dead_letter(only).await?.letter;
                format!(
                    "Delete dead letter {only} ({}: {}) permanently?",
                    found.stage, found.reason
                )
            }
            _ => format!("Delete {} dead letters permanently?", self.seq.len()),
        };
        if !self.confirm.ask(&question)? {
            return Ok(Exit::Failed);
        }
        let mut deleted = Vec::new();
        let outcome = async {
            for seq in &self.seq {
                gateway.delete_dead_letter(*seq).await?;
                deleted.push(*seq);
            }
            anyhow::Ok(())
        }
        .await;
        if self.json {
            print(&format!("{}\n", json!({ "dropped": deleted })));
        } else if !deleted.is_empty() {
            let seqs: Vec<String> = deleted.iter().map(u64::to_string).collect();
            print(&format!("deleted {}\n", seqs.join(", ")));
        }
        if deleted.len() < self.seq.len() {
            print_error(&format!(
                "waybill: {} dead letters were not deleted\n",
                self.seq.len() - deleted.len()
            ));
        }
        outcome.map(|()| Exit::Success)
    }
}
