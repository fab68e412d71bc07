// The first page: the pipeline from left to right, and whether every accepted job is accounted for.

import { dashboard, row } from "./dashboard.mjs";
import { UID, found, lines, now, numbers, of, over, p95, plain, search, worse } from "./panels.mjs";

const to = (uid, title) => [{
  type: "link", title, url: `/d/${uid}?\${__url_time_range}`, tooltip: "", icon: "dashboard", asDropdown: false,
  includeVars: false, keepTime: false, tags: [], targetBlank: false,
}];

const stage = (place, name, description) =>
  numbers(`${place} · ${name}`, description, {
    targets: [
      over(`sum(rate(waybill_attempts_total{stage="${name}"}[$__rate_interval]))`, "attempts/s"),
      now(`sum(waybill_queue_depth{consumer="${name}"})`, "waiting"),
      now(`max(waybill_queue_oldest_age_seconds{consumer="${name}"})`, "oldest"),
    ],
    unit: "short", thresholds: plain(), links: to(UID.queues, "Queues"),
    overrides: [of("A", "ops", plain()), of("B", "short", worse(100, 1000)), of("C", "s", worse(10, 30))],
  });

const pipeline = row(6,
  [6, numbers("1 · gateway", "Accepts jobs. Look for: accepted/s at zero: no client submits; 5xx/s above zero: the broker refuses or is unreachable.", {
    targets: [
      over("sum(rate(waybill_jobs_submitted_total[$__rate_interval]))", "accepted/s"),
      p95("http_server_request_duration_seconds", [], "p95"),
      over('sum(rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[$__rate_interval])) or vector(0)', "5xx/s"),
    ],
    unit: "ops", thresholds: plain(), links: to(UID.jobs, "Jobs"),
    overrides: [of("A", "ops", plain()), of("B", "s", worse(0.1, 0.5)), of("C", "ops", worse(0.01, 1))],
  })],
  [6, stage(2, "ingester", "Checks and queues jobs. Look for: oldest rising while attempts/s is zero: the stage is stuck or stopped.")],
  [6, stage(3, "processor", "Runs jobs. Look for: waiting rising while attempts/s is steady: more jobs come in than the slots can run.")],
  [6, stage(4, "notifier", "Notifies submitters. Look for: oldest rising only here: a slow or unreachable webhook receiver.")]);

const flow = row(9,
  [12, lines("Queue wait and attempt duration (p95)", "Is a job slow because it waits, or because it runs? Look for: a *wait* line far above its *work* line. A dot is one job: click it, then *View trace*.", {
    unit: "s",
    targets: [
      p95("waybill_queue_wait_seconds", ["stage"], "wait {{stage}}"),
      p95("waybill_stage_duration_seconds", ["stage"], "work {{stage}}"),
    ],
  })],
  [12, lines("Outcomes", "Ended jobs by outcome. Look for: green is good, orange failed for good (such as a division by zero), red is dead: it has a dead letter.", {
    unit: "ops", stacked: true, words: ["succeeded", "failed", "dead", "cancelled"],
    targets: [over("sum by (outcome) (rate(waybill_jobs_finished_total[$__rate_interval]))", "{{outcome}}")],
  })]);

const ACTIVE = 'state=~"accepted|queued|running|retrying"';
const UNACCOUNTED = [
  "round(sum(increase(waybill_jobs_submitted_total[10m]))",
  '- sum(increase(waybill_events_discarded_total{reason=~"unknown_source|unknown_type"}[10m]))',
  "- (sum(waybill_jobs) - (sum(waybill_jobs offset 10m) or vector(0))))",
].join(" ");

const reconciliation = row(6,
  [16, numbers("Reconciliation: accepted = succeeded + failed + dead + cancelled + in flight", "All jobs that the gateway's index knows; it is read from the broker, so it survives crashes. Look for: *in flight* returning to a small number after each fault.", {
    unit: "short", thresholds: plain(), decimals: 0,
    targets: [
      now("sum(waybill_jobs)", "accepted"),
      now('sum(waybill_jobs{state="succeeded"})', "succeeded"),
      now('sum(waybill_jobs{state="failed"})', "failed"),
      now('sum(waybill_jobs{state="dead"})', "dead"),
      now('sum(waybill_jobs{state="cancelled"})', "cancelled"),
      now(`sum(waybill_jobs{${ACTIVE}})`, "in flight"),
    ],
    overrides: [
      of("B", "short", plain("green")), of("C", "short", plain("orange")), of("D", "short", worse(1, 10)),
      of("E", "short", plain("purple")),
    ],
  })],
  [4, numbers("Unaccounted", "Counted at the door in the last 10 minutes, less what the index gained in that time. Look for: about zero; a number that stays is a lost job. Rates are estimated at the edges, so ± a few for a moment under load is no loss; an event that came twice counts as one.", {
    unit: "short", decimals: 0, targets: [now(UNACCOUNTED, "jobs")],
    thresholds: { mode: "absolute", steps: [{ value: null, color: "orange" }, { value: -20, color: "green" }, { value: 20, color: "orange" }, { value: 200, color: "red" }] },
  })],
  [4, numbers("Alerts firing", "Look for: zero. Which ones: Alerting in the menu, or the console.", {
    unit: "short", decimals: 0, thresholds: worse(1, 3),
    targets: [now('sum(ALERTS{alertstate="firing"}) or vector(0)', "alerts")],
  })]);

const traces = row(10,
  [24, found("Recent jobs, as traces", "Newest jobs. Click a trace id for its waterfall, logs and attempts on one page.",
    search('{ resource.service.name = "gateway" && kind = server }'))]);

export default dashboard("home", "Waybill · Lab home", "The stages of a job, left to right. Start here; every number is a link.",
  { rows: [pipeline, flow, reconciliation, traces] });
