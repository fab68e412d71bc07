//! `waybill doctor`: whether this machine has what a lab needs, and what to do where it has not.

mod broker;
mod check;
mod folder;
mod full;
mod jobs;
mod machine;
mod report;
mod running;
mod stuck;

use std::path::PathBuf;

use lab::{PortArgs, embedded::RunningLab, nats::FinderArgs};

use crate::{exit::Exit, terminal::print};
use report::{Report, Section};

/// Check what a lab needs, and a lab that runs; say what to do where something is missing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 the lab can start, or runs and is well; 1 something is not as it should be"
)]
pub(crate) struct Doctor {
    #[command(flatten)]
    ports: PortArgs,
    /// The lab that must be able to start [default: the full one if it runs, else the embedded one]
    #[arg(long, env = "WAYBILL_LAB", value_name = "embedded|full", value_parser = settings::word::<Lab>)]
    lab: Option<Lab>,
    /// Where the embedded lab would keep its jobs and logs; of one that runs, its own folder is looked at
    #[arg(long, env = "WAYBILL_DATA_DIR", value_name = "DIR", default_value = ".waybill")]
    data_dir: PathBuf,
    #[command(flatten)]
    finder: FinderArgs,
    /// Fetch nats-server now if there is none, so that the next start needs no network
    #[arg(long)]
    fetch: bool,
    /// Print JSON: every check with `lab`, `status` (`ok`, `note`, `failed`, `skipped`), `found` and `advice`
    #[arg(long)]
    json: bool,
}

/// The two labs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lab {
    /// `waybill up`: no Docker
    Embedded,
    /// `docker compose up`: with collector, Tempo, Loki, Prometheus and Grafana
    Full,
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let full = full::look().await?;
        // Whoever moves a lab means the embedded one: the full one's ports are in its file.
        let meant =
            if full.runs && self.ports.port_base.is_none() { Lab::Full } else { Lab::Embedded };
        let wanted = self.lab.unwrap_or(meant);

        let mut embedded = vec![if self.fetch {
            broker::fetched(self.finder).await
        } else {
            broker::nats_server(&self.finder).await
        }];
        let ports = self.ports.ports();
        // What a lab that runs uses counts, not what the next one would.
        let lab = RunningLab::find(ports);
        let data_dir = lab.as_ref().map_or(&self.data_dir, |lab| &lab.data_dir);
        embedded.extend(folder::checks(data_dir, lab.is_some()));
        embedded.extend(running::checks(ports, &full.ports, lab.as_ref()).await?);
        embedded.extend(running::outgoing(ports));
        embedded.extend(stuck::checks(ports.gateway).await);
        let report = Report(vec![
            Section::new("embedded", "Embedded lab (waybill up)", wanted != Lab::Full, embedded),
            Section::new("both", "This machine", true, machine::checks().into()),
            Section::new("full", "Full lab (docker compose up)", wanted == Lab::Full, full.checks),
        ]);
        print(&if self.json { report.json() } else { report.words() });
        Ok(if report.failures() == 0 { Exit::Done } else { Exit::Failed })
    }
}
