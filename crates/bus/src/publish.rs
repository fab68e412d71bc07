//! Publishing an event: producer span, trace context in the headers, and the broker's ack.

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
use nats::{
    connect::REQUEST_TIMEOUT,
    error_code::{STORE_FULL, error_code},
};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{Link, SpanKind, Status, TraceContextExt, Tracer},
};

use crate::{Bus, Failure, headers};

/// How long a worker tries to publish before the message that it handles is postponed.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(8);
/// Delay between two tries.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// An event to publish.
#[derive(Debug)]
pub struct Outgoing {
    /// The subject, from [`contract::topology`].
    pub subject: String,
    /// The message id, by which the broker drops duplicates within its window.
    pub message_id: String,
    /// CloudEvents type.
    pub kind: String,
    /// CloudEvents source; this stage if empty.
    pub source: String,
    /// The job that the event is about, if any.
    pub job: Option<JobId>,
    /// The CloudEvent data, as JSON.
    pub body: Bytes,
    /// Additional headers.
    pub headers: Vec<(String, String)>,
    /// Links of the producer span, each with one of the `LINK_…` words.
    pub links: Vec<(TraceParent, &'static str)>,
    /// How long to try to publish.
    pub timeout: Duration,
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
            timeout: PUBLISH_TIMEOUT,
        }
    }

    /// Sets the message id.
    #[must_use]
    pub fn with_id(mut self, message_id: String) -> Self {
        self.message_id = message_id;
        self
    }

    /// Links the producer span to `span`, if there is one; `what` is one of the `LINK_…` words.
    #[must_use]
    pub fn linked(mut self, span: Option<TraceParent>, what: &'static str) -> Self {
        self.links.extend(span.map(|span| (span, what)));
        self
    }

    /// Sets how long to try to publish.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Why an event was not stored, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream is full. Nothing was stored.
    #[error("the queue is full: {0}")]
    Full(String),
    /// The broker's storage limit is reached. Nothing was stored.
    #[error("the broker's store is full: {0}")]
    StoreFull(String),
    /// No stream has this subject. Nothing was stored.
    #[error("no stream has the message's subject: {0}")]
    NoStream(String),
    /// The broker did not reply. The event may have been stored.
    #[error("the broker did not confirm the message: {0}")]
    Unconfirmed(String),
    /// The broker refuses this message, and always will.
    #[error("the broker refuses the message: {0}")]
    Refused(String),
}

impl From<PublishError> for Failure {
    /// A publish that fails is not the job's fault.
    fn from(error: PublishError) -> Self {
        Self::postpone(error)
    }
}

impl Bus {
    /// Publishes `event` and waits for the broker's ack. Retries with the same message id until its timeout.
    ///
    /// The producer span ends when the message is sent; the wait for the ack is one of its attributes.
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
            time: Some(contract::rfc3339(self.service.clock.stamp_ms())),
        };
        let mut headers = headers::write(&head, context);
        headers.insert(NATS_MESSAGE_ID, event.message_id.as_str());
        for (name, value) in &event.headers {
            headers.insert(name.as_str(), value.as_str());
        }
        headers
    }

    async fn send(&self, event: &Outgoing, context: &Context) -> Result<PublishAck, PublishError> {
        let give_up = Instant::now() + event.timeout;
        let mut unanswered = false;
        loop {
            let error = match self.send_once(event, self.headers_of(event, context)).await {
                Ok(ack) => return Ok(ack),
                Err(error) => error,
            };
            let refusal = refusal(&error);
            unanswered |= refusal.is_none();
            match refusal {
                // The message may have been stored by an earlier try that was not acked.
                Some(refusal) if unanswered && !is_transient(&refusal) => {
                    return Err(PublishError::Unconfirmed(refusal.to_string()));
                }
                Some(refusal) if !is_transient(&refusal) => return Err(refusal),
                _ if Instant::now() + RETRY_DELAY < give_up => {
                    tokio::time::sleep(RETRY_DELAY).await;
                }
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
        let timeout = REQUEST_TIMEOUT.min(event.timeout);
        let publish = async {
            self.nats
                .jetstream
                .publish_with_headers(event.subject.clone(), headers, event.body.clone())
                .await?
                .await
        };
        // While the broker is away, even sending to the connection can block.
        tokio::time::timeout(timeout, publish)
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

/// The broker's refusal, after which nothing is stored; `None` if it did not reply.
fn refusal(error: &SendError) -> Option<PublishError> {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => {
            return Some(PublishError::Refused(error.to_string()));
        }
        PublishErrorKind::StreamNotFound => return Some(PublishError::NoStream(error.to_string())),
        _ => {}
    }
    let code = error_code(error)?;
    Some(if code == ErrorCode::STREAM_STORE_FAILED {
        PublishError::Full(error.to_string())
    } else if STORE_FULL.contains(&code) {
        PublishError::StoreFull(error.to_string())
    } else {
        PublishError::Refused(error.to_string())
    })
}

/// Whether a retry can help: a broker that has just started does not know its streams yet.
fn is_transient(refusal: &PublishError) -> bool {
    matches!(refusal, PublishError::NoStream(_))
}
