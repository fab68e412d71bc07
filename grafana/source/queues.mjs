// What JetStream holds: how much, how old, and how often it was given out.

import { dashboard, row } from "./dashboard.mjs";
import { found, heat, lines, numbers, now, over, plain, search, worse } from "./panels.mjs";

const age = row(9,
  [12, lines("Age of the oldest message", "The one number to alert on. Look for: a line that climbs one second a second: nothing leaves that queue.", {
    unit: "s", thresholds: worse(10, 30),
    targets: [over('max by (stream) (waybill_queue_oldest_age_seconds{stream!="DEAD"})', "{{stream}}")],
  })],
  [12, lines("Waiting messages", "Given to nobody yet. Look for: up and down with load is fine; up only is not.", {
    unit: "short", targets: [over('sum by (stream) (waybill_queue_depth{stream!="DEAD"})', "{{stream}}")],
  })]);

const hands = row(8,
  [8, lines("In hand: given out and not acked", "Look for: more than the slots of the stage: jobs that wait for a retry, or a worker that went away.", {
    unit: "short", targets: [over('sum by (consumer) (waybill_queue_ack_pending{consumer!="none"})', "{{consumer}}")],
  })],
  [8, lines("Given out more than once", "Unacked messages that came again. Look for: rising after a kill, back to zero within the ack wait of ten seconds.", {
    unit: "short", targets: [over('sum by (consumer) (waybill_queue_redelivered{consumer!="none"})', "{{consumer}}")],
  })],
  [8, lines("Taken and failed to take", "Messages a second, repeats included, and pulls that ended in an error. Look for: errors at all: the broker is away or slow.", {
    unit: "ops",
    targets: [
      over("sum by (consumer) (rate(waybill_messages_received_total[$__rate_interval]))", "{{consumer}}"),
      over("sum by (consumer) (rate(waybill_poll_errors_total[$__rate_interval]))", "errors {{consumer}}"),
    ],
  })]);

const waits = row(9,
  [12, heat("Queue wait, all stages", "From the broker's timestamp to the attempt's start. Look for: a cloud that lifts off the floor. Dots are single jobs.", {
    expr: "sum by (le) (increase(waybill_queue_wait_seconds_bucket[$__rate_interval]))",
  })],
  [12, lines("New dead letters, by reason", "Messages that nobody could handle. Look for: *attempts_used_up* is a fault downstream, *malformed* a client, *interruptions_used_up* a poison job.", {
    unit: "short", stacked: true,
    targets: [over("sum by (reason) (increase(waybill_dead_letters_total[$__rate_interval]))", "{{reason}}")],
  })]);

const dead = row(9,
  [6, numbers("Dead letters kept, and forgotten", "Waiting for somebody to look, redrive or drop. On the console: Dead letters. Forgotten ones are lost: the store was full, or they were a week old (alert *DeadLettersForgotten*).", {
    unit: "short", decimals: 0, thresholds: worse(1, 100),
    targets: [
      now('sum(waybill_queue_depth{stream="DEAD"})', "kept"),
      now("sum(waybill_dead_letters_forgotten_total)", "forgotten"),
    ],
  })],
  [6, numbers("Discarded in 10 minutes", "Events that were not for this lab, and repeats. Look for: nothing to repair here; a jump says who changed.", {
    unit: "short", decimals: 0, thresholds: plain(),
    targets: [now("sum by (reason) (increase(waybill_events_discarded_total[10m]))", "{{reason}}")],
  })],
  [12, found("Traces of dead letters", "Click a trace id: the span `publish jobs.dead…` says why.", search('{ name =~ "publish jobs.dead.*" }'))]);

export default dashboard("queues", "Waybill · Queues", "JetStream: how much waits, for how long, and who has it in hand.",
  { rows: [age, hands, waits, dead] });
