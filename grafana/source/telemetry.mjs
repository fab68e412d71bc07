// Whether the telemetry itself can be trusted.

import { dashboard, row } from "./dashboard.mjs";
import { bands, lines, logs, now, numbers, over, worse, needs } from "./panels.mjs";

const UP = [{ type: "value", options: { 0: { text: "down", color: "red" }, 1: { text: "up", color: "green" } } }];
const FOUND = [{ type: "value", options: { 0: { text: "missing", color: "red" }, 1: { text: "found", color: "green" } } }];
// Collectors name their counters with or without `_total`, by version and reader.
const total = (name, by) => `sum by (${by}) (rate({__name__=~"${name}(_total)?"}[$__rate_interval]))`;

const health = row(8,
  [12, bands("Scrape targets", "Look for: green throughout. A target that is down may be the reason for an empty panel.", {
    mappings: UP, thresholds: needs(1), targets: [over("min by (job) (up)", "{{job}}")],
  })],
  [6, numbers("Dropped by services, 10 min", "Spans and log records that services dropped so as not to delay jobs. Look for: zero.", {
    unit: "short", decimals: 0, thresholds: worse(1, 100),
    targets: [now("sum by (signal) (increase(waybill_telemetry_dropped_total[10m]))", "{{signal}}")],
  })],
  [6, numbers("Exemplars kept", "In Prometheus, now. Look for: above zero; otherwise charts have no dots.", {
    unit: "short", decimals: 0, thresholds: needs(1), targets: [now("sum(prometheus_tsdb_exemplar_exemplars_in_storage)", "exemplars")],
  })]);

const collector = row(9,
  [8, lines("Collector: waiting to be sent", "Requests in the queue on disk, per backend. Look for: one rising line: that backend is unreachable, the others continue; the queue drains when it is reachable again.", {
    unit: "short", thresholds: worse(500, 900), targets: [over("sum by (exporter) (otelcol_exporter_queue_size)", "{{exporter}}")],
  })],
  [8, lines("Collector: spans in and out", "Look for: *in* and each *out* are equal. A gap is a queue or a loss.", {
    unit: "ops",
    targets: [
      over(total("otelcol_receiver_accepted_spans", "receiver"), "in {{receiver}}"),
      over(total("otelcol_exporter_sent_spans", "exporter"), "out {{exporter}}"),
    ],
  })],
  [8, lines("Collector: refused and lost", "Refused: memory is short, the sender retries. Failed: lost. Look for: an empty panel; the collector creates these series at the first loss.", {
    unit: "ops",
    targets: [
      over(total("otelcol_receiver_refused_spans", "receiver"), "refused {{receiver}}"),
      over(total("otelcol_exporter_send_failed_spans", "exporter"), "spans lost {{exporter}}"),
      over(total("otelcol_exporter_send_failed_log_records", "exporter"), "logs lost {{exporter}}"),
      over(total("otelcol_exporter_enqueue_failed_spans", "exporter"), "no room {{exporter}}"),
    ],
  })]);

const backends = row(9,
  [8, lines("Exemplars: accepted and refused", "Look for: *out of order* above zero: clocks, or two sources for one series.", {
    unit: "ops",
    targets: [
      over("sum(rate(prometheus_tsdb_exemplar_exemplars_appended_total[$__rate_interval]))", "taken"),
      over("sum(rate(prometheus_tsdb_exemplar_out_of_order_exemplars_total[$__rate_interval]))", "out of order"),
    ],
  })],
  [8, lines("Tempo: spans without metrics, edges without partner", "Look for: discarded spans explain gaps in the service graph; expired edges are messages that were not consumed in time.", {
    unit: "ops",
    targets: [
      over("sum by (reason) (rate(tempo_metrics_generator_spans_discarded_total[$__rate_interval]))", "discarded {{reason}}"),
      over("sum(rate(tempo_metrics_generator_processor_service_graphs_expired_edges[$__rate_interval]))", "edges expired"),
    ],
  })],
  [8, lines("Memory of the observability services", "Resident bytes of each service. Look for: flat while a backend is unreachable: buffers are bounded.", {
    unit: "bytes", targets: [over("max by (service_name) (process_resident_memory_bytes{service_name!=\"\"})", "{{service_name}}")],
  })]);

const canary = row(8,
  [12, bands("Canary: checks of one job per minute", "The console submits the job and queries its signals. Look for: green in every row. A red row names the signal that does not arrive; tempo, loki and prometheus are the backends.", {
    mappings: FOUND, thresholds: needs(1),
    targets: [over(
      `(sum by (check) (increase(waybill_canary_checks_total{outcome="passed"}[75s])) > bool 0) and on (check) sum by (check) (increase(waybill_canary_checks_total{outcome=~"passed|failed"}[75s])) > 0`,
      "{{check}}")],
  })],
  [12, lines("Canary: time until each signal is found", "From the job's end to the trace, log line and exemplar; for the job its own time. Look for: under a few seconds. An exemplar waits for the next scrape.", {
    unit: "s",
    targets: [over(
      "sum by (check) (rate(waybill_canary_duration_seconds_sum[5m])) / (sum by (check) (rate(waybill_canary_duration_seconds_count[5m])) > 0)",
      "{{check}}")],
  })]);

const troubles = row(9, [24, logs("Warnings and errors of the services", "Look for: messages about export, queue or broker.",
  '{service_name=~".+"} | detected_level =~ "warn|error|fatal"')]);

export default dashboard("telemetry", "Waybill · Telemetry health", "Are the signals of the other dashboards complete?",
  { rows: [health, canary, collector, backends, troubles] });
