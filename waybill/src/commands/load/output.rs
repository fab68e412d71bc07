//! The output of `waybill load`: seed, progress and summary.

use std::{fmt::Write as _, time::Duration};

use crate::{
    load::{
        JOBS_MAX, LoadEnd, LoadRun, TIME_MAX,
        pace::Pace,
        report::{LoadProgress, LoadReport, Percentiles},
    },
    terminal::{BAD, BOLD, DIM, GOOD, WARNING, fit, short, styled},
};

/// What the times mean, and what Ctrl-C does.
pub(super) const HELP: &str = "\
Acceptance latency counts from the moment a job was due (no coordinated omission); with --clients, from its
sending. End-to-end times use the clocks of the lab. Ctrl-C stops the sending; accepted jobs then have ten
seconds to end, and a second Ctrl-C ends that wait too.";
/// Columns of the bar.
const BAR: usize = 24;
/// Columns of a label.
const LABEL: usize = 10;

/// Printed before anything is sent.
pub(super) fn starting(load: &LoadRun) -> String {
    format!("{}{}", label("seed"), styled(BOLD, &format!("{}\n", load.plan.seed())))
}

/// The progress, in one line.
pub(super) fn progress(progress: &LoadProgress, end: &LoadEnd) -> String {
    let LoadProgress { elapsed, all_sent, sent, refused, accepted, ended } = *progress;
    let part = if all_sent {
        ended as f64 / accepted.max(1) as f64
    } else {
        let jobs = if end.jobs < JOBS_MAX { sent as f64 / end.jobs as f64 } else { 0.0 };
        let time = if end.time < TIME_MAX { elapsed.div_duration_f64(end.time) } else { 0.0 };
        jobs.max(time)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to BAR")]
    let full = (part.clamp(0.0, 1.0) * BAR as f64) as usize;
    let bar = format!("{}{}", "━".repeat(full), "╌".repeat(BAR - full));
    let what = if all_sent { "waiting for jobs to end" } else { "sending" };
    let mut text = format!(
        "{bar} {what} · {} · {sent} sent · {accepted} accepted · {ended} ended",
        short(elapsed)
    );
    if refused > 0 {
        let _ = write!(text, " · {refused} refused");
    }
    text
}

/// The summary of a run.
pub(super) fn summary(report: &LoadReport) -> String {
    let mut text = line("sent", &sent(report));
    text.push_str(&line("jobs", &jobs(report)));
    if report.events.malformed.sent + report.events.foreign.sent > 0 {
        text.push_str(&line("events", &events(report)));
    }
    if let Some(refused) = refused(report) {
        text.push_str(&line("refused", &styled(WARNING, &refused)));
    }
    let since = match report.pace {
        Pace::Clients { .. } => "from sent to 202",
        Pace::Rate(_) | Pace::Bursts { .. } => "from due to 202",
    };
    text.push_str(&line("accepted", &spread(&report.accept_ms, since)));
    let clock = format!("from accepted to ended, by {}", report.end_to_end_clock);
    text.push_str(&line("end to end", &spread(&report.end_to_end_ms, &clock)));
    let speed = format!(
        "{:.1} accepted per second, {:.1} ended per second",
        report.accepted_per_second, report.ended_per_second
    );
    text.push_str(&line("speed", &speed));
    text.push_str(&warnings(report));
    text
}

fn label(text: &str) -> String {
    format!("{} ", styled(BOLD, &fit(text, LABEL)))
}

fn line(name: &str, text: &str) -> String {
    format!("{}{text}\n", label(name))
}

fn sent(report: &LoadReport) -> String {
    let (jobs, events) = (&report.jobs.responses, &report.events);
    let all = jobs.sent + events.malformed.sent + events.foreign.sent;
    let took = short(Duration::try_from_secs_f64(report.seconds).unwrap_or_default());
    let pace = match &report.pace {
        Pace::Rate(rate) => format!("{rate} per second"),
        Pace::Bursts { size, .. } => format!("bursts of {} to {}", size.start(), size.end()),
        Pace::Clients { count, .. } => format!("{count} clients"),
    };
    let broken = if report.broken_off { ", interrupted" } else { "" };
    format!("{all} in {took}: {pace}{broken}")
}

fn jobs(report: &LoadReport) -> String {
    let jobs = &report.jobs;
    let mut text = format!("{} accepted: ", jobs.responses.accepted);
    let ends = [
        (jobs.succeeded, "succeeded", GOOD),
        (jobs.failed, "failed", BAD),
        (jobs.dead, "dead", BAD),
        (jobs.cancelled, "cancelled", WARNING),
        (jobs.unfinished, "unfinished", WARNING),
    ];
    let ends: Vec<String> = ends
        .into_iter()
        .map(|(count, what, style)| {
            let text = format!("{count} {what}");
            styled(if count > 0 { style } else { DIM }, &text)
        })
        .collect();
    text.push_str(&ends.join(" · "));
    text
}

fn events(report: &LoadReport) -> String {
    let events = &report.events;
    let discarded =
        events.discarded.map_or("an unknown number".to_owned(), |discarded| discarded.to_string());
    format!(
        "{} malformed accepted: {} rejected · {} foreign accepted: {discarded} discarded",
        events.malformed.accepted, events.rejected, events.foreign.accepted
    )
}

fn refused(report: &LoadReport) -> Option<String> {
    let mut parts: Vec<String> =
        report.refused.iter().map(|(status, count)| format!("{count} with {status}")).collect();
    let all = [report.jobs.responses, report.events.malformed, report.events.foreign];
    let unanswered: u64 = all.iter().map(|responses| responses.unanswered).sum();
    if unanswered > 0 {
        parts.push(format!("{unanswered} without a response"));
    }
    if report.repeated > 0 {
        parts.push(format!("{} repeated", report.repeated));
    }
    if report.left_out > 0 {
        parts.push(format!("{} not sent: too many were waiting", report.left_out));
    }
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn spread(found: &Percentiles, what: &str) -> String {
    if found.count == 0 {
        return styled(DIM, "nothing to measure");
    }
    let ms = |ms: f64| short(Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default());
    let Percentiles { p50, p95, p99, max, .. } = *found;
    let times =
        format!("p50 {:>8}  p95 {:>8}  p99 {:>8}  max {:>8}", ms(p50), ms(p95), ms(p99), ms(max));
    format!("{times}  {}", styled(DIM, what))
}

fn warnings(report: &LoadReport) -> String {
    let mut text = String::new();
    let mut warn = |warning: String| {
        let _ = writeln!(text, "{}", styled(WARNING, &warning));
    };
    if report.jobs.missing > 0 {
        warn(format!("{} accepted jobs are unknown to the gateway", report.jobs.missing));
    }
    if report.jobs.repeated_ids > 0 {
        warn(format!(
            "{} jobs were accepted under the id of another job",
            report.jobs.repeated_ids
        ));
    }
    if report.clocks_disagree > 0 {
        warn(format!(
            "{} jobs ended before they were accepted: clocks disagree",
            report.clocks_disagree
        ));
    }
    if let Some(oldest) = report.jobs.unfinished_ids.first() {
        warn(format!("the oldest unfinished job is {oldest}"));
    }
    text
}
