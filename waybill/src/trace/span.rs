//! One span, with what the lab asks of it.

use contract::{signals::attr, verdict::Verdict};
use serde_json::{Map, Value};

/// A span as it was exported; every text in it may be anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its id, as it was written.
    pub id: String,
    /// The id of its parent; `None` for a root.
    pub parent: Option<String>,
    /// `service.name` of who exported it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Start, Unix nanoseconds.
    pub start_ns: u64,
    /// End, Unix nanoseconds; may lie before the start.
    pub end_ns: u64,
    /// It says when it started and when it ended; if not, it stands at the time that it does say, or at the trace's start.
    pub has_times: bool,
    /// Its status is an error; the text says which, and may be empty.
    pub error: Option<String>,
    /// How many links it has.
    pub links: usize,
    /// Attributes: texts, numbers, truth values; lists are left out.
    pub attributes: Map<String, Value>,
}

/// What a span is in the exchange between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work within a process, or not said.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

impl Kind {
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

    /// The kind in four letters.
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

    /// A text attribute.
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

    /// What came of the attempt.
    pub fn verdict(&self) -> Option<&str> {
        self.text(attr::VERDICT)
    }

    /// Whether somebody else told it, because its own process went away.
    pub fn is_lost(&self) -> bool {
        let told = self.attributes.get(attr::LOST).and_then(Value::as_bool);
        told == Some(true) || self.verdict() == Some(Verdict::Lost.name())
    }

    /// How long its message waited, in nanoseconds; `None` if not at all, or less than that.
    pub fn queue_wait_ns(&self) -> Option<u64> {
        let ms = self.number(attr::QUEUE_WAIT_MS).filter(|ms| *ms > 0.0)?;
        // Beyond a month the number is no wait that anything can be drawn of.
        let ms = ms.min(2_592_000_000.0);
        Some(std::time::Duration::from_secs_f64(ms / 1e3).as_nanos().try_into().unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
impl Span {
    /// A span with this id and name, for tests.
    pub(crate) fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            parent: None,
            service: "gateway".to_owned(),
            name: id.to_owned(),
            kind: Kind::Internal,
            start_ns: 0,
            end_ns: 0,
            has_times: true,
            error: None,
            links: 0,
            attributes: Map::new(),
        }
    }
}
