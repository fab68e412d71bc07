//! The event headers of every message: CloudEvents 1.0 in NATS binary mode.

use std::fmt;

use serde::{Deserialize, Serialize};

/// CloudEvents attribute `id`.
pub const CE_ID: &str = "ce-id";
/// CloudEvents attribute `source`.
pub const CE_SOURCE: &str = "ce-source";
/// CloudEvents attribute `type`.
pub const CE_TYPE: &str = "ce-type";
/// CloudEvents attribute `specversion`.
pub const CE_SPECVERSION: &str = "ce-specversion";
/// CloudEvents attribute `time`.
pub const CE_TIME: &str = "ce-time";
/// CloudEvents attribute `subject`: the job id.
pub const CE_SUBJECT: &str = "ce-subject";
/// Media type of the data.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The only media type the lab writes and reads.
pub const JSON: &str = "application/json";
/// Longest attribute, in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 512;

/// The event types of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A job was submitted.
    #[serde(rename = "dev.waybill.job.submitted")]
    Submitted,
    /// A job is queued for a processor.
    #[serde(rename = "dev.waybill.job.todo")]
    Todo,
    /// A job ended.
    #[serde(rename = "dev.waybill.job.done")]
    Done,
    /// A message was dead-lettered.
    #[serde(rename = "dev.waybill.job.dead")]
    Dead,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Submitted, Self::Todo, Self::Done, Self::Dead];

    /// The value of [`CE_TYPE`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "dev.waybill.job.submitted",
            Self::Todo => "dev.waybill.job.todo",
            Self::Done => "dev.waybill.job.done",
            Self::Dead => "dev.waybill.job.dead",
        }
    }

    /// The type called `name`, if the lab knows it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The attributes of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHead {
    /// Unique within its source.
    pub id: String,
    /// The event's source, a URI reference.
    pub source: String,
    /// The event's type; only [`EventType`]s are handled.
    pub kind: String,
    /// The job it is about.
    pub subject: Option<String>,
    /// The event's time, RFC 3339, by the sender's clock.
    pub time: Option<String>,
}

/// Why headers do not form an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// A required attribute is absent or empty.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// An attribute is too long or not printable ASCII.
    #[error("header {0} is too long or has unprintable characters")]
    Malformed(&'static str),
    /// Not CloudEvents 1.0.
    #[error("header ce-specversion must be 1.0")]
    Version,
    /// The data is not JSON.
    #[error("header Content-Type must be application/json")]
    MediaType,
}

impl EventHead {
    /// Reads the attributes through `header`, which returns a header's first value.
    pub fn read<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, NotAnEvent> {
        let optional = |name| header(name).map(|value| attribute(name, value)).transpose();
        let required = |name| optional(name)?.ok_or(NotAnEvent::Missing(name));
        if required(CE_SPECVERSION)? != "1.0" {
            return Err(NotAnEvent::Version);
        }
        let media = header(CONTENT_TYPE).unwrap_or(JSON);
        if media.split(';').next().is_none_or(|media| !media.trim().eq_ignore_ascii_case(JSON)) {
            return Err(NotAnEvent::MediaType);
        }
        Ok(Self {
            id: required(CE_ID)?,
            source: required(CE_SOURCE)?,
            kind: required(CE_TYPE)?,
            subject: optional(CE_SUBJECT)?,
            time: optional(CE_TIME)?,
        })
    }

    /// The headers to send, in a fixed order.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![
            (CE_SPECVERSION, "1.0"),
            (CE_ID, self.id.as_str()),
            (CE_SOURCE, self.source.as_str()),
            (CE_TYPE, self.kind.as_str()),
            (CONTENT_TYPE, JSON),
        ];
        headers.extend(self.subject.as_deref().map(|subject| (CE_SUBJECT, subject)));
        headers.extend(self.time.as_deref().map(|time| (CE_TIME, time)));
        headers
    }
}

fn attribute(name: &'static str, value: &str) -> Result<String, NotAnEvent> {
    if value.is_empty() {
        return Err(NotAnEvent::Missing(name));
    }
    // Headers are copied into logs and dead letters, so they must be printable.
    if value.len() > ATTRIBUTE_BYTES_MAX || !value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    {
        return Err(NotAnEvent::Malformed(name));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<EventHead, NotAnEvent> {
        EventHead::read(|name| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value))
    }

    fn text() -> impl Strategy<Value = String> {
        "[ -~]{1,80}"
    }

    proptest! {
        #[test]
        fn an_event_survives_its_headers(
            id in text(), source in text(), kind in text(),
            subject in proptest::option::of(text()), time in proptest::option::of(text()),
        ) {
            let head = EventHead { id, source, kind, subject, time };
            prop_assert_eq!(read(&head.headers()), Ok(head));
        }

        #[test]
        fn unprintable_attributes_are_refused(id in "[\\PC]{0,5}[\u{0}-\u{1f}][\\PC]{0,5}") {
            let head = EventHead { id, source: "s".into(), kind: "k".into(), subject: None, time: None };
            prop_assert_eq!(read(&head.headers()), Err(NotAnEvent::Malformed(CE_ID)));
        }
    }

    #[test]
    fn the_error_names_the_missing_header() {
        assert_eq!(read(&[]), Err(NotAnEvent::Missing(CE_SPECVERSION)));
        let headers = [(CE_SPECVERSION, "1.0"), (CE_ID, "1"), (CE_SOURCE, "/s")];
        assert_eq!(read(&headers), Err(NotAnEvent::Missing(CE_TYPE)));
        assert_eq!(read(&[(CE_SPECVERSION, "0.3")]), Err(NotAnEvent::Version));
    }
}
