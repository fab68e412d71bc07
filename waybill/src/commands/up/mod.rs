//! `waybill up`: the embedded lab, from its first line to its last drained part.

mod environment;
mod first;
mod output;
mod printer;
mod trickle;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use lab::{
    LabEventSink, Part,
    embedded::{Embedded, EmbeddedOptions, UpArgs, UpError},
    ephemeral, silent,
    supervisor::PartState,
};
use runtime::stop::Stop;
use serde_json::json;

use crate::{
    environment::{self as render, SettingSources, user_environment},
    exit::Exit,
    lab_args::LabArgs,
    terminal::{WARNING, print, styled},
};
use environment::Environment;
use printer::Printer;
use trickle::Trickle;

/// Tiers that are stopped one after the other, each within its grace period: services, console, broker.
const TIERS: u64 = 3;
/// Default interval of the canary, in seconds.
const CANARY_SECONDS: u64 = 60;
/// Highest rate of the trickle, in jobs per second: it is no load test.
const TRICKLE_MAX: f64 = 100.0;

/// Start an embedded lab on this machine without containers: broker, four services and console
#[derive(Debug, clap::Args)]
#[command(after_help = output::HELP)]
pub(crate) struct UpCommand {
    #[command(flatten)]
    lab: UpArgs,
    /// Rate of small random jobs that the lab itself submits, in jobs per second; 0 turns them off
    #[arg(long, env = "WAYBILL_TRICKLE", value_name = "N", default_value = "2", value_parser = jobs_per_second)]
    trickle: f64,
    /// Print the settings of each part and where each comes from, without starting anything
    #[arg(long)]
    show_config: bool,
    /// Print JSON, one event per line; the event `ready` has the URLs
    #[arg(long)]
    json: bool,
    /// Source of the value of each flag.
    #[arg(skip)]
    sources: SettingSources,
}

impl UpCommand {
    /// Sets the source of the value of each flag.
    pub(crate) fn set_sources(&mut self, sources: SettingSources) {
        self.sources = sources;
    }

    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        if self.show_config {
            return self.show();
        }
        let started_at = Instant::now();
        let printer = Printer::start(self.json);
        let outcome = self.start_to_end(started_at, &printer).await;
        printer.finish();
        outcome
    }

    async fn start_to_end(self, started_at: Instant, printer: &Printer) -> anyhow::Result<Exit> {
        // A part that drains within its grace period is never cut short; the lab kills one that hangs.
        let grace = self.lab.grace_seconds.saturating_add(5).saturating_mul(TIERS);
        let stop =
            Stop::on_signals(Duration::from_secs(grace)).context("cannot listen to signals")?;
        let (options, environment) = self.plan(printer.report())?;
        printer.print(&output::starting(&options.data_dir));
        if let Some(warning) = ephemeral::warning(options.ports, options.processors) {
            printer.print(&output::warning(&warning));
        }
        for (variable, why) in &environment.ignored_variables {
            printer.print(&output::ignored_variables(variable, why));
        }
        let lab = match Embedded::up(options, stop.soft.clone()).await {
            Ok(lab) => lab,
            Err(UpError::Stopped) => return Ok(Exit::Success),
            Err(error) => return Err(error.into()),
        };
        let address = LabArgs::on(lab.ports());
        let mut trickle = Trickle::new(address.gateway()?, self.trickle);
        printer.print(&output::ready(&lab, &address, started_at.elapsed())?);
        tokio::select! {
            () = stop.soft.cancelled() => {}
            first = first::run(&address, environment.no_traces.as_deref(), started_at) => {
                printer.print(&first?);
                printer.print(&output::next_steps(self.trickle, lab.ports()));
                trickle.run_until(&stop.soft).await;
            }
        }
        printer.print(&output::stopping());
        let killed = tokio::select! {
            killed = lab.until_stopped() => killed,
            () = stop.hard.cancelled() => still_running(&lab),
        };
        printer.print(&output::ended(started_at.elapsed(), trickle.counts(), &killed));
        Ok(Exit::Success)
    }

    /// The options of the lab, and the settings of its parts.
    fn plan(&self, report: LabEventSink) -> anyhow::Result<(EmbeddedOptions, Environment)> {
        let waybill = std::env::current_exe().context("cannot find the waybill executable")?;
        let mut options = self.lab.clone().options(waybill, report);
        options.user = user_environment();
        let environment = Environment::read(&options, &self.sources)?;
        if self.lab.canary_seconds.is_some() {
            return Ok((options, environment));
        }
        // --trickle 0 is for counting jobs, which the canary would disturb; and if traces are not sent to
        // the console, the canary would not find them.
        let quiet = self.trickle == 0.0 || environment.no_traces.is_some();
        options.canary_seconds = if quiet { 0 } else { CANARY_SECONDS };
        let environment = Environment::read(&options, &self.sources)?;
        Ok((options, environment))
    }

    /// Prints the settings of each part.
    fn show(&self) -> anyhow::Result<Exit> {
        let (_, environment) = self.plan(silent())?;
        let Environment { parts, ignored_variables, .. } = environment;
        if self.json {
            let rows = |(name, why): (String, String)| json!({"name": name, "text": format!("{name} {why}")});
            let ignored_variables: Vec<_> = ignored_variables.into_iter().map(rows).collect();
            print(&format!(
                "{:#}\n",
                json!({"parts": render::as_json(&parts), "set_aside": ignored_variables})
            ));
        } else {
            print(&render::as_text(&parts));
            for (name, why) in ignored_variables {
                print(&format!("{}\n", styled(WARNING, &format!("{name} {why}"))));
            }
        }
        Ok(Exit::Success)
    }
}

/// The parts that a second signal kills.
fn still_running(lab: &Embedded) -> Vec<Part> {
    let parts = lab.parts().into_iter();
    parts.filter(|status| status.state != PartState::Stopped).map(|status| status.part).collect()
}

fn jobs_per_second(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number| (0.0..=TRICKLE_MAX).contains(number));
    number.ok_or_else(|| format!("must be 0 to {TRICKLE_MAX} jobs per second"))
}
