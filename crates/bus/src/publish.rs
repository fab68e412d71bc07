//! Sending an event: one producer span, the trace context in its headers, and the broker's ack.

use std::time::{Duration, Instant};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        ErrorCode,
        context::{PublishError as SendError, PublishErrorKind},
        publish::PublishAck,
    },
};
use bytes::Bytes;
use contract::{
    JobId,
    event::{EventHead, EventType},
    propagation::TraceParent,
    signals::{attr, span},
};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{Link, SpanKind, Status, TraceContextExt, Tracer},
};

use crate::{Bus, connect::REQUEST_LIMIT, headers, storage};

/// How long a worker tries to hand a job on before it lets the message come again.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// An event on its way out.
#[derive(Debug)]
pub struct Outgoing {
    /// Where to; made by [`contract::topology`].
    pub subject: String,
    /// The message id, by which the broker drops repeats inside its window.
    pub message_id: String,
    /// What happened.
    pub kind: String,
    /// Who says so.
    pub source: String,
    /// The job it is about, if it has one.
    pub job: Option<JobId>,
    /// The data: JSON.
    pub body: Bytes,
    /// Headers beside the event's own.
    pub headers: Vec<(String, String)>,
    /// Spans that the message comes from beside its parent, each with one of the `LINK_…` words.
    pub links: Vec<(TraceParent, &'static str)>,
    /// How long to try.
    pub patience: Duration,
}

impl Outgoing {
    /// An event of one of the lab's own types about a job.
    pub fn about(job: JobId, kind: EventType, subject: String, body: impl Into<Bytes>) -> Self {
        Self {
            subject,
            message_id: String::new(),
            kind: kind.name().to_owned(),
            source: String::new(),
            job: Some(job),
            body: body.into(),
            headers: Vec::new(),
            links: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Gives the message its id.
    #[must_use]
    pub fn with_id(mut self, message_id: String) -> Self {
        self.message_id = message_id;
        self
    }

    /// Links the message's span to `span`, which is `what` to it, if there is such a span.
    #[must_use]
    pub fn linked(mut self, span: Option<TraceParent>, what: &'static str) -> Self {
        self.links.extend(span.map(|span| (span, what)));
        self
    }

    /// Sets how long to try.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// Why an event was not, or perhaps not, stored.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream is full and refuses. Nothing was stored.
    #[error("the queue is full: {0}")]
    Full(String),
    /// All streams together take as much as the broker lets them. Nothing was stored.
    #[error("the broker's store is full: {0}")]
    StoreFull(String),
    /// No stream takes the event. Nothing was stored.
    #[error("no stream takes the message: {0}")]
    NoStream(String),
    /// The broker did not say. The event may have been stored.
    #[error("the broker did not confirm the message: {0}")]
    Unconfirmed(String),
    /// The broker refuses this message for good.
    #[error("the broker refuses the message: {0}")]
    Refused(String),
}

impl Bus {
    /// Sends `event` and waits until the broker has stored it. Repeats the same id while patience lasts.
    ///
    /// The producer span ends when the message was sent; the wait for the ack is one of its attributes.
    pub async fn publish(&self, event: Outgoing) -> Result<PublishAck, PublishError> {
        let tracer = global::tracer("waybill.bus");
        let parent = Context::current();
        let mut builder =
            tracer.span_builder(span::publish_name(&event.subject)).with_kind(SpanKind::Producer);
        builder.attributes = Some(attributes(&event));
        builder.links = Some(links(&event));
        let producer = builder.start_with_context(&tracer, &parent);
        let context = parent.with_span(producer);
        let sent = Instant::now();
        let sent_at = self.service.clock.true_now();
        let stored = self.send(&event, &context).await;
        let producer = context.span();
        let waited = sent.elapsed();
        producer.set_attribute(KeyValue::new(attr::PUBLISH_ACK_MS, waited.as_secs_f64() * 1e3));
        match &stored {
            Ok(ack) => {
                producer.set_attribute(KeyValue::new(
                    attr::STREAM_SEQUENCE,
                    i64::try_from(ack.sequence).unwrap_or(i64::MAX),
                ));
                if ack.duplicate {
                    producer.set_attribute(KeyValue::new(attr::PUBLISH_DUPLICATE, true));
                }
            }
            Err(error) => producer.set_status(Status::error(error.to_string())),
        }
        producer.end_with_timestamp(sent_at);
        stored
    }

    fn headers_of(&self, event: &Outgoing, context: &Context) -> HeaderMap {
        let source = if event.source.is_empty() {
            format!("/waybill/{}", self.stage)
        } else {
            event.source.clone()
        };
        let head = EventHead {
            id: event.message_id.clone(),
            source,
            kind: event.kind.clone(),
            subject: event.job.map(|job| job.to_string()),
            time: Some(contract::api::rfc3339(self.service.clock.stamp_ms())),
        };
        let mut headers = headers::write(&head, context);
        headers.insert(NATS_MESSAGE_ID, event.message_id.as_str());
        for (name, value) in &event.headers {
            headers.insert(name.as_str(), value.as_str());
        }
        headers
    }

    async fn send(&self, event: &Outgoing, context: &Context) -> Result<PublishAck, PublishError> {
        let give_up = Instant::now() + event.patience;
        let mut unanswered = false;
        loop {
            let error = match self.send_once(event, self.headers_of(event, context)).await {
                Ok(ack) => return Ok(ack),
                Err(error) => error,
            };
            let refusal = refusal(&error);
            unanswered |= refusal.is_none();
            match refusal {
                // A try that went unanswered may have been stored.
                Some(refusal) if unanswered && !is_passing(&refusal) => {
                    return Err(PublishError::Unconfirmed(refusal.to_string()));
                }
                Some(refusal) if !is_passing(&refusal) => return Err(refusal),
                _ if Instant::now() + PAUSE < give_up => tokio::time::sleep(PAUSE).await,
                Some(refusal) if !unanswered => return Err(refusal),
                _ => return Err(PublishError::Unconfirmed(error.to_string())),
            }
        }
    }

    async fn send_once(
        &self,
        event: &Outgoing,
        headers: HeaderMap,
    ) -> Result<PublishAck, SendError> {
        let limit = REQUEST_LIMIT.min(event.patience);
        let publish = async {
            self.jetstream
                .publish_with_headers(event.subject.clone(), headers, event.body.clone())
                .await?
                .await
        };
        // Handing the message to the connection can itself wait while the broker is away.
        tokio::time::timeout(limit, publish)
            .await
            .unwrap_or_else(|_| Err(SendError::new(PublishErrorKind::TimedOut)))
    }
}

fn attributes(event: &Outgoing) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new(attr::MESSAGING_SYSTEM, attr::NATS),
        KeyValue::new(attr::MESSAGING_OPERATION_NAME, "publish"),
        KeyValue::new(attr::MESSAGING_OPERATION_TYPE, "send"),
        KeyValue::new(attr::MESSAGING_DESTINATION_NAME, event.subject.clone()),
        KeyValue::new(attr::MESSAGING_MESSAGE_ID, event.message_id.clone()),
    ];
    attributes.extend(event.job.map(|job| KeyValue::new(attr::JOB_ID, job.to_string())));
    attributes
}

fn links(event: &Outgoing) -> Vec<Link> {
    let link = |(span, what): &(TraceParent, &'static str)| {
        let what = vec![KeyValue::new(attr::LINK, *what)];
        Link::new(telemetry::context::span_context(*span), what, 0)
    };
    event.links.iter().map(link).collect()
}

/// What the broker refused, and so did not store; none when it did not answer.
fn refusal(error: &SendError) -> Option<PublishError> {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            return Some(PublishError::Refused(error.to_string()));
        }
        PublishErrorKind::StreamNotFound => return Some(PublishError::NoStream(error.to_string())),
        _ => {}
    }
    let code = storage::error_code(error)?;
    Some(if code == ErrorCode::STREAM_STORE_FAILED {
        PublishError::Full(error.to_string())
    } else if storage::STORE_FULL.contains(&code) {
        PublishError::StoreFull(error.to_string())
    } else {
        PublishError::Refused(error.to_string())
    })
}

/// Whether a repetition may change it: a broker that has just started finds its streams a moment later.
fn is_passing(refusal: &PublishError) -> bool {
    matches!(refusal, PublishError::NoStream(_))
}
