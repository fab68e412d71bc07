//! The known names: the lab's own from `contract`, those of the backends from a list.

use std::collections::BTreeSet;

use contract::signals::{METRICS, Metric, MetricKind, attr};

use crate::files::File;

/// Labels that the scrape puts on every series.
pub(crate) const TARGET_LABELS: &[&str] =
    &["job", "instance", "service_name", "service_instance_id", "service_version"];

/// Series of the backends, and the labels of them that are used.
const BACKENDS: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity", "stream", "stage", "signal"]),
    ("process_resident_memory_bytes", &[]),
    ("otelcol_receiver_accepted_spans", &["receiver"]),
    ("otelcol_receiver_refused_spans", &["receiver"]),
    ("otelcol_exporter_sent_spans", &["exporter"]),
    ("otelcol_exporter_send_failed_spans", &["exporter"]),
    ("otelcol_exporter_send_failed_log_records", &["exporter"]),
    ("otelcol_exporter_send_failed_metric_points", &["exporter"]),
    ("otelcol_exporter_enqueue_failed_spans", &["exporter"]),
    ("otelcol_exporter_enqueue_failed_log_records", &["exporter"]),
    ("otelcol_exporter_enqueue_failed_metric_points", &["exporter"]),
    ("otelcol_exporter_queue_size", &["exporter", "data_type"]),
    ("otelcol_exporter_queue_capacity", &["exporter", "data_type"]),
    ("prometheus_tsdb_exemplar_exemplars_in_storage", &[]),
    ("prometheus_tsdb_exemplar_exemplars_appended_total", &[]),
    ("prometheus_tsdb_exemplar_out_of_order_exemplars_total", &[]),
    ("tempo_metrics_generator_spans_discarded_total", &["reason"]),
    ("tempo_metrics_generator_processor_service_graphs_expired_edges", &[]),
    ("traces_service_graph_request_total", EDGE),
    ("traces_service_graph_request_failed_total", EDGE),
    ("traces_service_graph_request_messaging_system_seconds_bucket", EDGE),
    ("traces_spanmetrics_calls_total", SPAN),
    ("traces_spanmetrics_latency_bucket", SPAN),
];
const EDGE: &[&str] = &["client", "server", "connection_type", "le"];
const SPAN: &[&str] = &["service", "span_kind", "span_name", "status_code", "le"];

/// Where a series comes from.
#[derive(Clone, Copy)]
pub(crate) enum Series {
    /// Of the lab itself: its labels and their values are known.
    Own(&'static Metric),
    /// Of a backend: the labels in the list.
    Backend(&'static [&'static str]),
    /// Made by a recording rule, whose own query is checked.
    Recorded,
}

/// All names that may be used.
pub(crate) struct Register {
    records: BTreeSet<String>,
}

impl Register {
    /// The register, and what the recording rules among the files make.
    pub(crate) fn with_records_of(files: &[File]) -> Self {
        let lines = files.iter().flat_map(|file| file.text.lines());
        let records = lines.filter_map(|line| line.trim().strip_prefix("- record: "));
        Self { records: records.map(str::to_owned).collect() }
    }

    /// False for a word that looks like a name of the lab but is not one.
    pub(crate) fn knows(&self, token: &str) -> bool {
        let attribute = ["span.", "resource."].iter().find_map(|scope| token.strip_prefix(scope));
        let attribute = attribute.unwrap_or(token);
        let is_file = [".rs", ".yaml", ".json", ".md"].iter().any(|end| attribute.ends_with(end));
        if attribute.starts_with("waybill.") && !is_file {
            return attr::ALL.contains(&attribute);
        }
        if token.contains(':') && token.contains("waybill_") {
            return self.records.contains(token);
        }
        if token.starts_with("waybill_") {
            let is_family = token.ends_with('_');
            return METRICS.iter().any(|metric| metric.name == token)
                || self.series(token).is_some()
                || (is_family && METRICS.iter().any(|metric| metric.name.starts_with(token)));
        }
        true
    }

    /// The series called `name`: a histogram has only its `_bucket`, `_sum` and `_count`.
    pub(crate) fn series(&self, name: &str) -> Option<Series> {
        if self.records.contains(name) {
            return Some(Series::Recorded);
        }
        if let Some((_, labels)) = BACKENDS.iter().find(|(known, _)| *known == name) {
            return Some(Series::Backend(labels));
        }
        let is_it = |metric: &&Metric| match metric.kind {
            MetricKind::Histogram => {
                let part = name.strip_prefix(metric.name);
                part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
            }
            MetricKind::Counter | MetricKind::Gauge => metric.name == name,
        };
        METRICS.iter().copied().find(is_it).map(Series::Own)
    }
}

impl Series {
    /// Whether the series can have the label; a series that a recording rule writes can have any.
    pub(crate) fn has(self, label: &str) -> bool {
        TARGET_LABELS.contains(&label)
            || match self {
                Self::Own(metric) => {
                    let is_bucket = label == "le" && metric.kind == MetricKind::Histogram;
                    is_bucket || metric.labels.iter().any(|known| known.name == label)
                }
                Self::Backend(labels) => labels.contains(&label),
                Self::Recorded => true,
            }
    }

    /// The values that the label can have, where they are known.
    pub(crate) fn values(self, label: &str) -> &'static [&'static str] {
        let Self::Own(metric) = self else { return &[] };
        metric.labels.iter().find(|known| known.name == label).map_or(&[], |known| known.values)
    }
}
