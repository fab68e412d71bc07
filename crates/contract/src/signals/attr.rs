//! Names of span attributes: from semantic conventions 1.42 if defined there, else `waybill.…`.

/// Text; always [`NATS`].
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// The value of [`MESSAGING_SYSTEM`].
pub const NATS: &str = "nats";
/// Text: `publish`, `process` or `ack`.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
/// Text: `send`, `process` or `settle`.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
/// Text: the subject.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
/// Text: the durable consumer.
pub const MESSAGING_CONSUMER_GROUP_NAME: &str = "messaging.consumer.group.name";
/// Text: the `Nats-Msg-Id`.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";

/// Text: `GET`, `POST`, …
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// Text: the route's pattern, such as `/v1/jobs/{id}`.
pub const HTTP_ROUTE: &str = "http.route";
/// Text: the request's path.
pub const URL_PATH: &str = "url.path";
/// Number: the response's status.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// Text: a reason word, or the status of a failed request.
pub const ERROR_TYPE: &str = "error.type";
/// Text: the host that was called.
pub const SERVER_ADDRESS: &str = "server.address";
/// Number: the port that was called.
pub const SERVER_PORT: &str = "server.port";

/// Text: the job's id.
pub const JOB_ID: &str = "waybill.job.id";
/// Text: the job's kind.
pub const JOB_KIND: &str = "waybill.job.kind";
/// Number from 0: one more with each redrive or retry.
pub const JOB_ROUND: &str = "waybill.job.round";
/// Number from 1: the attempt within the round.
pub const JOB_ATTEMPT: &str = "waybill.job.attempt";
/// Number: runs of this round that ended without a verdict.
pub const JOB_INTERRUPTIONS: &str = "waybill.job.interruptions";
/// Text: how the job ended.
pub const JOB_OUTCOME: &str = "waybill.job.outcome";
/// Text: the verdict of the attempt.
pub const VERDICT: &str = "waybill.verdict";
/// Text: one of [`super::reason`].
pub const REASON: &str = "waybill.reason";
/// Milliseconds that the message waited; below zero when clocks disagree.
pub const QUEUE_WAIT_MS: &str = "waybill.queue.wait_ms";
/// Milliseconds until the broker confirmed what was published.
pub const PUBLISH_ACK_MS: &str = "waybill.publish.ack_ms";
/// True when the broker already had this message id.
pub const PUBLISH_DUPLICATE: &str = "waybill.publish.duplicate";
/// Number: the message's stream sequence.
pub const STREAM_SEQUENCE: &str = "waybill.stream.sequence";
/// Text: the fault that fired here, such as `error`.
pub const FAULT: &str = "waybill.fault";
/// Text: the kind of the operation.
pub const OPERATION_KIND: &str = "waybill.operation.kind";
/// Number from 0: the operation's index in the job.
pub const OPERATION_INDEX: &str = "waybill.operation.index";
/// Number 0 to 1: the completed part of the operation.
pub const PROGRESS: &str = "waybill.progress";
/// Text: the process that did the work.
pub const WORKER: &str = "waybill.worker";
/// True if the submitter may have been notified before, under the same `webhook-id`.
pub const WEBHOOK_REPEAT: &str = "waybill.webhook.repeat";
/// True on a span that another process exported for a lost process.
pub const LOST: &str = "waybill.lost";
/// Text on a link: its target, one of the `LINK_…` words.
pub const LINK: &str = "waybill.link";
/// [`LINK`] to the producer of the message.
pub const LINK_PRODUCER: &str = "producer";
/// [`LINK`] to the attempt before.
pub const LINK_PREVIOUS_ATTEMPT: &str = "previous_attempt";
/// [`LINK`] from a redriven message to its dead letter.
pub const LINK_REDRIVEN_FROM: &str = "redriven_from";
/// [`LINK`] to the request that caused it.
pub const LINK_REQUEST: &str = "request";
/// [`LINK`] to the inbound context that a client sent.
pub const LINK_CALLER: &str = "caller";

/// Every attribute name of this file, for the checks of dashboards, scenarios and docs.
pub const ALL: &[&str] = &[
    MESSAGING_SYSTEM,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_MESSAGE_ID,
    HTTP_REQUEST_METHOD,
    HTTP_ROUTE,
    URL_PATH,
    HTTP_RESPONSE_STATUS_CODE,
    ERROR_TYPE,
    SERVER_ADDRESS,
    SERVER_PORT,
    JOB_ID,
    JOB_KIND,
    JOB_ROUND,
    JOB_ATTEMPT,
    JOB_INTERRUPTIONS,
    JOB_OUTCOME,
    VERDICT,
    REASON,
    QUEUE_WAIT_MS,
    PUBLISH_ACK_MS,
    PUBLISH_DUPLICATE,
    STREAM_SEQUENCE,
    FAULT,
    OPERATION_KIND,
    OPERATION_INDEX,
    PROGRESS,
    WORKER,
    WEBHOOK_REPEAT,
    LOST,
    LINK,
];
