//! Says what many waiting jobs cost those who submit, list and read: `make backlog`.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use lab_tests::{
    backlog::{self, Options},
    waybill_beside,
};

/// Compares a lab in which many jobs wait with an empty one; ends with 1 when the queue is felt.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many jobs are to wait.
    #[arg(long, default_value_t = 200_000)]
    jobs: usize,
    /// How often each call is made in each lab.
    #[arg(long, default_value_t = 400)]
    samples: usize,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// The executable under test, unless it lies beside this one.
    #[arg(long, value_name = "PATH")]
    waybill: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let waybill = arguments.waybill.unwrap_or_else(waybill_beside);
    let options = Options { waybill, jobs: arguments.jobs, samples: arguments.samples };
    let report = backlog::run(&options).await;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
    } else {
        println!("{report}");
    }
    ExitCode::from(u8::from(!report.is_flat()))
}
