//! The counters of lost telemetry.

use contract::signals::TELEMETRY_DROPPED;

use crate::docker::FullLab;

/// The services whose counters are read.
const SERVICES: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];
/// URL of the collector's own metrics.
const COLLECTOR: &str = "http://otel-collector:8888/metrics";
/// The collector's counters of lost telemetry, without signal: full queues and permanent errors of backends.
const COLLECTOR_LOST: [&str; 2] =
    ["otelcol_exporter_enqueue_failed_", "otelcol_exporter_send_failed_"];

/// Spans, log records and metric points that services and collector count as lost. Blocking.
pub(crate) fn everywhere(lab: &FullLab) -> f64 {
    let metrics = lab.inside(COLLECTOR);
    let collector: f64 =
        COLLECTOR_LOST.iter().map(|name| sum(&metrics, |series| series.starts_with(name))).sum();
    collector + by_services(lab, "")
}

/// Items of one signal that services dropped; of all signals if it is empty. Blocking.
pub(crate) fn by_services(lab: &FullLab, signal: &str) -> f64 {
    let lost = |service: &&str| {
        let metrics = lab.inside(&format!("http://{service}:9100/metrics"));
        sum(&metrics, |series| {
            series.starts_with(TELEMETRY_DROPPED.name) && series.contains(signal)
        })
    };
    SERVICES.iter().map(lost).sum()
}

/// Bytes queued in the collector for this exporter. Blocking.
pub(crate) fn queued(lab: &FullLab, exporter: &str) -> f64 {
    let label = format!("exporter=\"{exporter}\"");
    sum(&lab.inside(COLLECTOR), |series| {
        series.starts_with("otelcol_exporter_queue_size{") && series.contains(&label)
    })
}

/// The sum over the selected series, without exemplars.
fn sum(metrics: &str, meant: impl Fn(&str) -> bool) -> f64 {
    let samples = metrics.lines().filter_map(|line| line.split_once("} "));
    let meant = samples.filter(|(series, _)| meant(series));
    meant.map(|(_, value)| value.split(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}
