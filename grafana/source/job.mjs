// One job, found by its trace id or its job id.

import { dashboard, row } from "./dashboard.mjs";
import { found, logs, search, waterfall, words } from "./panels.mjs";

const text = (name, label, description) => ({
  type: "textbox", name, label, description, query: "", hide: 0, current: { text: "", value: "" },
  options: [],
});

const ATTRIBUTES = [
  "resource.service.name", "span.waybill.verdict", "span.waybill.job.round", "span.waybill.job.attempt",
  "span.waybill.queue.wait_ms", "span.waybill.reason", "span.waybill.fault",
].join(", ");

// Searches give trace ids without their leading zeros; logs have them.
const OF_TRACE = '{service_name=~".+"} | trace_id != "" | trace_id =~ "0*$trace_id"';
const OF_JOB = '{service_name=~".+"} | job_id != "" | job_id = "$job_id"';

const find = row(6,
  [16, found("Traces of this job id", "Enter a job id above. Click the trace id: the panels below show that trace.",
    search('{ span.waybill.job.id = "$job_id" }'))],
  [8, words("How to use this page", [
    "**By trace:** click a dot or a row on any other page. **By job:** paste the id that the gateway answered.",
    "",
    "[The record: state, attempts, results](http://localhost:8080/v1/jobs/${job_id}) · [the same job on the console](http://localhost:8090/traces/${trace_id})",
  ].join("\n"))]);

const trace = row(18,
  [24, waterfall("Waterfall", "Look for: gaps are waits, a red CONSUMER span is a failed attempt, the next one beside it is the retry. `verdict=lost` marks a killed worker.", "$trace_id")]);

const state = row(9,
  [24, found("State: its attempts", "One row per attempt: its verdict, its round, its queue wait. The verdict of the last row is the state of the job.",
    search(`{ trace:id = "$trace_id" && span.waybill.verdict != nil } | select(${ATTRIBUTES})`, "spans", 50))]);

const lines = row(12,
  [12, logs("Logs of this trace", "Every service's lines of this job, oldest first. Look for: the one summary line of each attempt.", OF_TRACE)],
  [12, logs("Logs of this job id", "Log lines with this job id, also of traces that are not sampled.", OF_JOB)]);

export default dashboard("job", "Waybill · One job", "One job from the first request to the notification: waterfall, attempts, logs.", {
  from: "now-1h", rows: [find, trace, state, lines],
  variables: [
    text("trace_id", "Trace id", "32 hexadecimal digits"),
    text("job_id", "Job id", "As returned by the gateway"),
  ],
});
