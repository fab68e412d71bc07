//! A job as text: state, attempts, times, lease, failure and results.

use std::{fmt::Write as _, time::Duration};

use anstyle::Style;
use client::ConsoleClient;
use contract::{
    JobId, Stage,
    api::{JobAccepted, JobView, StageCounts},
    operation::Operation,
    result::{OperationOutcome, OperationResult},
    state::JobState,
};
use serde_json::{Value, json};

use super::{blocked::lease_text, follow, trace_args::DrawnTrace};
use crate::terminal::{
    BAD, BOLD, DIM, GOOD, WARNING, clean, columns, fit, print, print_error, short, styled,
};

/// Columns of an operation.
const OPERATION_COLUMNS: usize = 34;
/// Columns of a result, at least and at most.
const RESULT_COLUMNS: (usize, usize) = (24, 64);

/// Whether the head lines are still to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadState {
    NotPrinted,
    Printed,
}

/// The head lines: id, name and trace, which do not change.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLines<'a> {
    pub(super) id: JobId,
    name: &'a str,
    trace_id: &'a str,
}

impl<'a> HeadLines<'a> {
    pub(super) fn of(job: &'a JobView) -> Self {
        Self { id: job.id, name: &job.name, trace_id: &job.trace_id }
    }

    pub(super) fn accepted(accepted: &'a JobAccepted, name: &'a str) -> Self {
        Self { id: accepted.id, name, trace_id: &accepted.trace_id }
    }

    fn text(&self, console: &ConsoleClient) -> String {
        let job = format!("{}  {}", self.id, clean(self.name));
        let page = console.trace_page(&clean(self.trace_id));
        line("job", &job) + &line("trace", &page)
    }
}

/// Prints the head lines at once; on standard error if standard output is JSON.
pub(super) fn print_head(head: &HeadLines<'_>, console: &ConsoleClient, beside_json: bool) {
    let text = head.text(console);
    if beside_json { print_error(&text) } else { print(&text) }
}

/// Prints the job, with its trace if given.
pub(super) fn show(
    job: &JobView,
    console: &ConsoleClient,
    trace: Option<&DrawnTrace>,
    as_json: bool,
    head: HeadState,
) -> anyhow::Result<()> {
    if as_json {
        let mut job = serde_json::to_value(job)?;
        if let Some(trace) = trace {
            job["trace"] = trace.otlp.clone();
        }
        print(&format!("{job:#}\n"));
    } else {
        let mut text = match head {
            HeadState::NotPrinted => HeadLines::of(job).text(console),
            HeadState::Printed => String::new(),
        };
        text.push_str(&words(job));
        if let Some(trace) = trace {
            let _ = write!(text, "\n{}", trace.text(&job.trace_id));
        }
        print(&text);
    }
    Ok(())
}

fn words(job: &JobView) -> String {
    let state = styled(state_style(job.state), job.state.name());
    let cancel = job.cancel_requested && !job.state.is_terminal();
    let cancel = if cancel { ", cancellation requested" } else { "" };
    let mut text = line("state", &format!("{state}{cancel}{}{}", took(job), percent(job)));
    text.push_str(&line("attempts", &attempts(job)));
    text.push_str(&line("times", &times(job)));
    text.push_str(&lease(job));
    if let Some(failure) = &job.failure {
        let failure = format!("{}: {}", clean(&failure.reason), clean(&failure.detail));
        text.push_str(&line("failure", &styled(BAD, &failure)));
    }
    if let Some(seq) = job.dead_letter {
        text.push_str(&line("dead", &format!("dead letter {seq}: waybill dead show {seq}")));
    }
    let room = columns().saturating_sub(OPERATION_COLUMNS + 22);
    let room = room.clamp(RESULT_COLUMNS.0, RESULT_COLUMNS.1);
    for (n, result) in job.results.iter().flatten().enumerate() {
        text.push_str(&line(if n == 0 { "results" } else { "" }, &result_words(result, room)));
    }
    text
}

fn line(label: &str, text: &str) -> String {
    format!("{} {text}\n", styled(BOLD, &fit(label, 9)))
}

