// Whether the services agree on the time, and what breaks when they do not.

import { dashboard, row } from "./dashboard.mjs";
import { bands, found, lines, now, numbers, over, search, worse } from "./panels.mjs";

const ON_OFF = [{ type: "value", options: { 0: { text: "own clock", color: "blue" }, 1: { text: "corrected", color: "green" } } }];

const offsets = row(9,
  [14, lines("Clock offset", "How far each service's own clock is ahead of the lab's time server, before any correction; below zero it is behind. Look for: all lines on zero. One line away is a wrong clock; beside it stands whether it is corrected.", {
    unit: "s", min: null, targets: [over("max by (service_name, instance) (waybill_clock_offset_seconds)", "{{service_name}} {{instance}}")],
  })],
  [10, bands("Corrected by the time server", "Green while a service asks the lab's time server and corrects what it stamps.", {
    mappings: ON_OFF, thresholds: { mode: "absolute", steps: [{ value: null, color: "blue" }, { value: 1, color: "green" }] },
    targets: [over("max by (service_name) (waybill_clock_corrected)", "{{service_name}}")],
  })]);

const symptoms = row(9,
  [8, lines("Negative queue waits", "A message taken before it was put in: only clocks that disagree can do that. Look for: anything above zero.", {
    unit: "short", targets: [over("sum by (stage) (increase(waybill_queue_wait_negative_total[$__rate_interval]))", "{{stage}}")],
  })],
  [8, lines("Spans that Tempo stores but does not count", "Outside its window of time: the service then leaves the service graph. Look for: rising with the offset, with spans held back by an outage too.", {
    unit: "ops", targets: [over("sum by (reason) (rate(tempo_metrics_generator_spans_discarded_total[$__rate_interval]))", "{{reason}}")],
  })],
  [8, numbers("Largest offset that nobody corrects", "Look for: under ten milliseconds. Half a second is a wrong clock in the traces.", {
    unit: "s", decimals: 3, thresholds: worse(0.01, 0.5), targets: [now("max(abs(waybill_clock_offset_seconds) * (1 - waybill_clock_corrected))", "offset")],
  })]);

const traces = row(9,
  [24, found("Jobs whose wait was negative", "Click a trace id: the consumer starts before its producer. After the repair no new rows come.",
    search("{ span.waybill.queue.wait_ms < 0 } | select(resource.service.name, span.waybill.queue.wait_ms)", "spans"))]);

export default dashboard("clocks", "Waybill · Clocks", "Do the services agree on the time, and what breaks when they do not?",
  { rows: [offsets, symptoms, traces] });
