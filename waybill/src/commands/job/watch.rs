//! `waybill job watch`: prints the changes of a job until it ends.

use std::time::Duration;

use client::{ClientError, EventStream, GatewayClient, ServerEvent};
use contract::{
    JobId,
    api::{JobView, LeaseView, ProgressView},
};
use runtime::backoff::Backoff;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    blocked::LeaseWatch,
    details,
    find::JobSelector,
    follow::{exit, words},
};
use crate::{
    exit::Exit,
    lab_args::LabArgs,
    terminal::{StatusLine, WARNING, print, print_error, styled},
};

/// Reconnects in a row without a change, before it gives up.
const RECONNECTS_MAX: u32 = 20;
/// Delay after the first lost stream; it doubles.
const RECONNECT_DELAY_FIRST: Duration = Duration::from_millis(100);
/// Longest delay after a lost stream.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(2);
/// The name of events with the progress of a running job; the other events hold the job.
const PROGRESS: &str = "progress";
/// Time without an event after which the job is queried.
const QUERY_AFTER: Duration = Duration::from_secs(1);
/// Poll interval while the gateway refuses a stream.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Print the changes of a job until it ends; the exit code says whether it succeeded
#[derive(Debug, clap::Args)]
pub(crate) struct WatchJob {
    #[command(flatten)]
    job: JobSelector,
    /// Timeout, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit: u64,
    /// Print JSON: the job on one line, whenever it has changed
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl WatchJob {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        let id = self.job.find(&gateway).await?;
        let limit = Duration::from_secs(self.limit);
        let mut printer = Printer { json: self.json, ..Printer::default() };
        let Some(end) = watch(&gateway, id, limit, &mut printer).await? else {
            printer.line.clear();
            print_error(&format!("waybill: the job has not ended after {} s\n", self.limit));
            return Ok(Exit::Timeout);
        };
        if !self.json {
            details::show(&end, &self.lab.console()?, None, false, details::HeadState::NotPrinted)?;
        }
        Ok(exit(&end))
    }
}

/// Follows the job to its end; `None` on timeout.
async fn watch(
    gateway: &GatewayClient,
    id: JobId,
    limit: Duration,
    printer: &mut Printer,
) -> Result<Option<JobView>, ClientError> {
    let until = Instant::now() + limit;
    let mut reconnects = 0;
    let mut backoff = Backoff::new(RECONNECT_DELAY_FIRST, RECONNECT_DELAY_MAX);
    while Instant::now() < until {
        let changes = printer.changes;
        let left = until.saturating_duration_since(Instant::now());
        let read = match gateway.follow(id, left).await {
            Ok(stream) => read_stream(stream, printer, gateway, id).await,
            // Too many streams: poll instead.
            Err(error) if error.status() == Some(503) => {
                sleep(POLL_INTERVAL).await;
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let end = match read {
            Err(error) if !error.is_transient() => return Err(error),
            read => read.unwrap_or_default(),
        };
        // The stream has no results, and it may have broken off before the last event.
        match gateway.job(id).await {
            Ok(job) if job.state.is_terminal() => {
                printer.show(&job);
                return Ok(Some(job));
            }
            _ if end.is_some() => return Ok(end),
            Ok(job) => printer.show(&job),
            Err(error) if error.is_transient() && reconnects < RECONNECTS_MAX => {}
            Err(error) => return Err(error),
        }
        if printer.changes > changes {
            reconnects = 0;
            backoff.reset();
        } else {
            reconnects += 1;
        }
        sleep(backoff.next_delay().min(until.saturating_duration_since(Instant::now()))).await;
    }
    Ok(None)
}

/// Shows the events of the stream. Returns the job if it has ended, `None` if the stream has.
async fn read_stream(
    mut stream: EventStream,
    printer: &mut Printer,
    gateway: &GatewayClient,
    id: JobId,
) -> Result<Option<JobView>, ClientError> {
    while let Some(event) = next(&mut stream, printer, gateway, id).await? {
        // An unreadable event is from a newer gateway; the query afterwards has the state.
        if event.name == PROGRESS {
            if let Ok(progress) = serde_json::from_str(&event.data) {
                printer.show_progress(progress);
            }
        } else if let Ok(job) = serde_json::from_str::<JobView>(&event.data) {
            printer.show(&job);
            if job.state.is_terminal() {
                return Ok(Some(job));
            }
        }
    }
    Ok(None)
}

/// The next event. While there is none, queries the job: there is no event for a worker that falls silent.
async fn next(
    stream: &mut EventStream,
    printer: &mut Printer,
    gateway: &GatewayClient,
    id: JobId,
) -> Result<Option<ServerEvent>, ClientError> {
    let event = stream.next();
    tokio::pin!(event);
    loop {
        tokio::select! {
            event = &mut event => return event,
            () = sleep(QUERY_AFTER) => {}
        }
        // Ignore errors: the stream shows whether the gateway is reachable.
        if let Ok(job) = gateway.job(id).await {
            printer.show_lease(&job);
        }
    }
}

/// Prints each change once.
#[derive(Debug, Default)]
struct Printer {
    json: bool,
    shown: Option<JobView>,
    line: StatusLine,
    lease_watch: LeaseWatch,
    /// Changes so far.
    changes: u64,
}

impl Printer {
    /// Shows new progress within the same step.
    fn show_progress(&mut self, progress: ProgressView) {
        if let Some(mut job) = self.shown.clone() {
            job.progress = Some(progress);
            self.show(&job);
        }
    }

    /// Shows what the stream has no events for: a silent worker, or a take-over.
    fn show_lease(&mut self, job: &JobView) {
        if self.print_lease_change(job) && self.json {
            print(&format!("{}\n", json!(job)));
        }
        if !self.json && job.lease.as_ref().is_some_and(LeaseView::is_silent) {
            self.line.show(&words(job));
        }
    }

    /// Prints a change of the lease as text, and returns whether there was one.
    fn print_lease_change(&mut self, job: &JobView) -> bool {
        let change = self.lease_watch.change(job);
        if let Some(change) = change.as_ref().filter(|_| !self.json) {
            self.line.clear();
            print(&format!("{} {change}\n", styled(WARNING, "●")));
        }
        change.is_some()
    }

    fn show(&mut self, job: &JobView) {
        self.print_lease_change(job);
        let mut job = job.clone();
        // Results come only at the end and not with every source; the lease is shown separately.
        (job.results, job.lease, job.waiting) = (None, None, None);
        if self.shown.as_ref() == Some(&job) {
            return;
        }
        self.changes += 1;
        if self.json {
            print(&format!("{}\n", json!(job)));
        } else if self.shown.as_ref().is_none_or(|shown| is_step(shown, &job)) {
            self.line.clear();
            let sign = styled(details::state_style(job.state), "●");
            print(&format!("{sign} {}\n", words(&job)));
        } else {
            self.line.show(&words(&job));
        }
        self.shown = Some(job);
    }
}

/// Whether the job entered another step, rather than progressed within one.
fn is_step(before: &JobView, now: &JobView) -> bool {
    let step = |job: &JobView| (job.state, job.round, job.attempts, job.cancel_requested);
    step(before) != step(now)
}
