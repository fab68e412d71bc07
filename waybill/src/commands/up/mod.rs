//! `waybill up`: the embedded lab, from its first line to its last drained part.

mod first;
mod teller;
mod trickle;
mod words;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use lab::{
    Part,
    embedded::{Embedded, UpArgs, UpError},
    supervisor::PartState,
};
use service::stop::Stop;

use crate::{exit::Exit, lab_args::LabArgs};
use teller::Teller;
use trickle::Trickle;

/// Tiers of parts that are stopped one after the other, each within its grace: services, console, broker.
const TIERS: u64 = 3;
/// Seconds between two canaries, unless told.
const CANARY_SECONDS: u64 = 60;
/// Most jobs a second of the trickle: it keeps pages lively, it is no load test.
const TRICKLE_MAX: f64 = 100.0;

/// Start a lab on this machine: broker, four services and console, without containers
#[derive(Debug, clap::Args)]
#[command(after_help = words::HELP)]
pub(crate) struct Up {
    #[command(flatten)]
    lab: UpArgs,
    /// Small random jobs a second that keep the pages lively; 0 is off
    #[arg(long, env = "WAYBILL_TRICKLE", value_name = "N", default_value = "2", value_parser = jobs_a_second)]
    trickle: f64,
    /// Print JSON, one object a line: what happens, and in `ready` where everything is
    #[arg(long)]
    json: bool,
}

impl Up {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let began = Instant::now();
        let teller = Teller::start(self.json);
        let outcome = self.start_to_end(began, &teller).await;
        teller.finish();
        outcome
    }

    async fn start_to_end(mut self, began: Instant, teller: &Teller) -> anyhow::Result<Exit> {
        // A part that drains within its grace is never cut short; one that hangs is killed by the lab.
        let grace = self.lab.grace_seconds.saturating_add(5).saturating_mul(TIERS);
        let stop =
            Stop::on_signals(Duration::from_secs(grace)).context("cannot listen to signals")?;
        let waybill = std::env::current_exe().context("cannot find the waybill executable")?;
        let elsewhere = self.lab.otlp_endpoint.clone();
        // Whoever counts jobs wants no others, and telemetry that goes elsewhere is not found here.
        let quiet = self.trickle == 0.0 || elsewhere.is_some();
        self.lab.canary_seconds.get_or_insert(if quiet { 0 } else { CANARY_SECONDS });
        teller.tell(&words::starting(&self.lab.data_dir));
        let lab = match Embedded::up(self.lab.options(waybill, teller.report()), stop.soft.clone())
            .await
        {
            Ok(lab) => lab,
            Err(UpError::Stopped) => return Ok(Exit::Done),
            Err(error) => return Err(error.into()),
        };
        let address = LabArgs::on(lab.ports());
        let mut trickle = Trickle::new(address.gateway()?, self.trickle);
        teller.tell(&words::ready(&lab, &address, began.elapsed())?);
        tokio::select! {
            () = stop.soft.cancelled() => {}
            told = first::tell(&address, elsewhere.as_deref(), began) => {
                teller.tell(&told?);
                teller.tell(&words::lively(self.trickle, lab.ports()));
                trickle.run_until(&stop.soft).await;
            }
        }
        teller.tell(&words::stopping());
        let killed = tokio::select! {
            killed = lab.until_stopped() => killed,
            () = stop.hard.cancelled() => still_running(&lab),
        };
        teller.tell(&words::goodbye(began.elapsed(), trickle.counts(), &killed));
        Ok(Exit::Done)
    }
}

/// The parts that a second signal kills.
fn still_running(lab: &Embedded) -> Vec<Part> {
    let parts = lab.parts().into_iter();
    parts.filter(|status| status.state != PartState::Stopped).map(|status| status.part).collect()
}

fn jobs_a_second(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=TRICKLE_MAX).contains(number));
    number.ok_or_else(|| format!("must be 0 to {TRICKLE_MAX} jobs a second"))
}
