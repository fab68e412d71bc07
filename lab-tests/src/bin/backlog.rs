//! Measures the cost of many waiting jobs for submitting, listing and reading: `make backlog`.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use lab_tests::{
    backlog::{self, BacklogOptions},
    waybill_beside,
};

/// Compares a lab with many waiting jobs with an empty one; exit code 1 if the queue slows down requests.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of waiting jobs.
    #[arg(long, default_value_t = 200_000)]
    jobs: usize,
    /// Number of requests of each kind in each lab.
    #[arg(long, default_value_t = 400)]
    samples: usize,
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
    let waybill = arguments.waybill.unwrap_or_else(waybill_beside);
    let options = BacklogOptions { waybill, jobs: arguments.jobs, samples: arguments.samples };
    let report = backlog::run(&options).await;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
    } else {
        println!("{report}");
    }
    ExitCode::from(u8::from(!report.is_flat()))
}
