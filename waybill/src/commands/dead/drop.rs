//! `waybill dead drop`: removes dead letters for good.

use serde_json::json;

use super::confirm::Confirm;
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{print, print_error},
};

/// Remove dead letters for good; asks before
#[derive(Debug, clap::Args)]
pub(crate) struct Drop {
    /// Their places in the list
    #[arg(required = true, num_args = 1..=500)]
    seq: Vec<u64>,
    #[command(flatten)]
    confirm: Confirm,
    /// Print JSON: the places in `dropped`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Drop {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        let question = match *self.seq.as_slice() {
            [only] => {
                let letter = gateway.dead_letter(only).await?.letter;
                format!("Drop dead letter {only} ({}: {}) for good?", letter.stage, letter.reason)
            }
            _ => format!("Drop {} dead letters for good?", self.seq.len()),
        };
        if !self.confirm.ask(&question)? {
            return Ok(Exit::Failed);
        }
        let mut dropped = Vec::new();
        let outcome = async {
            for seq in &self.seq {
                gateway.drop_letter(*seq).await?;
                dropped.push(*seq);
            }
            anyhow::Ok(())
        }
        .await;
        if self.json {
            print(&format!("{}\n", json!({ "dropped": dropped })));
        } else if !dropped.is_empty() {
            let seqs: Vec<String> = dropped.iter().map(u64::to_string).collect();
            print(&format!("dropped {}\n", seqs.join(", ")));
        }
        if dropped.len() < self.seq.len() {
            print_error(&format!("waybill: {} not dropped\n", self.seq.len() - dropped.len()));
        }
        outcome.map(|()| Exit::Done)
    }
}
