//! `waybill open`: a job's trace, or the console's front page, in the browser.

use anyhow::bail;
use serde_json::json;

use super::job::find;
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{print, print_error},
};

/// Digits of a trace id.
const TRACE_DIGITS: usize = 32;

/// Show a job's trace in the browser; without a job the console's front page
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// A job's id, the last digits of the id of one of the newest 500 jobs, or `last` for the one you submitted last
    #[arg(value_name = "ID|last")]
    job: Option<String>,
    /// Only print the address
    #[arg(long)]
    print: bool,
    /// Print JSON: the address in `url`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Open {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let console = self.lab.console()?;
        let url = match &self.job {
            None => format!("{}/", console.url()),
            Some(job) => {
                let gateway = self.lab.gateway()?;
                let id = find(&gateway, job).await?;
                let trace_id = gateway.job(id).await?.trace_id;
                // It becomes part of a command line.
                if trace_id.len() != TRACE_DIGITS
                    || !trace_id.bytes().all(|b| b.is_ascii_hexdigit())
                {
                    bail!("the job's trace id is none: {trace_id}");
                }
                console.trace_page(&trace_id)
            }
        };
        // Told in any case: the browser may be on another machine, and whether one came up is not known.
        if self.json {
            print(&format!("{}\n", json!({ "url": url })));
        } else {
            print(&format!("{url}\n"));
        }
        if !self.print
            && let Err(error) = opener::open_browser(&url)
        {
            print_error(&format!("waybill: no browser can be started here ({error})\n"));
        }
        Ok(Exit::Done)
    }
}
