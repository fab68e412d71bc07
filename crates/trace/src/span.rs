//! One span, with the attributes that the lab uses.

use contract::{signals::attr, verdict::Verdict};
use serde_json::{Map, Value};

/// A span as it was exported; all texts in it are untrusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The id of its trace, as exported.
    pub trace_id: String,
    /// The span's id, as exported.
    pub id: String,
    /// The id of its parent; `None` for a root.
    pub parent: Option<String>,
    /// `service.name` of its resource.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// The span's kind.
    pub kind: SpanKind,
    /// Start, Unix nanoseconds.
    pub start_ns: u64,
    /// End, Unix nanoseconds; may lie before the start.
    pub end_ns: u64,
    /// Whether both its times are plausible; if not, it is placed at the other one, or at the start of the trace.
    pub has_times: bool,
    /// The status message, possibly empty, if its status is an error.
    pub error: Option<String>,
    /// The span's links.
    pub links: Vec<SpanLink>,
    /// The names of its events.
    pub events: Vec<String>,
    /// Attributes: strings, numbers, booleans; others are skipped.
    pub attributes: Map<String, Value>,
}

/// A link to another span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanLink {
    /// The trace of the other span, as exported.
    pub trace_id: String,
    /// The id of the other span, as exported.
    pub span_id: String,
}

/// The span kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Internal, or unspecified.
    Internal,
    /// Handles a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl SpanKind {
    /// The kind in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// The kind in four characters.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Internal => "intl",
            Self::Server => "serv",
            Self::Client => "clnt",
            Self::Producer => "prod",
            Self::Consumer => "cons",
        }
    }
}

impl Span {
    /// The end, or the start if that is later.
    pub fn shown_end_ns(&self) -> u64 {
        self.end_ns.max(self.start_ns)
    }

    /// The length in nanoseconds; 0 for a span that ends before it starts.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Whether its status is an error.
    pub const fn is_error(&self) -> bool {
        self.error.is_some()
    }

    /// Whether `parent` is its parent.
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.parent.as_ref() == Some(&parent.id)
    }

    /// Whether this span links to `other`.
    pub fn links_to(&self, other: &Self) -> bool {
        let goes_there =
            |link: &SpanLink| link.trace_id == other.trace_id && link.span_id == other.id;
        self.links.iter().any(goes_there)
    }

    /// An attribute as text, whatever its type.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let value = self.attributes.get(name)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    /// A string attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.as_str()
    }

    /// A number attribute.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.attributes.get(name)?.as_f64()
    }

    /// Which attempt of the round it is, from 1.
    pub fn attempt(&self) -> Option<u64> {
        self.attributes.get(attr::JOB_ATTEMPT)?.as_u64()
    }

    /// Which round it belongs to, from 0.
    pub fn round(&self) -> Option<u64> {
        self.attributes.get(attr::JOB_ROUND)?.as_u64()
    }

    /// The verdict of the attempt.
    pub fn verdict(&self) -> Option<&str> {
        self.text(attr::VERDICT)
    }

    /// Whether another process reported it, because its own was killed.
    pub fn is_lost(&self) -> bool {
        let lost = self.attributes.get(attr::LOST).and_then(Value::as_bool);
        lost == Some(true) || self.verdict() == Some(Verdict::Lost.name())
    }

    /// The queue wait of its message, in nanoseconds; `None` if it did not wait.
    pub fn queue_wait_ns(&self) -> Option<u64> {
        let ms = self.number(attr::QUEUE_WAIT_MS).filter(|ms| *ms > 0.0)?;
        // Clamp implausible values to a month.
        let ms = ms.min(2_592_000_000.0);
        Some(std::time::Duration::from_secs_f64(ms / 1e3).as_nanos().try_into().unwrap_or(u64::MAX))
    }
}

impl Span {
    /// A span of the gateway with this string as its id and name, and nothing else: what tests start from.
    pub fn named(id: &str) -> Self {
        Self {
            trace_id: String::new(),
            id: id.to_owned(),
            parent: None,
            service: "gateway".to_owned(),
            name: id.to_owned(),
            kind: SpanKind::Internal,
            start_ns: 0,
            end_ns: 0,
            has_times: true,
            error: None,
            links: Vec::new(),
            events: Vec::new(),
            attributes: Map::new(),
        }
    }
}
