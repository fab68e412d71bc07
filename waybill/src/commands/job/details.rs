//! A job in words: where it is, what it took, what came of it.

use std::{fmt::Write as _, time::Duration};

use anstyle::Style;
use contract::{
    api::{JobView, OperationOutcome, OperationResult},
    operation::Operation,
    state::JobState,
};
use serde_json::{Value, json};

use super::picture::Drawing;
use crate::{
    client::Console,
    terminal::{BAD, BOLD, DIM, GOOD, WARNING, clean, columns, fit, print, short, styled},
};

/// Columns of an operation.
const OPERATION_COLUMNS: usize = 34;
/// Columns of a result, at least and at most.
const RESULT_COLUMNS: (usize, usize) = (24, 64);

/// Prints the job, and its trace if it was fetched.
pub(super) fn show(
    job: &JobView,
    console: &Console,
    trace: Option<&Drawing>,
    as_json: bool,
) -> anyhow::Result<()> {
    if as_json {
        let mut job = serde_json::to_value(job)?;
        if let Some(trace) = trace {
            job["trace"] = trace.otlp.clone();
        }
        print(&format!("{job:#}\n"));
    } else {
        let mut text = words(job);
        text.push_str(&line("console", &console.trace_page(&clean(&job.trace_id))));
        if let Some(trace) = trace {
            let _ = write!(text, "\n{}", trace.text(&job.trace_id));
        }
        print(&text);
    }
    Ok(())
}

fn words(job: &JobView) -> String {
    let mut text = line("job", &format!("{}  {}", job.id, clean(&job.name)));
    let state = styled(state_style(job.state), job.state.name());
    text.push_str(&line("state", &format!("{state}{}", took(job))));
    text.push_str(&line("attempts", &attempts(job)));
    text.push_str(&line("times", &times(job)));
    if let Some(failure) = &job.failure {
        let failure = format!("{}: {}", clean(&failure.reason), clean(&failure.detail));
        text.push_str(&line("failure", &styled(BAD, &failure)));
    }
    if let Some(seq) = job.dead_letter {
        text.push_str(&line("letter", &format!("{seq}: waybill dead show {seq}")));
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
    if job.round > 0 {
        let _ = write!(text, ", round {}", job.round);
    }
    if let Some(worker) = &job.worker {
        let _ = write!(text, ", at {}", clean(worker));
    }
    text
}

/// When it was accepted, and how long after that each thing happened.
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

/// A span of milliseconds, negative when clocks disagree.
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
    let kind = operation.kind();
    match operation {
        Operation::Add { inputs }
        | Operation::Subtract { inputs }
        | Operation::Multiply { inputs }
        | Operation::Divide { inputs } => {
            let inputs: Vec<String> = inputs.iter().take(20).map(f64::to_string).collect();
            format!("{kind} {}", inputs.join(", "))
        }
        Operation::Primes { below } => format!("{kind} below {below}"),
        Operation::Hash { text, rounds } => format!("{kind} {text} × {rounds}"),
        Operation::Wait { seconds } => format!("{kind} {seconds} s"),
        Operation::Render { width, height, zoom, .. } => {
            format!("{kind} {width}×{height}, zoom {zoom}")
        }
    }
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
