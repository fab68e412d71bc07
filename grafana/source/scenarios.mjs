// What is broken on purpose, and what it does: for the stage.

import { dashboard, row } from "./dashboard.mjs";
import { bands, found, lines, over, p95, search, words } from "./panels.mjs";

const SET = [{ type: "value", options: { 0: { text: "off", color: "transparent" }, 1: { text: "set", color: "red" } } }];

const faults = row(8,
  [16, bands("Faults that are set", "Red while a fault is set for a whole service. Faults carried by a single job do not show here, but on their spans.", {
    mappings: SET, thresholds: { mode: "absolute", steps: [{ value: null, color: "transparent" }, { value: 1, color: "red" }] },
    targets: [over("max by (fault) (waybill_fault_active) and max by (fault) (max_over_time(waybill_fault_active[$__range])) > 0", "{{fault}}")],
  })],
  [8, words("Run one", [
    "`waybill scenario list`: what there is.", "",
    "`waybill scenario run NAME --step`: break, look, repair, recover; Enter between the steps.", "",
    "Purple marks on every page are the steps, red ones are faults. Faults end by themselves when their time to live is over.",
  ].join("\n"))]);

const effect = row(9,
  [8, lines("Faults that fired", "Look for: a fault that is set and does not fire hits nobody: check where it is aimed.", {
    unit: "ops", stacked: true, targets: [over("sum by (fault) (rate(waybill_faults_fired_total[$__rate_interval]))", "{{fault}}")],
  })],
  [8, lines("What jobs feel: outcomes", "Look for: retries keep this green; red is what retries could not save.", {
    unit: "ops", stacked: true, words: ["succeeded", "failed", "dead", "cancelled"],
    targets: [over("sum by (outcome) (rate(waybill_jobs_finished_total[$__rate_interval]))", "{{outcome}}")],
  })],
  [8, lines("What owners feel: accepted to ended (p95)", "Look for: up at the fault, back after the repair. Dots are jobs.", {
    unit: "s", targets: [p95("waybill_job_duration_seconds", ["outcome"], "{{outcome}}")],
  })]);

const recovery = row(9,
  [12, lines("Is it over? Oldest message", "Recovered means: back under ten seconds and flat.", {
    unit: "s", targets: [over('max by (stream) (waybill_queue_oldest_age_seconds{stream!="DEAD"})', "{{stream}}")],
  })],
  [12, found("Spans that a fault hit", "Click a trace id: the span says which fault.",
    search("{ span.waybill.fault != nil } | select(resource.service.name, span.waybill.fault, span.waybill.verdict)", "spans"))]);

export default dashboard("scenarios", "Waybill · Scenarios", "What is broken on purpose, what it does, and whether it is over.",
  { rows: [faults, effect, recovery] });
