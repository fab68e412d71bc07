//! One dead letter: what stands on it, and what was in it.

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
    api::{DeadLetterDetail, DeadLetterView, Header, dead_header, known_stage, rfc3339},
    event::CE_SUBJECT,
    propagation::{TRACEPARENT, TraceParent},
    signals::reason::DEAD_LETTERS,
    topology::dead,
};

use crate::error::ApiError;

/// The stage of a letter that names none of ours.
const NO_STAGE: &str = "unknown";

/// A dead letter as it lies in the stream.
pub(super) struct Letter(pub(super) StreamMessage);

/// Which letters are wanted; `None` is any.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) stage: Option<Stage>,
    pub(super) reason: Option<&'static str>,
}

/// The letter at `seq`; none where there is a gap.
pub(super) async fn look(letters: &Stream<()>, seq: u64) -> Result<Option<Letter>, ApiError> {
    match letters.direct_get(seq).await {
        Ok(letter) => Ok(Some(Letter(letter))),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(ApiError::broker_away(error)),
    }
}

/// The reason called `name`, if letters can have it.
pub(super) fn known_reason(name: &str) -> Option<&'static str> {
    DEAD_LETTERS.iter().copied().find(|reason| *reason == name)
}

impl Filter {
    pub(super) fn fits(&self, letter: &DeadLetterView) -> bool {
        self.stage.is_none_or(|stage| stage.name() == letter.stage)
            && self.reason.is_none_or(|reason| reason == letter.reason)
    }
}

impl Letter {
    /// The stage that gave up, if it is one of ours. What the letter says counts only when it lies on that
    /// stage's own subject and no copy by the broker: nobody may speak for another stage.
    pub(super) fn stage(&self) -> Option<Stage> {
        let named = self.text(dead_header::STAGE).and_then(known_stage)?;
        let own = self.0.subject.as_str() == dead(named) && !bus::was_copied(&self.0.headers);
        own.then_some(named)
    }

    /// The span that put it away.
    pub(super) fn span(&self) -> Option<TraceParent> {
        self.text(TRACEPARENT)?.parse().ok()
    }

    /// The subject that the message came from.
    pub(super) fn subject(&self) -> &str {
        self.text(dead_header::SUBJECT).unwrap_or_default()
    }

    /// One of the letter's own headers.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// One of the message's own headers.
    pub(super) fn original(&self, name: &str) -> Option<&str> {
        self.originals().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All of the message's own headers.
    pub(super) fn originals(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers: &HeaderMap = &self.0.headers;
        headers.iter().flat_map(|(name, values)| {
            let name = <_ as AsRef<str>>::as_ref(name).strip_prefix(dead_header::ORIGINAL);
            values.iter().filter_map(move |value| Some((name?, value.as_str())))
        })
    }

    /// What the list shows.
    pub(super) fn view(&self) -> DeadLetterView {
        let dead_at_ms = self.0.time.unix_timestamp_nanos() / 1_000_000;
        let attempts = self.text(dead_header::ATTEMPTS).and_then(|n| n.parse().ok());
        DeadLetterView {
            seq: self.0.sequence,
            stage: self.stage().map_or(NO_STAGE, Stage::name).to_owned(),
            reason: self.text(dead_header::REASON).unwrap_or_default().to_owned(),
            detail: self.text(dead_header::DETAIL).unwrap_or_default().to_owned(),
            job: self.text(CE_SUBJECT).and_then(|job| job.parse().ok()),
            attempts: attempts.unwrap_or_default(),
            dead_at: rfc3339(i64::try_from(dead_at_ms).unwrap_or_default()),
            trace_id: self.span().map(|place| place.trace_hex()),
            bytes: self.0.payload.len(),
        }
    }

    /// All that is in it.
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
