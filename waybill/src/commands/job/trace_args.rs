//! A job's trace, drawn below its details.

use std::time::{Duration, Instant};

use client::{ClientError, ConsoleClient};
use contract::api::JobView;
use serde_json::Value;
use tokio::time::sleep;
use trace::{Trace, completeness};

use crate::{terminal, waterfall};

/// How long the last spans of an ended job may take to reach the console: they are exported every 250 ms.
const COMPLETE_LIMIT: Duration = Duration::from_secs(4);
/// Interval between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Whether to draw the trace.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Display")]
pub(super) struct TraceArgs {
    /// Draw the trace as a waterfall: when each span ran, in which service, and its verdict
    #[arg(long)]
    pub(super) trace: bool,
    /// Width of the waterfall in columns [default: that of the terminal, else 100]
    #[arg(long, value_name = "N", requires = "trace", value_parser = clap::value_parser!(u16).range(60..=240))]
    width: Option<u16>,
}

/// The trace of a job, and the width of its drawing.
#[derive(Debug)]
pub(super) struct DrawnTrace {
    pub(super) otlp: Value,
    columns: usize,
}

impl TraceArgs {
    /// The trace of the job if --trace is given. Waits for the complete trace if the job has ended;
    /// otherwise, or on timeout, returns the spans that the console has.
    pub(super) async fn of(
        &self,
        job: &JobView,
        console: &ConsoleClient,
    ) -> Result<Option<DrawnTrace>, ClientError> {
        if !self.trace {
            return Ok(None);
        }
        let limit = if job.state.is_terminal() { COMPLETE_LIMIT } else { Duration::ZERO };
        let otlp = fetch(console, &job.trace_id, limit).await?;
        Ok(Some(DrawnTrace {
            otlp,
            columns: self.width.map_or_else(terminal::columns, usize::from),
        }))
    }
}

impl DrawnTrace {
    pub(super) fn text(&self, trace_id: &str) -> String {
        waterfall::draw(trace_id, &Trace::from_otlp(&self.otlp), self.columns)
    }
}

async fn fetch(
    console: &ConsoleClient,
    trace_id: &str,
    limit: Duration,
) -> Result<Value, ClientError> {
    let started_at = Instant::now();
    loop {
        let otlp = console.trace(trace_id).await?.unwrap_or_default();
        if completeness(&otlp).is_complete() || started_at.elapsed() >= limit {
            return Ok(otlp);
        }
        sleep(POLL_INTERVAL).await;
    }
}
