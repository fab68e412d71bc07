//! `waybill doctor`: checks the requirements of a lab, and a running lab.

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
use report::{DoctorReport, Section};

/// Check the requirements of a lab and the health of a running one, with advice for each problem
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 the lab can start, or is running and healthy; 1 at least one check failed"
)]
pub(crate) struct DoctorCommand {
    #[command(flatten)]
    ports: PortArgs,
    /// The lab to check [default: the full lab if it is running, else the embedded lab]
    #[arg(long, env = "WAYBILL_LAB", value_name = "embedded|full", value_parser = settings::word::<Lab>)]
    lab: Option<Lab>,
    /// Data folder of the embedded lab; for a running lab, its own folder is checked
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

impl DoctorCommand {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let full = full::check().await?;
        // --port-base applies to the embedded lab only: the ports of the full one are in its compose.yaml.
        let meant =
            if full.runs && self.ports.port_base.is_none() { Lab::Full } else { Lab::Embedded };
        let wanted = self.lab.unwrap_or(meant);

        let mut embedded = vec![if self.fetch {
            broker::fetched(self.finder).await
        } else {
            broker::nats_server(&self.finder).await
        }];
        let ports = self.ports.ports();
        // For a running lab, check what it uses, not what the next one would.
        let lab = RunningLab::find(ports);
        let data_dir = lab.as_ref().map_or(&self.data_dir, |lab| &lab.data_dir);
        embedded.extend(folder::checks(data_dir, lab.is_some()));
        embedded.extend(running::checks(ports, &full.ports, lab.as_ref()).await?);
        embedded.extend(running::outgoing(ports));
        embedded.extend(stuck::checks(ports.gateway).await);
        let report = DoctorReport(vec![
            Section::new("embedded", "Embedded lab (waybill up)", wanted != Lab::Full, embedded),
            Section::new("both", "This machine", true, machine::checks().into()),
            Section::new("full", "Full lab (docker compose up)", wanted == Lab::Full, full.checks),
        ]);
        print(&if self.json { report.json() } else { report.words() });
        Ok(if report.failures() == 0 { Exit::Success } else { Exit::Failed })
    }
}
