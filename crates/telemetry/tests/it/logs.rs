//! Log lines, over OTLP and on standard output.

use std::process::Stdio;

use testkit::OtlpSink;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::probe::{PROBE_TIME_MAX, ProbeOrder, command, number, probe, read};

const HOUR_NS: i128 = 3_600_000_000_000;
const MINUTE_NS: i128 = 60_000_000_000;

#[tokio::test]
async fn a_line_has_the_ids_of_its_span_in_both_outputs() {
    let sink = OtlpSink::start().await;
    let outcome =
        probe(ProbeOrder::Story, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())]).await;
    let line = &outcome.lines[0];
    let outer = sink.spans().into_iter().find(|span| span.name() == "outer").unwrap();
    assert_eq!(line["message"], "took the job");
    assert_eq!((&line["job_id"], &line["ratio"]), (&"j-1".into(), &0.5.into()));
    assert_eq!((&line["level"], &line["field.level"]), (&"INFO".into(), &"own".into()));
    assert_eq!((&line["service"], &line["target"]), (&"processor".into(), &"it::probe".into()));
    assert_eq!(line["trace_id"], outer.trace_id());
    assert_eq!(line["span_id"], outer.span_id());

    let logs = sink.logs_of(&outer.trace_id());
    let record = logs.iter().find(|log| log.body() == "took the job").unwrap();
    assert_eq!((record.span_id(), record.service.as_str()), (outer.span_id(), "processor"));
    assert_eq!(record.attribute("job_id").as_deref(), Some("j-1"));
    assert_eq!(record.record.event_name, "job.taken");
    assert_ne!(record.record.time_unix_nano, 0);
}

#[tokio::test]
async fn a_line_without_a_name_has_no_source_location() {
    let sink = OtlpSink::start().await;
    probe(ProbeOrder::Story, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())]).await;
    let logs = sink.logs();
    let second = logs.iter().find(|log| log.body() == "a second line").unwrap();
    assert_eq!(second.record.event_name, "");
}

#[tokio::test]
async fn lines_have_the_time_of_the_skewed_clock_in_both_outputs() {
    let sink = OtlpSink::start().await;
    let outcome =
        probe(ProbeOrder::Skewed, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())]).await;
    let skewed =
        |at: i128| (0..MINUTE_NS).contains(&(at + HOUR_NS - i128::from(outcome.report.began_ns)));
    let printed = outcome.lines[0]["timestamp"].as_str().unwrap();
    let printed = OffsetDateTime::parse(printed, &Rfc3339).unwrap();
    // Printed in microseconds, which may round down.
    assert!(skewed(printed.unix_timestamp_nanos() + 1_000), "{printed}");
    let sent = &sink.logs()[0].record;
    assert!(
        skewed(sent.time_unix_nano.into()) && skewed(sent.observed_time_unix_nano.into()),
        "{sent:?}"
    );
}

#[tokio::test]
async fn the_filter_of_standard_output_takes_nothing_from_spans_and_log_stores() {
    let sink = OtlpSink::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint())];
    let filtered = |filter| [(variables[0].0, variables[0].1.as_str()), ("RUST_LOG", filter)];
    let quiet = probe(ProbeOrder::Story, &filtered("error")).await;
    assert!(quiet.lines.is_empty(), "{:?}", quiet.lines);
    assert_eq!((sink.spans().len(), sink.logs().len()), (3, 2));

    let chatty = probe(ProbeOrder::Story, &filtered("it=debug")).await;
    let chatty: Vec<_> = chatty.lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(
        chatty.last().unwrap().as_str().unwrap(),
        "a third line, which the default filter drops"
    );
    assert_eq!(sink.logs().len(), 4, "debug lines stay here");
}

#[tokio::test]
async fn a_stalled_reader_causes_dropped_lines_and_no_delay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut command =
        command(ProbeOrder::Flood, &[("PROBE_COUNT", "40000"), ("WAYBILL_TELEMETRY", "off")]);
    let mut child = command.env("PROBE_REPORT", &path).stdout(Stdio::piped()).spawn().unwrap();
    // The pipe is held open and not read.
    let pipe = child.stdout.take().unwrap();
    let ended = tokio::time::timeout(PROBE_TIME_MAX, child.wait()).await;
    assert!(ended.expect("the process ends").unwrap().success());
    drop(pipe);
    let report = read(&path);
    let dropped = number(&report.metrics, "waybill_telemetry_dropped_total{signal=\"stdout\"}");
    assert!((20_000.0..40_000.0).contains(&dropped), "{dropped} lines dropped");
    assert!(report.stop.as_secs_f64() < 3.0, "{:?}", report.stop);
}
