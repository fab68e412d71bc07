// Rate, errors and duration of each stage, with the dots that lead to single jobs.

import { dashboard, row } from "./dashboard.mjs";
import { PROMETHEUS, found, heat, lines, over, p95, search } from "./panels.mjs";

const STAGE = {
  type: "query", name: "stage", label: "Stage", datasource: PROMETHEUS, multi: true, includeAll: true, allValue: ".+",
  query: { query: "label_values(waybill_slots, stage)", refId: "stage" }, refresh: 2, sort: 1, hide: 0,
  current: { text: ["All"], value: ["$__all"] },
};

const HERE = '{stage=~"$stage"}';
const rate = (metric, by, selector = HERE) => `sum by (${by}) (rate(${metric}${selector}[$__rate_interval]))`;

const red = row(9,
  [8, lines("Rate: attempts by verdict", "Look for: orange (retry) is tried again automatically; red: dead needs a redrive, lost is a worker that was lost.", {
    unit: "ops", stacked: true, words: ["done", "retry", "reject", "dead", "discard", "fenced", "lost"],
    targets: [over(rate("waybill_attempts_total", "verdict"), "{{verdict}}")],
  })],
  [8, lines("Errors: share of attempts that did not succeed", "Retries, rejects, dead and lost attempts. Look for: a line near zero; a step up is a fault, a slope is a growing number of poison jobs.", {
    unit: "percentunit", max: 1,
    targets: [over(`sum by (stage) (rate(waybill_attempts_total{stage=~"$stage", verdict=~"retry|reject|dead|lost"}[$__rate_interval])) / (sum by (stage) (rate(waybill_attempts_total${HERE}[$__rate_interval])) > 0)`, "{{stage}}")],
  })],
  [8, lines("Duration: one attempt (p95)", "Look for: dots above the line are slow attempts. Click a dot, then *View trace*.", {
    unit: "s", targets: [p95("waybill_stage_duration_seconds", ["stage"], "{{stage}}", HERE)],
  })]);

const whole = row(9,
  [12, heat("Whole jobs: accepted to ended", "Darker is more jobs. Look for: a second band above the first one: jobs that were retried or waited.", {
    expr: "sum by (le) (increase(waybill_job_duration_seconds_bucket[$__rate_interval]))",
  })],
  [12, lines("Operations (p95 by kind)", "What the processor spends its time on. Look for: one kind rising alone.", {
    unit: "s", targets: [p95("waybill_operation_duration_seconds", ["kind"], "{{kind}}")],
  })]);

const trouble = row(8,
  [8, lines("Interruptions and fencing", "Runs that ended without a verdict (worker lost), and runs that found another lease holder. Look for: spikes only when a worker is killed; they spend no attempt.", {
    unit: "short",
    targets: [
      over(`sum by (stage) (increase(waybill_interruptions_total${HERE}[$__rate_interval]))`, "interrupted {{stage}}"),
      over(`sum by (stage) (increase(waybill_fenced_total${HERE}[$__rate_interval]))`, "fenced {{stage}}"),
    ],
  })],
  [8, lines("Slots in use", "Share of the slots of a stage that are in use. Look for: 100 % with a growing queue: it needs more slots or replicas.", {
    unit: "percentunit", max: 1,
    targets: [over(`sum by (stage) (waybill_in_flight${HERE}) / sum by (stage) (waybill_slots${HERE})`, "{{stage}}")],
  })],
  [8, lines("Notifications", "Look for: *repeated* is the price of at-least-once; *failed* is tried again; *refused* is not.", {
    unit: "ops", stacked: true, words: ["delivered", "repeated", "failed", "refused"],
    targets: [over("sum by (outcome) (rate(waybill_notifications_total[$__rate_interval]))", "{{outcome}}")],
  })]);

const failures = row(9,
  [24, found("Attempts that did not succeed", "One row per attempt. Click a trace id to see the whole job.",
    search('{ span.waybill.verdict =~ "retry|reject|dead|lost" } | select(resource.service.name, span.waybill.verdict, span.waybill.job.attempt, span.waybill.reason, span.waybill.fault)', "spans"))]);

export default dashboard("jobs", "Waybill · Jobs", "Rate, errors and duration of each stage; every dot is one job.",
  { variables: [STAGE], rows: [red, whole, trouble, failures] });
