//! Runs the chaos harness: `make chaos`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use contract::topology::{ACK_WAIT, ACK_WAITS};
use lab_tests::{
    chaos::{self, ChaosOptions},
    waybill_beside,
};

/// Injects faults into a lab under load, by a schedule that a seed replays; exit code 1 on any violation.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of jobs.
    #[arg(long, default_value_t = 5_000)]
    jobs: usize,
    /// Highest rate, in jobs per second; lower if not every kind of fault would fit into the run.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// Seed: replays the schedule and the jobs of an earlier run.
    #[arg(long, env = "WAYBILL_TEST_SEED")]
    seed: Option<u64>,
    /// Ack wait of the lab; with 2s, twice as many faults fit into a run.
    #[arg(long, value_name = "DURATION", value_parser = settings::duration(ACK_WAITS))]
    ack_wait: Option<Duration>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// The executable under test, unless it is in the folder of this one.
    #[arg(long, value_name = "PATH")]
    waybill: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let report = chaos::run(&ChaosOptions {
        waybill: arguments.waybill.unwrap_or_else(waybill_beside),
        seed: arguments.seed.unwrap_or_else(rand::random),
        jobs: arguments.jobs,
        rate: arguments.rate,
        ack_wait: arguments.ack_wait.unwrap_or(ACK_WAIT),
    })
    .await;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
    } else {
        println!("{report}");
    }
    ExitCode::from(u8::from(!report.is_clean()))
}
