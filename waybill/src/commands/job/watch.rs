//! `waybill job watch`: what happens to a job, as it happens, until its end.

use std::time::Duration;

use contract::{
    JobId,
    api::{JobView, LeaseView, ProgressView},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    details,
    find::Which,
    follow::{exit, words},
    standing::Watchman,
};
use crate::{
    client::{ClientError, EventStream, Gateway, ServerEvent},
    exit::Exit,
    lab_args::LabArgs,
    terminal::{StatusLine, WARNING, print, print_error, styled},
};

/// Tries in a row that bring no news, before it gives up.
const TRIES_MAX: u32 = 20;
/// Pause after the first lost stream; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The event that says how far a running job is; the others hold the job.
const PROGRESS: &str = "progress";
/// Time without an event after which the job is looked at.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Time between two looks where the gateway has no stream to give.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Tell what happens to a job until it has ended; the exit code then says whether it succeeded
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    which: Which,
    /// How long to watch at most
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit: u64,
    /// Print JSON, the job once a line, whenever it has changed
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

impl Watch {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let gateway = self.lab.gateway()?;
        let id = self.which.find(&gateway).await?;
        let limit = Duration::from_secs(self.limit);
        let mut printer = Printer { json: self.json, ..Printer::default() };
        let Some(end) = watch(&gateway, id, limit, &mut printer).await? else {
            printer.line.clear();
            print_error(&format!("waybill: the job has not ended after {} s\n", self.limit));
            return Ok(Exit::TimeUp);
        };
        if !self.json {
            details::show(&end, &self.lab.console()?, None, false, details::Head::Wanted)?;
        }
        Ok(exit(&end))
    }
}

/// Follows the job to its end; none when the limit comes first.
async fn watch(
    gateway: &Gateway,
    id: JobId,
    limit: Duration,
    printer: &mut Printer,
) -> Result<Option<JobView>, ClientError> {
    let until = Instant::now() + limit;
    let (mut tries, mut pause) = (0, PAUSE_FIRST);
    while Instant::now() < until {
        let heard = printer.heard;
        let left = until.saturating_duration_since(Instant::now());
        let listened = match gateway.follow(id, left).await {
            Ok(stream) => listen(stream, printer, gateway, id).await,
            // There is no stream to be had; a look is always to be had.
            Err(error) if error.status() == Some(503) => {
                sleep(LOOK_EVERY).await;
                Ok(None)
            }
            Err(error) => Err(error),
        };
        let end = match listened {
            Err(error) if !error.may_pass() => return Err(error),
            listened => listened.unwrap_or_default(),
        };
        // The stream has no results; and it may have broken off before the end was told.
        match gateway.job(id).await {
            Ok(job) if job.state.is_terminal() => {
                printer.tell(&job);
                return Ok(Some(job));
            }
            _ if end.is_some() => return Ok(end),
            Ok(job) => printer.tell(&job),
            Err(error) if error.may_pass() && tries < TRIES_MAX => {}
            Err(error) => return Err(error),
        }
        (tries, pause) = if printer.heard > heard {
            (0, PAUSE_FIRST)
        } else {
            (tries + 1, (pause * 2).min(PAUSE_MAX))
        };
        sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
    }
    Ok(None)
}

/// Tells what the stream tells; answers the job when it has ended, nothing when the stream has.
async fn listen(
    mut stream: EventStream,
    printer: &mut Printer,
    gateway: &Gateway,
    id: JobId,
) -> Result<Option<JobView>, ClientError> {
    while let Some(event) = next(&mut stream, printer, gateway, id).await? {
        // What cannot be read is from a newer gateway, and the look afterwards has the state.
        if event.name == PROGRESS {
            if let Ok(progress) = serde_json::from_str(&event.data) {
                printer.go_on(progress);
            }
        } else if let Ok(job) = serde_json::from_str::<JobView>(&event.data) {
            printer.tell(&job);
            if job.state.is_terminal() {
                return Ok(Some(job));
            }
        }
    }
    Ok(None)
}

/// The next event. While there is none, the job is looked at: a worker that fell silent sends no event.
async fn next(
    stream: &mut EventStream,
    printer: &mut Printer,
    gateway: &Gateway,
    id: JobId,
) -> Result<Option<ServerEvent>, ClientError> {
    let event = stream.next();
    tokio::pin!(event);
    loop {
        tokio::select! {
            event = &mut event => return event,
            () = sleep(LOOK_AFTER) => {}
        }
        // One that fails is left out: the stream tells whether the gateway is there.
        if let Ok(job) = gateway.job(id).await {
            printer.stands(&job);
        }
    }
}

/// Tells each change once.
#[derive(Debug, Default)]
struct Printer {
    json: bool,
    told: Option<JobView>,
    line: StatusLine,
    watchman: Watchman,
    /// Changes so far.
    heard: u64,
}

impl Printer {
    /// The job is where it was, and further on.
    fn go_on(&mut self, progress: ProgressView) {
        if let Some(mut job) = self.told.clone() {
            job.progress = Some(progress);
            self.tell(&job);
        }
    }

    /// What the stream does not tell: that the worker is silent, or that another one has taken over.
    fn stands(&mut self, job: &JobView) {
        if self.notice(job) && self.json {
            print(&format!("{}\n", json!(job)));
        }
        if !self.json && job.lease.as_ref().is_some_and(LeaseView::is_silent) {
            self.line.show(&words(job));
        }
    }

    /// Whether the lease stands otherwise than before; people are told how.
    fn notice(&mut self, job: &JobView) -> bool {
        let notice = self.watchman.notices(job);
        if let Some(notice) = notice.as_ref().filter(|_| !self.json) {
            self.line.clear();
            print(&format!("{} {notice}\n", styled(WARNING, "●")));
        }
        notice.is_some()
    }

    fn tell(&mut self, job: &JobView) {
        self.notice(job);
        let mut job = job.clone();
        // Only the end has results, and not on every way; how the lease stands is no step.
        (job.results, job.lease, job.waiting) = (None, None, None);
        if self.told.as_ref() == Some(&job) {
            return;
        }
        self.heard += 1;
        if self.json {
            print(&format!("{}\n", json!(job)));
        } else if self.told.as_ref().is_none_or(|told| is_step(told, &job)) {
            self.line.clear();
            let sign = styled(details::state_style(job.state), "●");
            print(&format!("{sign} {}\n", words(&job)));
        } else {
            self.line.show(&words(&job));
        }
        self.told = Some(job);
    }
}

/// Whether the job went from one step to another, rather than on within one.
fn is_step(before: &JobView, now: &JobView) -> bool {
    let step = |job: &JobView| (job.state, job.round, job.attempts, job.cancel_requested);
    step(before) != step(now)
}
