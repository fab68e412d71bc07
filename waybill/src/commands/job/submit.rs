//! `waybill job submit`: submits one job, and optionally waits for it.

use client::ConsoleClient;
use contract::{api::JobAccepted, operation::cli};
use serde_json::json;

use super::{
    details::{self, HeadLines},
    display_args::DisplayArgs,
    job_args::JobArgs,
};
use crate::{
    exit::{Exit, HELP},
    lab_args::LabArgs,
    last_job,
    terminal::{DIM, print, print_error, styled},
};

/// Submit a job
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{}\n\n{HELP}", cli::help()))]
pub(crate) struct SubmitJob {
    #[command(flatten)]
    body: JobArgs,
    #[command(flatten)]
    display: DisplayArgs,
    #[command(flatten)]
    lab: LabArgs,
}

impl SubmitJob {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let request = self.body.request()?;
        let accepted = gateway.submit(&request).await?;
        let name = request.body["name"].as_str().unwrap_or_default();
        let head = HeadLines::accepted(&accepted, name);
        if let Err(error) = last_job::store(gateway.url(), accepted.id) {
            print_error(&format!("waybill: cannot remember this job for `last`: {error:#}\n"));
        }
        if !self.display.follow.wait && !self.display.trace_args.trace {
            print_accepted(&accepted, &head, &console, self.display.json);
            return Ok(Exit::Success);
        }
        self.display.show_at_end(&gateway, &console, head).await
    }
}

fn print_accepted(
    accepted: &JobAccepted,
    head: &HeadLines<'_>,
    console: &ConsoleClient,
    json: bool,
) {
    if json {
        return print(&format!("{:#}\n", json!(accepted)));
    }
    details::print_head(head, console, false);
    let id = accepted.id;
    let hint = format!("to wait for it: waybill job show {id} --wait --trace");
    print(&format!("{}\n", styled(DIM, &hint)));
}
