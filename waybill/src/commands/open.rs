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

/// Open the trace of a job in the browser; without a job, open the console
#[derive(Debug, clap::Args)]
pub(crate) struct OpenCommand {
    /// The id of the job, the last digits of it (newest 500 jobs only), or `last` for the job you submitted last
    #[arg(value_name = "ID|last")]
    job: Option<String>,
    /// Print the URL without opening a browser
    #[arg(long)]
    print: bool,
    /// Print JSON: the URL in `url`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl OpenCommand {
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
                    bail!("the gateway returned an invalid trace id: {trace_id}");
                }
                console.trace_page(&trace_id)
            }
        };
        // Always print it: the browser may be on another machine, or may fail without an error.
        if self.json {
            print(&format!("{}\n", json!({ "url": url })));
        } else {
            print(&format!("{url}\n"));
        }
        if !self.print
            && let Err(error) = opener::open_browser(&url)
        {
            print_error(&format!("waybill: cannot open a browser here ({error})\n"));
        }
        Ok(Exit::Success)
    }
}
