//! `waybill job submit`: hands one job in, and follows it if asked to.

use contract::api::JobAccepted;
use serde_json::json;

use super::{
    body::Body,
    details,
    follow::{Follow, ended, exit},
    picture::Picture,
};
use crate::{
    client::Console,
    exit::{Exit, HELP},
    lab_args::LabArgs,
    request::OPERATIONS_HELP,
    terminal::{BOLD, DIM, print, styled},
};

/// Hand a job in
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{OPERATIONS_HELP}\n\n{HELP}"))]
pub(crate) struct Submit {
    #[command(flatten)]
    body: Body,
    #[command(flatten)]
    follow: Follow,
    #[command(flatten)]
    picture: Picture,
    /// Print JSON: what the gateway answered; with --wait the job, with --trace its spans in `trace`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Submit {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let accepted = gateway.submit(&self.body.request()?).await?;
        if !self.follow.wait && !self.picture.trace {
            tell(&accepted, &console, self.json);
            return Ok(Exit::Done);
        }
        let Some(job) = ended(&gateway, accepted.id, self.follow.limit()).await? else {
            let late = gateway.job(accepted.id).await?;
            details::show(&late, &console, None, self.json)?;
            return Ok(self.follow.time_up(&late));
        };
        let trace = self.picture.of(&job, &console).await?;
        details::show(&job, &console, trace.as_ref(), self.json)?;
        Ok(exit(&job))
    }
}

fn tell(accepted: &JobAccepted, console: &Console, json: bool) {
    if json {
        return print(&format!("{:#}\n", json!(accepted)));
    }
    let JobAccepted { id, state, trace_id } = accepted;
    print(&format!(
        "{} {id}  {state}\n{} {}\n{}\n",
        styled(BOLD, "job  "),
        styled(BOLD, "trace"),
        console.trace_page(trace_id),
        styled(DIM, &format!("see it end: waybill job show {id} --wait --trace")),
    ));
}
