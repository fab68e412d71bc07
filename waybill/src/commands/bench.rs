//! `waybill bench`: the cost of the lab, as ratios within one run.

use std::time::Duration;

use anyhow::Context as _;
use lab::{PORT_BASE_MAX, PORT_BASE_MIN, Ports, ephemeral, nats::FinderArgs};

use crate::{
    bench::Bench,
    exit::Exit,
    terminal::{print, print_error},
};

/// Longest measurement, in seconds.
const SECONDS_MAX: u64 = 600;

/// Measure throughput, latency and the cost of telemetry, against a bare relay on the same machine
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every variant is a fresh lab on free ports, beside any running lab; but nothing else should run on the
machine. A run takes about rounds × 6 × (seconds + warm-up + 3 s).")]
pub(crate) struct BenchCommand {
    /// First port of the measured labs [default: free ports]
    #[arg(long, value_name = "N", value_parser = settings::whole(PORT_BASE_MIN..=PORT_BASE_MAX))]
    port_base: Option<u16>,
    #[command(flatten)]
    finder: FinderArgs,
    /// Number of measurements of each variant
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Duration of each measurement, in seconds
    #[arg(long, value_name = "S", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// Warm-up before each measurement, in seconds
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=SECONDS_MAX))]
    warm_up: u64,
    /// Number of unfinished jobs at any moment
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    in_flight: u16,
    /// Number of processors
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(lab::embedded::PROCESSORS_MAX)))]
    processors: u16,
    /// Percentage of the full load at which latency is measured
    #[arg(long, value_name = "PERCENT", default_value_t = 70, value_parser = clap::value_parser!(u8).range(1..=100))]
    load: u8,
    /// Print one JSON object; the ratios are under `ratios`
    #[arg(long)]
    json: bool,
}

impl BenchCommand {
    /// The ports of the labs: never those of a running lab, whatever the environment says.
    fn ports(&self) -> anyhow::Result<Ports> {
        match self.port_base {
            Some(base) => Ok(Ports::from_base(base)),
            None => ephemeral::free(self.processors)
                .context("no block of free ports found: choose one with --port-base"),
        }
    }

    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let bench = Bench {
            waybill: std::env::current_exe().context("cannot find the waybill executable")?,
            ports: self.ports()?,
            finder: self.finder,
            rounds: self.rounds,
            in_flight: usize::from(self.in_flight),
            processors: self.processors,
            warm_up: Duration::from_secs(self.warm_up),
            measured: Duration::from_secs(self.seconds),
            load: f64::from(self.load) / 100.0,
        };
        let report = tokio::select! {
            report = bench.run(&|line| print_error(&format!("{line}\n"))) => report?,
            // Dropping the running lab kills it.
            _stopped = tokio::signal::ctrl_c() => return Ok(Exit::Failed),
        };
        if self.json {
            print(&format!("{}\n", serde_json::to_string_pretty(&report)?));
        } else {
            print(&report.to_string());
        }
        Ok(Exit::Success)
    }
}
