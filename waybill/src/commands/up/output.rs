//! The output of `waybill up`.

use std::{fmt::Write as _, path::Path, time::Duration};

use lab::{LabEvent, Part, Ports, embedded::Embedded, nats::BinaryOrigin};
use serde_json::{Value, json};

use super::{first::FirstJob, printer::Event, trickle::Counts};
use crate::{
    lab_args::LabArgs,
    terminal::{BAD, BOLD, DIM, GOOD, WARNING, short, styled},
};

/// The end of the help.
pub(super) const HELP: &str = "\
Ctrl-C stops the lab gracefully: running jobs finish first. A second Ctrl-C kills it at once.
Exit codes: 0 stopped by a signal; 1 the lab did not start, standard error says what to do";

pub(super) fn starting(data: &Path) -> Event {
    let data = data.display();
    Event {
        text: format!("starting a lab; its data is in {data}\n\n"),
        json: json!({"event": "starting", "data_dir": data.to_string()}),
    }
}

/// An environment variable that has no effect, or only a partial one.
pub(super) fn ignored_variables(variable: &str, why: &str) -> Event {
    let text = format!("{variable} {why}");
    Event {
        text: format!("  {}\n", styled(WARNING, &text)),
        json: json!({"event": "set_aside", "variable": variable, "text": text}),
    }
}

/// A warning about a possible later problem.
pub(super) fn warning(text: &str) -> Event {
    Event {
        text: format!("  {}\n", styled(WARNING, text)),
        json: json!({"event": "warning", "text": text}),
    }
}

/// LabEvent of the lab.
pub(super) fn progress(progress: &LabEvent) -> Event {
    let text = match progress {
        LabEvent::Died { .. }
        | LabEvent::NotRestarted { .. }
        | LabEvent::FetchFailed { .. }
        | LabEvent::Unhealthy { .. } => styled(WARNING, &progress.to_string()),
        _ => progress.to_string(),
    };
    Event { text: format!("  {text}\n"), json: progress_json(progress) }
}

fn progress_json(progress: &LabEvent) -> Value {
    let mut json = match progress {
        LabEvent::Fetching { way, .. } => json!({"event": "fetching", "way": way}),
        LabEvent::Fetched { way, took } => {
            json!({"event": "fetched", "way": way, "seconds": took.as_secs_f64()})
        }
        LabEvent::FetchFailed { way, .. } => json!({"event": "fetch_failed", "way": way}),
        LabEvent::Prepared { took } => json!({"event": "prepared", "seconds": took.as_secs_f64()}),
        LabEvent::Started { part, pid, took } => {
            json!({"event": "started", "part": part.to_string(), "pid": pid, "seconds": took.as_secs_f64()})
        }
        LabEvent::Died { part, .. } => json!({"event": "died", "part": part.to_string()}),
        LabEvent::NotRestarted { part, .. } => {
            json!({"event": "not_restarted", "part": part.to_string()})
        }
        LabEvent::Restarted { part, pid, restarts } => {
            json!({"event": "restarted", "part": part.to_string(), "pid": pid, "restarts": restarts})
        }
        LabEvent::Unhealthy { part, why, advice } => {
            json!({"event": "unhealthy", "part": part.to_string(), "why": why, "advice": advice})
        }
        LabEvent::Restarting { part, why } => {
            json!({"event": "restarting", "part": part.to_string(), "why": why})
        }
        LabEvent::Healed { part, after } => {
            json!({"event": "healed", "part": part.to_string(), "seconds": after.as_secs_f64()})
        }
        LabEvent::Stopped { part, killed } => {
            json!({"event": "stopped", "part": part.to_string(), "killed": killed})
        }
    };
    json["text"] = progress.to_string().into();
    json
}

