//! `waybill load`: a load test, with the outcome of every job and event sent.

mod mix_args;
mod output;
mod pace_args;
mod range_arg;

use std::{cell::RefCell, time::Duration};

use anyhow::Context as _;
use clap::value_parser;
use runtime::stop::Stop;
use serde_json::json;

use crate::{
    exit::{Exit, HELP},
    lab_args::LabArgs,
    load::{self, LoadEnd, LoadLimits, LoadTarget, plan::LoadPlan, report::LoadReport},
    terminal::{StatusLine, print, print_error},
};
use mix_args::MixArgs;
use pace_args::PaceArgs;

/// Default duration.
const TIME_DEFAULT: Duration = Duration::from_secs(10);
/// Longest wait for accepted jobs to end, in seconds.
const WAIT_SECONDS_MAX: u64 = 86_400;

/// Run a load test: submit jobs and raw events, and report the outcome of each
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{}\n\n{HELP}", output::HELP))]
pub(crate) struct LoadCommand {
    #[command(flatten)]
    pace: PaceArgs,
    /// Duration of the load, in minutes
    #[arg(long, value_name = "N", help_heading = "Amount", value_parser = value_parser!(u64).range(1..=1_440))]
    minutes: Option<u64>,
    /// Duration of the load, in seconds [default: 10, unless --jobs or --minutes is given]
    #[arg(long, value_name = "N", help_heading = "Amount", conflicts_with = "minutes", value_parser = value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Maximum number of jobs and events to send
    #[arg(long, value_name = "N", help_heading = "Amount", value_parser = value_parser!(u64).range(1..=load::JOBS_MAX))]
    jobs: Option<u64>,
    #[command(flatten)]
    mix: MixArgs,
    /// Seed of the random choices: the same seed repeats jobs, faults and timing [default: random, and printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Maximum number of concurrent requests; further items wait, and their latency includes that wait
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = count_up_to(load::IN_FLIGHT_MAX))]
    in_flight: u64,
    /// How long to wait for accepted jobs to end after the last item was sent
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(0..=WAIT_SECONDS_MAX))]
    wait_limit: u64,
    /// Maximum number of retries of a submission without a definite response, under an idempotency key
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = value_parser!(u32).range(0..=i64::from(load::REPEATS_MAX)))]
    repeat: u32,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl LoadCommand {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let target = LoadTarget::of(self.lab.gateway()?, self.lab.ingester()?);
        let json = self.json;
        let load = self.load()?;
        // Print the seed first: a run that is killed can be repeated too.
        let start = output::starting(&load);
        if json {
            print_error(&start);
        } else {
            print(&start);
        }
        let stop = Stop::on_signals(load::TIME_MAX).context("cannot listen to signals")?;
        let line = RefCell::new(StatusLine::default());
        let report = load
            .run(&target, &stop, |progress| {
                line.borrow_mut().show(&output::progress(progress, &load.end));
            })
            .await;
        line.borrow_mut().clear();
        let report = report?;
        if json {
            print(&format!("{:#}\n", json!(report)));
        } else {
            print(&output::summary(&report));
        }
        Ok(exit(&report))
    }

    fn load(self) -> anyhow::Result<load::LoadRun> {
        let seed = self.seed.unwrap_or_else(rand::random);
        let time = self.minutes.map(Duration::from_mins).or(self.seconds.map(Duration::from_secs));
        let time = match (time, self.jobs) {
            (Some(time), _) => time,
            (None, Some(_)) => load::TIME_MAX,
            (None, None) => TIME_DEFAULT,
        };
        let limits = LoadLimits {
            in_flight: usize::try_from(self.in_flight)?,
            wait: Duration::from_secs(self.wait_limit),
            repeats: self.repeat,
            ..LoadLimits::default()
        };
        Ok(load::LoadRun {
            plan: LoadPlan::new(seed, self.mix.mix()?),
            pace: self.pace.pace(),
            end: LoadEnd { jobs: self.jobs.unwrap_or(load::JOBS_MAX), time },
            limits,
        })
    }
}

fn exit(report: &LoadReport) -> Exit {
    if report.broken_off {
        return Exit::Interrupted;
    }
    if report.is_empty() {
        print_error("waybill: the lab accepted none of the jobs and events\n");
        return Exit::Failed;
    }
    if !report.is_complete() {
        print_error("waybill: some accepted jobs or events did not end within --wait-limit\n");
        return Exit::Timeout;
    }
    Exit::Success
}

fn count_up_to(max: usize) -> clap::builder::RangedU64ValueParser<u64> {
    value_parser!(u64).range(1..=u64::try_from(max).unwrap_or(u64::MAX))
}
