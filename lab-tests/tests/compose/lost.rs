//! What the lab says that it has lost of its telemetry.

use contract::signals::TELEMETRY_DROPPED;

use crate::docker::FullLab;

/// Whose counters are read.
const SERVICES: [&str; 4] = ["gateway", "ingester", "processor", "notifier"];
/// Where the collector tells of itself.
const COLLECTOR: &str = "http://otel-collector:8888/metrics";
/// Its counters of what was lost, without signal: a queue was full, a backend refused for good.
const COLLECTOR_LOST: [&str; 2] =
    ["otelcol_exporter_enqueue_failed_", "otelcol_exporter_send_failed_"];

/// Spans, log records and metric points that services and collector count as lost. Blocks.
pub(crate) fn everywhere(lab: &FullLab) -> f64 {
    let metrics = lab.inside(COLLECTOR);
    let collector: f64 =
        COLLECTOR_LOST.iter().map(|name| sum(&metrics, |series| series.starts_with(name))).sum();
    collector + by_services(lab, "")
}

/// What services gave up of one signal; of all, where none is named. Blocks.
pub(crate) fn by_services(lab: &FullLab, signal: &str) -> f64 {
    let lost = |service: &&str| {
        let metrics = lab.inside(&format!("http://{service}:9100/metrics"));
        sum(&metrics, |series| {
            series.starts_with(TELEMETRY_DROPPED.name) && series.contains(signal)
        })
    };
    SERVICES.iter().map(lost).sum()
}

/// Bytes that wait in the collector for this exporter. Blocks.
pub(crate) fn queued(lab: &FullLab, exporter: &str) -> f64 {
    let label = format!("exporter=\"{exporter}\"");
    sum(&lab.inside(COLLECTOR), |series| {
        series.starts_with("otelcol_exporter_queue_size{") && series.contains(&label)
    })
}

/// The sum over the series that are meant; exemplars are not read.
fn sum(metrics: &str, meant: impl Fn(&str) -> bool) -> f64 {
    let samples = metrics.lines().filter_map(|line| line.split_once("} "));
    let meant = samples.filter(|(series, _)| meant(series));
    meant.map(|(_, value)| value.split(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}
