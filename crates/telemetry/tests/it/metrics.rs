//! Tests of the metrics text with an independent parser.

use contract::{
    Stage,
    propagation::TraceParent,
    signals::{self, ATTEMPTS, HTTP_SERVER_REQUEST_DURATION, JOB_DURATION, METRICS, QUEUE_WAIT},
};
use openmetrics_parser::{
    OpenMetricsType, OpenMetricsValue, Sample, openmetrics::parse_openmetrics,
};
use runtime::clock::Clock;
use telemetry::{Metrics, context::span_context};

use crate::probe::{ProbeOrder, number, probe, value};

type Exposition = openmetrics_parser::MetricsExposition<OpenMetricsType, OpenMetricsValue>;

fn metrics(stage: Option<Stage>) -> Metrics {
    Metrics::new(METRICS, stage, Clock::new().offset())
}

/// The parser wrongly refuses units of histograms; they are removed here and checked separately.
fn parsed(text: &str) -> Exposition {
    let is_histogram = |line: &str| {
        let name = line.strip_prefix("# UNIT ").and_then(|rest| rest.split(' ').next());
        name.is_some_and(|name| text.contains(&format!("# TYPE {name} histogram")))
    };
    let read = text.lines().filter(|line| !is_histogram(line)).map(|line| format!("{line}\n"));
    parse_openmetrics(&read.collect::<String>()).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn sampled() -> TraceParent {
    TraceParent { trace_id: 0xabc, span_id: 0xdef, sampled: true }
}

/// The buckets of the one series of `family` that has `labels`.
fn series<'a>(all: &'a Exposition, family: &str, labels: &[&str]) -> &'a Sample<OpenMetricsValue> {
    let family = &all.families[family];
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    family.get_sample_by_label_values(&labels).expect("the series is there")
}

#[test]
fn the_text_of_every_stage_is_valid_and_shows_its_known_series_at_zero() {
    for stage in Stage::ALL {
        let text = metrics(Some(stage)).text();
        let read = parsed(&text);
        for metric in METRICS.iter().filter(|metric| !metric.known_rows(Some(stage)).is_empty()) {
            let family = metric.name.strip_suffix("_total").unwrap_or(metric.name);
            let family = read.families.get(family);
            let family = family.unwrap_or_else(|| panic!("{} is missing at {stage}", metric.name));
            assert_eq!(family.iter_samples().count(), metric.known_rows(Some(stage)).len());
            let name = &family.family_name;
            let unit = format!("# UNIT {name} seconds");
            assert_eq!(text.lines().any(|line| line == unit), name.ends_with("_seconds"), "{name}");
        }
        for foreign in Stage::ALL.iter().filter(|other| **other != stage) {
            assert!(!text.contains(&format!("stage=\"{foreign}\"")), "{foreign} at {stage}");
        }
    }
}

#[test]
fn counters_gauges_and_histograms_hold_the_observed_values() {
    let metrics = metrics(Some(Stage::Ingester));
    metrics.add(&ATTEMPTS, &["ingester", "done"], 3);
    metrics.count(&ATTEMPTS, &["ingester", "done"]);
    metrics.set(&signals::SLOTS, &["ingester"], 16.0);
    metrics.shift(&signals::SLOTS, &["ingester"], -0.5);
    for wait in [0.001, 0.0011, 61.0, f64::NAN] {
        metrics.observe(&QUEUE_WAIT, &["ingester"], wait);
    }
    let text = metrics.text();
    parsed(&text);
    assert_eq!(value(&text, r#"waybill_attempts_total{stage="ingester",verdict="done"}"#), "4.0");
    assert_eq!(value(&text, r#"waybill_slots{stage="ingester"}"#), "15.5");
    let bucket = |le| {
        value(&text, &format!(r#"waybill_queue_wait_seconds_bucket{{stage="ingester",le="{le}"}}"#))
    };
    assert_eq!(
        [bucket("0.001"), bucket("0.0025"), bucket("60.0"), bucket("+Inf")],
        ["1", "2", "2", "3"]
    );
    assert_eq!(value(&text, r#"waybill_queue_wait_seconds_count{stage="ingester"}"#), "3");
}

#[test]
fn an_exemplar_belongs_to_the_bucket_of_its_value_and_has_true_time() {
    let clock = Clock::new();
    let metrics = Metrics::new(METRICS, None, clock.offset());
    clock.skew(time::Duration::days(1));
    let span = span_context(sampled());
    metrics.observe_for(&JOB_DURATION, &["add", "succeeded"], 0.2, &span);
    metrics.observe_for(&JOB_DURATION, &["add", "succeeded"], 7_200.0, &span);
    let read = parsed(&metrics.text());
    let series = series(&read, "waybill_job_duration_seconds", &["add", "succeeded"]);
    let OpenMetricsValue::Histogram(histogram) = &series.value else { panic!("{series:?}") };
    let marked: Vec<_> =
        histogram.buckets.iter().filter(|bucket| bucket.exemplar.is_some()).collect();
    let bounds: Vec<f64> = marked.iter().map(|bucket| bucket.upper_bound).collect();
    assert_eq!(bounds, [0.25, f64::INFINITY]);
    let exemplar = marked[0].exemplar.as_ref().unwrap();
    assert_eq!(
        (exemplar.labels["trace_id"].as_str(), exemplar.id),
        ("00000000000000000000000000000abc", 0.2)
    );
    assert_eq!(exemplar.labels["span_id"], "0000000000000def");
    let now = clock.true_now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((0.0..60.0).contains(&(now - exemplar.timestamp.unwrap())), "{exemplar:?}");
}

#[test]
fn an_unsampled_observation_leaves_no_exemplar() {
    let metrics = metrics(Some(Stage::Processor));
    let unsampled = span_context(TraceParent { sampled: false, ..sampled() });
    metrics.observe_for(&JOB_DURATION, &["add", "succeeded"], 0.2, &unsampled);
    metrics.observe(&JOB_DURATION, &["add", "succeeded"], 0.2);
    assert!(!metrics.text().contains("trace_id"));
}

#[test]
fn exemplars_are_bounded_and_odd_label_values_are_escaped() {
    let metrics = metrics(None);
    let span = span_context(sampled());
    for n in 0..2_000 {
        let route = format!("/a\"\\\n{n}");
        metrics.observe_for(&HTTP_SERVER_REQUEST_DURATION, &["GET", &route, "200"], 0.1, &span);
    }
    let text = metrics.text();
    let read = parsed(&text);
    assert_eq!(read.families["http_server_request_duration_seconds"].iter_samples().count(), 2_000);
    assert_eq!(text.matches(" # {trace_id").count(), 512);
}

#[tokio::test]
async fn a_process_shows_its_own_metrics_and_the_trace_of_an_observation() {
    let outcome = probe(ProbeOrder::Story, &[("WAYBILL_TELEMETRY", "on")]).await;
    let metrics = &outcome.report.metrics;
    let read = parsed(metrics);
    assert!(metrics.contains(&format!("trace_id=\"{}\"", outcome.report.trace_id)));
    assert!(number(metrics, "process_resident_memory_bytes") > 1e6);
    for family in ["process_cpu_seconds", "process_open_fds", "process_start_time_seconds"] {
        assert!(read.families.contains_key(family), "{family}");
    }
}

#[test]
#[should_panic(expected = "waybill_attempts_total is a Counter")]
fn a_wrong_number_of_labels_panics_in_debug_builds() {
    metrics(None).count(&ATTEMPTS, &["processor"]);
}