/// Every part is ready: the URLs to open.
pub(super) fn ready(lab: &Embedded, address: &LabArgs, took: Duration) -> anyhow::Result<Event> {
    let (gateway, console) = (address.gateway()?, address.console()?);
    let nats = lab.nats();
    let origin = match nats.origin {
        BinaryOrigin::Given => "from --nats-server or WAYBILL_NATS_SERVER".to_owned(),
        BinaryOrigin::Path => "from PATH".to_owned(),
        BinaryOrigin::Cache => "from the cache".to_owned(),
        BinaryOrigin::Fetched(way) => format!("fetched with {way}"),
    };
    let text = format!(
        "\n{} {}\n{} {}\n{} nats-server {}, {origin}\n",
        styled(BOLD, "console"),
        console.url(),
        styled(BOLD, "gateway"),
        gateway.url(),
        styled(BOLD, "broker "),
        nats.version,
    );
    let json = json!({
        "event": "ready",
        "seconds": took.as_secs_f64(),
        "gateway_url": gateway.url(),
        "console_url": console.url(),
        "nats_url": format!("nats://127.0.0.1:{}", lab.ports().nats),
        "nats_version": nats.version.to_string(),
        "data_dir": lab.data_dir().display().to_string(),
    });
    Ok(Event { text, json })
}

/// The first job and its trace.
pub(super) fn first_job(first: &FirstJob, took: Duration) -> Event {
    let seconds = took.as_secs_f64();
    let page = &first.page;
    let text = match &first.lacks {
        None => format!("{} {page}\n\nfirst job after {seconds:.1} s\n", styled(BOLD, "trace  ")),
        Some(lacks) if lacks.is_empty() => {
            let text = format!("first complete trace after {seconds:.1} s");
            format!("{} {page}\n\n{}\n", styled(BOLD, "trace  "), styled(GOOD, &text))
        }
        Some(lacks) => {
            let text = format!(
                "its trace is incomplete after {seconds:.1} s: missing {}",
                lacks.join("; ")
            );
            format!("{} {page}\n\n{}\n", styled(BOLD, "trace  "), styled(WARNING, &text))
        }
    };
    let json = json!({
        "event": "first_trace",
        "seconds": seconds,
        "complete": first.lacks.as_ref().is_some_and(Vec::is_empty),
        "lacks": first.lacks,
        "job_id": first.job_id,
        "trace_id": first.trace_id,
        "trace_url": page,
    });
    Event { text, json }
}

/// The first job failed; the lab keeps running, so that the user can find out why.
pub(super) fn first_job_failed(why: &str) -> Event {
    let text = styled(BAD, &format!("the first job failed: {why}"));
    Event { text: format!("\n{text}\n"), json: json!({"event": "first_job_failed", "text": why}) }
}

/// What to do next.
pub(super) fn next_steps(per_second: f64, ports: Ports) -> Event {
    let port_flag = if ports == Ports::default() {
        String::new()
    } else {
        format!(" --port-base {}", ports.gateway)
    };
    let mut text = format!("try: {} job submit --preset flaky --trace{port_flag}\n", program());
    if per_second > 0.0 {
        let _ = writeln!(
            text,
            "the lab submits {per_second} random jobs per second (trickle); --trickle 0 turns them off"
        );
    }
    text.push_str("Ctrl-C stops the lab\n");
    Event {
        text: styled(DIM, &text),
        json: json!({"event": "lively", "jobs_per_second": per_second}),
    }
}

/// This program as it was called, so that the printed command can be copied.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "waybill".to_owned())
}

pub(super) fn stopping() -> Event {
    Event {
        text: "\nstopping: running jobs finish first (Ctrl-C again kills the lab)\n".to_owned(),
        json: json!({"event": "stopping"}),
    }
}

/// The final counts.
pub(super) fn ended(ran: Duration, counts: Counts, killed: &[Part]) -> Event {
    let Counts { submitted, refused, left_out } = counts;
    let ran_for = short(ran);
    let mut text = format!(
        "\nthe lab ran for {ran_for}: {submitted} random jobs submitted, {refused} refused"
    );
    if left_out > 0 {
        let _ = write!(text, ", {left_out} skipped because too many were waiting");
    }
    text.push('\n');
    let killed: Vec<String> = killed.iter().map(Part::to_string).collect();
    if !killed.is_empty() {
        let line = format!("killed before they had stopped: {}", killed.join(", "));
        let _ = writeln!(text, "{}", styled(WARNING, &line));
    }
    let json = json!({
        "event": "ended",
        "seconds": ran.as_secs_f64(),
        "submitted": submitted,
        "refused": refused,
        "left_out": left_out,
        "killed": killed,
    });
    Event { text, json }
}
