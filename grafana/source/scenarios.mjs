// What is broken on purpose, and what it does: for the stage.

import { dashboard, row } from "./dashboard.mjs";
import { found, lines, over, p95, search } from "./panels.mjs";

const effect = row(9,
  [8, lines("Faults that fired", "Look for: a fault that does not fire: check the stage that it names.", {
    unit: "ops", stacked: true, targets: [over("sum by (fault) (rate(waybill_faults_fired_total[$__rate_interval]))", "{{fault}}")],
  })],
  [8, lines("Effect on jobs: outcomes", "Look for: retries keep this green; red are jobs whose retries were used up.", {
    unit: "ops", stacked: true, words: ["succeeded", "failed", "dead", "cancelled"],
    targets: [over("sum by (outcome) (rate(waybill_jobs_finished_total[$__rate_interval]))", "{{outcome}}")],
  })],
  [8, lines("Effect on submitters: accepted to ended (p95)", "Look for: up at the fault, back after the repair. Dots are jobs.", {
    unit: "s", targets: [p95("waybill_job_duration_seconds", ["outcome"], "{{outcome}}")],
  })]);

const recovery = row(9,
  [12, lines("Recovery: age of the oldest message", "Recovered: below ten seconds and flat.", {
    unit: "s", targets: [over('max by (stream) (waybill_queue_oldest_age_seconds{stream!="DEAD"})', "{{stream}}")],
  })],
  [12, found("Spans that a fault hit", "Click a trace id: the span says which fault.",
    search("{ span.waybill.fault != nil } | select(resource.service.name, span.waybill.fault, span.waybill.verdict)", "spans"))]);

export default dashboard("scenarios", "Waybill · Scenarios", "Injected faults, their effects, and the recovery.",
  { rows: [effect, recovery] });
