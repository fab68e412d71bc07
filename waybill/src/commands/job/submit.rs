//! `waybill job submit`: hands one job in, and follows it if asked to.

use contract::api::JobAccepted;
use serde_json::json;

use super::{body::Body, see::See};
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
    see: See,
    #[command(flatten)]
    lab: LabArgs,
}

impl Submit {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let (gateway, console) = (self.lab.gateway()?, self.lab.console()?);
        let accepted = gateway.submit(&self.body.request()?).await?;
        if !self.see.follow.wait && !self.see.picture.trace {
            tell(&accepted, &console, self.see.json);
            return Ok(Exit::Done);
        }
        self.see.show(&gateway, &console, accepted.id, true).await
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