/// A state's colour.
pub(super) const fn state_style(state: JobState) -> Style {
    match state {
        JobState::Succeeded => GOOD,
        JobState::Failed | JobState::Dead => BAD,
        JobState::Retrying | JobState::Cancelled => WARNING,
        JobState::Accepted | JobState::Queued | JobState::Running => BOLD,
    }
}

fn took(job: &JobView) -> String {
    let times = &job.times;
    times
        .finished_ms
        .map_or(String::new(), |end| format!(" after {}", between(times.accepted_ms, end)))
}

fn attempts(job: &JobView) -> String {
    let mut text = format!("{} of {}", job.attempts, job.attempts_max);
    if let Some(wait) = job.times.queue_wait_ms {
        let _ = write!(text, ", the latest after {} in the queue", between(0, wait));
    }
    if job.interruptions > 0 {
        let plural = if job.interruptions == 1 { "" } else { "s" };
        let _ = write!(text, ", {} interruption{plural}", job.interruptions);
    }
    for one in job.stages.iter().filter(|one| one.stage != Stage::Processor) {
        let StageCounts { stage, attempts, interruptions } = one;
        let _ = write!(text, ", {stage}: {attempts} failed, {interruptions} interrupted");
    }
    if job.round > 0 {
        let _ = write!(text, ", round {}", job.round);
    }
    text
}

/// The lease holder, or what the job waits for.
fn lease(job: &JobView) -> String {
    match (&job.lease, &job.waiting, &job.worker) {
        (Some(lease), ..) if lease.is_silent() => line("lease", &styled(BAD, &lease_text(lease))),
        (Some(lease), ..) => line("lease", &lease_text(lease)),
        (None, Some(wait), _) => line("waits", &styled(WARNING, &wait.to_string())),
        // A gateway of an earlier version.
        (None, None, Some(worker)) => line("lease", &format!("worker {}", clean(worker))),
        (None, None, None) => String::new(),
    }
}

fn percent(job: &JobView) -> String {
    job.progress.map_or(String::new(), |at| format!(", {}", follow::progress(&at, job.operations)))
}

/// When it was accepted, and the offsets of the later events.
fn times(job: &JobView) -> String {
    let times = &job.times;
    let mut text = clean(&job.accepted_at).into_owned();
    let later = [
        ("queued", times.queued_ms),
        ("started", times.started_ms),
        ("next attempt", times.retry_ms.filter(|_| job.state == JobState::Retrying)),
    ];
    for (what, ms) in later {
        if let Some(ms) = ms {
            let _ = write!(text, " · {what} {}", after(times.accepted_ms, ms));
        }
    }
    text
}

fn after(from_ms: i64, to_ms: i64) -> String {
    let sign = if to_ms < from_ms { "" } else { "+" };
    format!("{sign}{}", between(from_ms, to_ms))
}

/// The duration from one time to another; negative if clocks disagree.
pub(super) fn between(from_ms: i64, to_ms: i64) -> String {
    let ms = to_ms.saturating_sub(from_ms);
    let sign = if ms < 0 { "-" } else { "" };
    match ms.unsigned_abs() {
        0 => "0 ms".to_owned(),
        1..1_000 => format!("{sign}{} ms", ms.unsigned_abs()),
        more => format!("{sign}{}", short(Duration::from_millis(more))),
    }
}

fn result_words(result: &OperationResult, room: usize) -> String {
    let operation = fit(&operation_words(&result.operation), OPERATION_COLUMNS);
    let outcome = match &result.result {
        Some(OperationOutcome::Value(value)) => fit(&value_words(value), room),
        Some(OperationOutcome::Error(error)) => styled(BAD, &fit(error, room)),
        None => styled(DIM, &fit("not reached", room)),
    };
    let took = result.milliseconds.filter(|ms| (0.0..1e12).contains(ms));
    let took = took.map_or(String::new(), |ms| short(Duration::from_secs_f64(ms / 1e3)));
    format!("{operation} {outcome} {}", styled(DIM, &format!("{took:>8}")))
}

fn operation_words(operation: &Operation) -> String {
    format!("{} {}", operation.kind(), operation.summary())
}

fn value_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| json!(number).to_string(), |n| n.to_string())
        }
        other => other.to_string(),
    }
}
