//! `waybill doctor`: whether this machine has what a lab needs, and what to do where it has not.

mod broker;
mod check;
mod folder;
mod machine;
mod running;

use std::{fmt::Write as _, path::PathBuf};

use lab::{PortArgs, nats::FinderArgs};
use serde_json::json;

use crate::{
    exit::Exit,
    terminal::{DIM, clean_lines, print, styled},
};
use check::{Check, Status};

/// Check what a lab needs, and a lab that runs; say what to do where something is missing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 a lab can start, or one runs and is well; 1 something needed is missing"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    ports: PortArgs,
    /// Where the lab would keep its jobs and logs
    #[arg(long, env = "WAYBILL_DATA_DIR", value_name = "DIR", default_value = ".waybill")]
    data_dir: PathBuf,
    #[command(flatten)]
    finder: FinderArgs,
    /// Print JSON: every check with `status` (`ok`, `note`, `failed`, `skipped`), `found` and `advice`
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let mut checks = vec![broker::nats_server(&self.finder).await];
        checks.extend(folder::checks(&self.data_dir));
        checks.extend(machine::checks());
        checks.extend(running::checks(self.ports.ports()).await?);
        let failed = checks.iter().filter(|check| check.status == Status::Failed).count();
        if self.json {
            print(&format!("{:#}\n", json!({"ok": failed == 0, "checks": checks})));
        } else {
            print(&checks.iter().map(words).collect::<String>());
            print(&match failed {
                0 => "\nall is well\n".to_owned(),
                1 => "\none thing is missing\n".to_owned(),
                many => format!("\n{many} things are missing\n"),
            });
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }
}

fn words(check: &Check) -> String {
    let found = clean_lines(&check.found);
    let mark = styled(check.status.style(), &format!("{:<7}", check.status.name()));
    let mut text =
        format!("{mark} {:<12} {}\n", check.name, found.replace('\n', "\n                     "));
    if let Some(advice) = &check.advice {
        let _ = writeln!(text, "{:21}{}", "", styled(DIM, &format!("→ {advice}")));
    }
    text
}
