//! A job's trace, drawn below its details.

use std::time::{Duration, Instant};

use contract::api::JobView;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    client::{ClientError, Console},
    terminal,
    trace::{Trace, completeness},
    waterfall,
};

/// How long an ended job's last spans may take to reach the console: they leave every 250 ms.
const COMPLETE_LIMIT: Duration = Duration::from_secs(4);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether to draw the trace.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "What to see of it")]
pub(super) struct Picture {
    /// Draw its trace, once it has ended: when each span ran, in which service, and what came of it
    #[arg(long)]
    pub(super) trace: bool,
    /// Columns to draw in [default: the terminal's, else 100]
    #[arg(long, value_name = "N", requires = "trace", value_parser = clap::value_parser!(u16).range(60..=240))]
    width: Option<u16>,
}

/// A job's trace, and how wide it may be drawn.
#[derive(Debug)]
pub(super) struct Drawing {
    pub(super) otlp: Value,
    columns: usize,
}

impl Picture {
    /// The job's trace if it is asked for: whole if the job has ended and the console gets it in
    /// time, else what there is.
    pub(super) async fn of(
        &self,
        job: &JobView,
        console: &Console,
    ) -> Result<Option<Drawing>, ClientError> {
        if !self.trace {
            return Ok(None);
        }
        let limit = if job.state.is_terminal() { COMPLETE_LIMIT } else { Duration::ZERO };
        let otlp = fetch(console, &job.trace_id, limit).await?;
        Ok(Some(Drawing { otlp, columns: self.width.map_or_else(terminal::columns, usize::from) }))
    }
}

impl Drawing {
    pub(super) fn text(&self, trace_id: &str) -> String {
        waterfall::draw(trace_id, &Trace::from_otlp(&self.otlp), self.columns)
    }
}

async fn fetch(console: &Console, trace_id: &str, limit: Duration) -> Result<Value, ClientError> {
    let began = Instant::now();
    loop {
        let otlp = console.trace(trace_id).await?.unwrap_or_default();
        if completeness(&otlp).is_complete() || began.elapsed() >= limit {
            return Ok(otlp);
        }
        sleep(PAUSE).await;
    }
}
