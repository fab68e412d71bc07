//! Runs this test binary as a child process that executes an order and writes a report. Telemetry starts once per process and
//! reads the standard variables once, so each test needs its own process.

use std::{path::PathBuf, process::Stdio, time::Duration};

use clap::{Parser, ValueEnum};
use contract::{
    propagation::TraceParent,
    signals::{ATTEMPTS, JOB_DURATION, attr},
};
use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use runtime::clock::Clock;
use serde::{Deserialize, Serialize};
use telemetry::{FinishedSpan, Identity, Telemetry, TelemetryConfig, current_span_ref};
use tokio::{process::Command, time::Instant};
use tracing::{info, info_span};

/// Longest that a probe may take.
pub(crate) const PROBE_TIME_MAX: Duration = Duration::from_mins(1);

/// What the probe is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum ProbeOrder {
    /// A small example: two spans, a log line, an observation, a lost attempt.
    Story,
    /// Spans and lines while the clock is skewed.
    Skewed,
    /// As many spans and lines as fast as it can.
    Flood,
    /// One span that ends and one that does not; then the process ends as if it were killed.
    Aborted,
}

#[derive(Debug, Parser)]
struct ProbeArgs {
    #[arg(env = "PROBE_ORDER")]
    order: Option<ProbeOrder>,
    #[arg(env = "PROBE_REPORT", default_value = "")]
    report: PathBuf,
    #[arg(env = "PROBE_COUNT", default_value_t = 0)]
    count: u32,
    #[command(flatten)]
    telemetry: TelemetryConfig,
}

/// What the probe saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ProbeReport {
    /// The trace of the story.
    pub(crate) trace_id: String,
    /// Its metrics before the stop.
    pub(crate) metrics: String,
    /// Its metrics after the stop.
    pub(crate) metrics_at_end: String,
    /// True time at the beginning of the order, Unix nanoseconds.
    pub(crate) began_ns: i64,
    /// Time for the order.
    pub(crate) work: Duration,
    /// Longest time for one span with its line.
    pub(crate) slowest: Duration,
    /// Time for the stop.
    pub(crate) stop: Duration,
    /// Resident memory, in bytes, after half of a flood and after all of it.
    pub(crate) memory: [f64; 2],
}

/// Result of a probe.
#[derive(Debug)]
pub(crate) struct ProbeOutcome {
    pub(crate) report: ProbeReport,
    /// The JSON lines on its standard output.
    pub(crate) lines: Vec<serde_json::Value>,
}

/// Runs a probe with `order` with these variables and no others.
pub(crate) async fn probe(order: ProbeOrder, variables: &[(&str, &str)]) -> ProbeOutcome {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = command(order, variables);
    command.env("PROBE_REPORT", &report).stdout(Stdio::piped());
    let output = tokio::time::timeout(PROBE_TIME_MAX, command.output()).await;
    let output = output.expect("the probe ends").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    // The harness writes lines of its own.
    let lines = stdout.lines().filter(|line| line.starts_with('{'));
    ProbeOutcome {
        report: read(&report),
        lines: lines.map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

/// The probe's command line, for tests that need to control it.
pub(crate) fn command(order: ProbeOrder, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "probe::run_order", "--ignored", "--nocapture", "--quiet"])
        .env_clear()
        .env("PROBE_ORDER", order.to_possible_value().unwrap().get_name())
        .envs(variables.iter().copied())
        .kill_on_drop(true);
    command
}

