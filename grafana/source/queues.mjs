// What JetStream holds: how much, how old, and how often it was given out.

import { dashboard, row } from "./dashboard.mjs";
import { found, heat, lines, numbers, now, over, plain, search, worse } from "./panels.mjs";

const age = row(9,
  [12, lines("Age of the oldest message", "The most important number to alert on. Look for: a line that rises by one second per second: nothing leaves that queue.", {
    unit: "s", thresholds: worse(10, 30),
    targets: [over('max by (stream) (waybill_queue_oldest_age_seconds{stream!="DEAD"})', "{{stream}}")],
  })],
  [12, lines("Waiting messages", "Not delivered yet. Look for: up and down with load is fine; only up is not.", {
    unit: "short", targets: [over('sum by (stream) (waybill_queue_depth{stream!="DEAD"})', "{{stream}}")],
  })]);

const hands = row(8,
  [8, lines("In flight: delivered and not settled", "Look for: more than the slots of the stage: jobs that wait for a retry, or a worker that was lost.", {
    unit: "short", targets: [over('sum by (consumer) (waybill_queue_ack_pending{consumer!="none"})', "{{consumer}}")],
  })],
  [8, lines("Redelivered", "Unsettled messages that were redelivered. Look for: rising after a kill, back to zero within the ack wait of ten seconds.", {
    unit: "short", targets: [over('sum by (consumer) (waybill_queue_redelivered{consumer!="none"})', "{{consumer}}")],
  })],
  [8, lines("Deliveries and failed pulls", "Deliveries per second, including redeliveries, and pulls that ended in an error. Look for: any error: the broker is unreachable or slow.", {
    unit: "ops",
    targets: [
      over("sum by (consumer) (rate(waybill_messages_received_total[$__rate_interval]))", "{{consumer}}"),
      over("sum by (consumer) (rate(waybill_poll_errors_total[$__rate_interval]))", "errors {{consumer}}"),
    ],
  })]);

const waits = row(9,
  [12, heat("Queue wait, all stages", "From the broker's timestamp to the start of the attempt. Look for: a cloud that rises. Dots are single jobs.", {
    expr: "sum by (le) (increase(waybill_queue_wait_seconds_bucket[$__rate_interval]))",
  })],
  [12, lines("New dead letters, by reason", "Messages that could not be handled. Look for: *attempts_used_up* is a fault downstream, *malformed* a client, *interruptions_used_up* a poison job.", {
    unit: "short", stacked: true,
    targets: [over("sum by (reason) (increase(waybill_dead_letters_total[$__rate_interval]))", "{{reason}}")],
  })]);

const dead = row(9,
  [6, numbers("Dead letters kept, and lost", "Dead letters to redrive or delete: `waybill dead list`. Lost ones were removed because the stream was full, or they were a week old (alert *DeadLettersForgotten*).", {
    unit: "short", decimals: 0, thresholds: worse(1, 100),
    targets: [
      now('sum(waybill_queue_depth{stream="DEAD"})', "kept"),
      now("sum(waybill_dead_letters_forgotten_total)", "forgotten"),
    ],
  })],
  [6, numbers("Discarded in 10 minutes", "Events from sources that are not allowed, and duplicates. Look for: nothing to repair; a jump is a change of a client.", {
    unit: "short", decimals: 0, thresholds: plain(),
    targets: [now("sum by (reason) (increase(waybill_events_discarded_total[10m]))", "{{reason}}")],
  })],
  [12, found("Traces of dead letters", "Click a trace id: the span `publish jobs.dead…` says why.", search('{ name =~ "publish jobs.dead.*" }'))]);

export default dashboard("queues", "Waybill · Queues", "JetStream: how many messages wait, for how long, and how many are in flight.",
  { rows: [age, hands, waits, dead] });
