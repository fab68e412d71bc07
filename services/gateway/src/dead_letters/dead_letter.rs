//! One dead letter: its own headers, and the message in it.

use async_nats::{
    HeaderMap,
    jetstream::{
        message::StreamMessage,
        stream::{DirectGetErrorKind, Stream},
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use contract::{
    Stage,
    api::{DeadLetterDetail, DeadLetterView, Header},
    dead_header,
    event::CE_SUBJECT,
    propagation::{TRACEPARENT, TraceParent},
    rfc3339,
    signals::reason::DEAD_LETTERS,
    topology::dead,
};

use crate::error::ApiError;

/// Shown as the stage of a dead letter that names no known stage.
const NO_STAGE: &str = "unknown";

/// A dead letter as stored in the stream.
pub(super) struct DeadLetter(pub(super) StreamMessage);

/// Selects dead letters; `None` matches any.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) stage: Option<Stage>,
    pub(super) reason: Option<&'static str>,
}

/// Reads the dead letter at `seq`; `None` if the sequence has a gap there.
pub(super) async fn read(stream: &Stream<()>, seq: u64) -> Result<Option<DeadLetter>, ApiError> {
    match stream.direct_get(seq).await {
        Ok(message) => Ok(Some(DeadLetter(message))),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::broker_away(error)),
    }
}

/// The reason called `name`, if dead letters can have it.
pub(super) fn known_reason(name: &str) -> Option<&'static str> {
    DEAD_LETTERS.iter().copied().find(|reason| *reason == name)
}

impl Filter {
    pub(super) fn matches(&self, view: &DeadLetterView) -> bool {
        self.stage.is_none_or(|stage| stage.name() == view.stage)
            && self.reason.is_none_or(|reason| reason == view.reason)
    }
}

impl DeadLetter {
    /// The stage that dead-lettered the message. The header counts only on that stage's own subject, and not in a
    /// copy made by the broker: a client must not be able to name another stage.
    pub(super) fn stage(&self) -> Option<Stage> {
        let named = self.header(dead_header::STAGE).and_then(Stage::named)?;
        let is_genuine =
            self.0.subject.as_str() == dead(named) && !bus::origin::was_copied(&self.0.headers);
        is_genuine.then_some(named)
    }

    /// The span in which the message was dead-lettered.
    pub(super) fn span(&self) -> Option<TraceParent> {
        self.header(TRACEPARENT)?.parse().ok()
    }

    /// The subject that the message came from.
    pub(super) fn subject(&self) -> &str {
        self.header(dead_header::SUBJECT).unwrap_or_default()
    }

    /// A header of the dead letter itself.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// A header of the original message.
    pub(super) fn original(&self, name: &str) -> Option<&str> {
        self.originals()
            .find(|(original, _)| original.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// All headers of the original message.
    pub(super) fn originals(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers: &HeaderMap = &self.0.headers;
        headers.iter().flat_map(|(name, values)| {
            let name = <_ as AsRef<str>>::as_ref(name).strip_prefix(dead_header::ORIGINAL);
            values.iter().filter_map(move |value| Some((name?, value.as_str())))
        })
    }

    /// The entry in the list.
    pub(super) fn view(&self) -> DeadLetterView {
        let dead_at_ms = self.0.time.unix_timestamp_nanos() / 1_000_000;
        let attempts = self.header(dead_header::ATTEMPTS).and_then(|n| n.parse().ok());
        DeadLetterView {
            seq: self.0.sequence,
            stage: self.stage().map_or(NO_STAGE, Stage::name).to_owned(),
            reason: self.header(dead_header::REASON).unwrap_or_default().to_owned(),
            detail: self.header(dead_header::DETAIL).unwrap_or_default().to_owned(),
            job: self.header(CE_SUBJECT).and_then(|job| job.parse().ok()),
            attempts: attempts.unwrap_or_default(),
            dead_at: rfc3339(i64::try_from(dead_at_ms).unwrap_or_default()),
            trace_id: self.span().map(|span| span.trace_hex()),
            bytes: self.0.payload.len(),
        }
    }

    /// The entry, with the headers and the data of the original message.
    pub(super) fn detail(&self) -> DeadLetterDetail {
        let header =
            |(name, value): (&str, &str)| Header { name: name.into(), value: value.into() };
        let mut headers: Vec<Header> = self.originals().map(header).collect();
        headers.sort_by(|one, other| one.name.cmp(&other.name));
        DeadLetterDetail {
            letter: self.view(),
            subject: self.subject().to_owned(),
            headers,
            body_base64: BASE64_STANDARD.encode(&self.0.payload),
            body_text: str::from_utf8(&self.0.payload).ok().map(str::to_owned),
        }
    }
}