/// The report that a probe left.
pub(crate) fn read(report: &std::path::Path) -> ProbeReport {
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

#[test]
#[ignore = "the other tests start it as a process of its own"]
fn run_order() {
    let args = ProbeArgs::parse_from(["probe"]);
    let Some(order) = args.order else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let clock = Clock::new();
        let identity = Identity { name: "processor".to_owned(), instance: "probe".to_owned() };
        let telemetry = telemetry::init(&identity, &args.telemetry, clock.offset()).unwrap();
        let metrics = telemetry.metrics();
        let (began_ns, began) = (clock.stamp_ns(), Instant::now());
        let mut report = match order {
            ProbeOrder::Story => story(&telemetry, &clock),
            ProbeOrder::Skewed => skewed(&telemetry, &clock),
            ProbeOrder::Flood => flood(&telemetry, args.count).await,
            ProbeOrder::Aborted => aborted(),
        };
        (report.began_ns, report.work, report.metrics) =
            (began_ns, began.elapsed(), metrics.text());
        let stopping = Instant::now();
        telemetry.stop().await;
        (report.stop, report.metrics_at_end) = (stopping.elapsed(), metrics.text());
        std::fs::write(&args.report, serde_json::to_vec(&report).unwrap()).unwrap();
    });
    drop(runtime);
    // The harness would write to standard output, which may have no reader.
    std::process::exit(0);
}

fn story(telemetry: &Telemetry, clock: &Clock) -> ProbeReport {
    let metrics = telemetry.metrics();
    let outer = info_span!("outer", otel.kind = "server").entered();
    let trace_id = current_span_ref().unwrap().trace_hex();
    info!(name: "job.taken", job_id = "j-1", level = "own", ratio = 0.5, "took the job");
    info!("a second line");
    info_span!("inner").in_scope(|| {
        tracing::debug!("a third line, which the default filter drops");
        metrics.observe(&JOB_DURATION, &["add", "succeeded"], 0.2);
        metrics.count(&ATTEMPTS, &["processor", "done"]);
    });
    let lost = TraceParent { span_id: 0xfeed, ..current_span_ref().unwrap() };
    let attempt = FinishedSpan::new("process jobs.todo.add", SpanKind::Consumer, lost)
        .parent(current_span_ref().unwrap())
        .times(clock.stamp(), clock.stamp())
        .attribute(KeyValue::new(attr::VERDICT, "lost"))
        .link(lost, attr::LINK_PREVIOUS_ATTEMPT)
        .event("killed", clock.stamp(), Vec::new())
        .status(Status::error("the worker went away"));
    telemetry.spans().export(attempt.build());
    drop(outer);
    ProbeReport { trace_id, ..ProbeReport::default() }
}

fn aborted() -> ProbeReport {
    let _unfinished = info_span!("unfinished", otel.kind = "consumer").entered();
    info_span!("finished", otel.kind = "producer").in_scope(|| {});
    std::process::abort()
}

fn skewed(telemetry: &Telemetry, clock: &Clock) -> ProbeReport {
    let straddling = info_span!("straddling").entered();
    let trace_id = current_span_ref().unwrap().trace_hex();
    clock.skew(time::Duration::hours(1));
    drop(straddling.exit());
    clock.skew(time::Duration::hours(-1));
    info_span!("behind").in_scope(|| {
        info!("a line from the past");
        let parent = current_span_ref().unwrap();
        // Starts by the broker's clock, ends by this one, an hour earlier.
        let wait = FinishedSpan::child("queued", SpanKind::Internal, parent);
        telemetry.spans().export(wait.times(clock.true_now(), clock.stamp()).build());
    });
    clock.skew(time::Duration::ZERO);
    info_span!("straight").in_scope(|| {});
    ProbeReport { trace_id, ..ProbeReport::default() }
}

async fn flood(telemetry: &Telemetry, count: u32) -> ProbeReport {
    let mut report = ProbeReport::default();
    for half in 0..2 {
        for n in 0..count / 2 {
            let began = Instant::now();
            info_span!("flood", n, text = "some text as an attribute").in_scope(|| {
                info!(job_id = "j-1", n, "a line of the flood");
            });
            report.slowest = report.slowest.max(began.elapsed());
            if n % 512 == 0 {
                tokio::task::yield_now().await;
            }
        }
        report.memory[half] = number(&telemetry.metrics().text(), "process_resident_memory_bytes");
    }
    report
}

/// The value of a sample line that begins with `name` and a space.
pub(crate) fn value<'a>(metrics: &'a str, name: &str) -> &'a str {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{metrics}"))
}

/// The same as a number.
pub(crate) fn number(metrics: &str, name: &str) -> f64 {
    value(metrics, name).parse().unwrap()
}
