// Service graph, as Tempo reads it from the traces.

import { dashboard, row } from "./dashboard.mjs";
import { lines, now, over, rows, serviceMap, dotted } from "./panels.mjs";

const graph = row(14,
  [24, serviceMap("Service graph", "gateway → ingester → processor → notifier. Look for: a service that is missing (its clock is off, or its context is dropped), a red ring (failures). New edges take about 15 seconds, the first ones half a minute.")]);

const edges = row(9,
  [12, rows("Edges", "One row per edge. Look for: `messaging_system` on every hop between stages; *user* is a client without a trace.", {
    targets: [
      now("sum by (client, server, connection_type) (rate(traces_service_graph_request_total[2m]))", ""),
      now("sum by (client, server, connection_type) (rate(traces_service_graph_request_failed_total[2m]))", ""),
    ],
    columns: [{ from: "Value #A", name: "per second", unit: "ops" }, { from: "Value #B", name: "failed per second", unit: "ops" }],
  })],
  [12, lines("Time in the broker, from the traces (p95)", "Start of the consumer span minus end of the producer span. Look for: it must agree with the queue wait that the stages measure; clock skew distorts it.", {
    unit: "s",
    targets: [over("histogram_quantile(0.95, sum by (client, server, le) (rate(traces_service_graph_request_messaging_system_seconds_bucket[$__rate_interval])))", "{{client}} → {{server}}")],
  })]);

const spans = row(9,
  [12, lines("Spans per second, by service", "Look for: a service that drops to zero while its queue drains: its spans are lost or outside Tempo's time window.", {
    unit: "ops", targets: [over("sum by (service) (rate(traces_spanmetrics_calls_total[$__rate_interval]))", "{{service}}")],
  })],
  [12, lines("Consumer spans (p95, by service)", "The same as the stage duration, measured by Tempo. Dots link to traces here, too.", {
    unit: "s",
    targets: [dotted('histogram_quantile(0.95, sum by (service, le) (rate(traces_spanmetrics_latency_bucket{span_kind="SPAN_KIND_CONSUMER"}[$__rate_interval])))', "{{service}}")],
  })]);

export default dashboard("graph", "Waybill · Service graph", "Calls and messages between services, from the traces.",
  { from: "now-30m", rows: [graph, edges, spans] });
