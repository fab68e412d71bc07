//! A trace as plain values, read from OTLP's JSON form, with the questions that tests ask of it.

use std::{collections::HashSet, fmt};

use serde_json::Value;

/// All spans of one trace.
#[derive(Debug, Clone)]
pub struct Trace(pub Vec<Span>);

/// One span.
#[derive(Debug, Clone)]
pub struct Span {
    /// 32 hex digits.
    pub trace: String,
    /// 16 hex digits.
    pub id: String,
    /// 16 hex digits; empty for a root.
    pub parent: String,
    /// `service.name`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Unix nanoseconds.
    pub start_ns: u64,
    /// Unix nanoseconds.
    pub end_ns: u64,
    /// Whether its status is an error.
    pub error: bool,
    /// What it links to.
    pub links: Vec<Link>,
    /// Names of its events.
    pub events: Vec<String>,
    attributes: Vec<(String, Value)>,
}

/// Where a link goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The trace it goes to.
    pub trace: String,
    /// The span it goes to.
    pub span: String,
}

/// A span's kind, numbered as in OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "OTLP's own names")]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

impl Trace {
    /// Reads `{"resourceSpans": […]}`.
    pub fn from_otlp(otlp: &Value) -> Self {
        let mut spans = Vec::new();
        for resource in list(&otlp["resourceSpans"]) {
            let attributes = attributes(&resource["resource"]["attributes"]);
            let service = attributes
                .iter()
                .find(|(key, _)| key == "service.name")
                .and_then(|(_, name)| name.as_str())
                .unwrap_or_default();
            for scope in list(&resource["scopeSpans"]) {
                spans.extend(list(&scope["spans"]).map(|span| Span::read(span, service)));
            }
        }
        spans.sort_by_key(|span| span.start_ns);
        Self(spans)
    }

    /// The values of one attribute in the spans with this name, by start; spans without it are left out.
    pub fn values(&self, name: &str, attribute: &str) -> Vec<String> {
        self.named(name).filter_map(|span| span.attribute(attribute)).collect()
    }

    /// The spans with this name, by start.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Span> {
        self.0.iter().filter(move |span| span.name == name)
    }

    /// The one span with this name; an `Err` that says how many there are.
    pub fn only(&self, name: &str) -> Result<&Span, String> {
        let found: Vec<_> = self.named(name).collect();
        match found.as_slice() {
            [span] => Ok(span),
            spans => Err(format!("{} spans named {name}", spans.len())),
        }
    }

    /// The one span with this name; panics with the whole trace if there is another number of them.
    pub fn the(&self, name: &str) -> &Span {
        self.only(name).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }

    /// Spans whose parent is named and not here.
    pub fn orphans(&self) -> Vec<&Span> {
        let ids: HashSet<&str> = self.0.iter().map(|span| span.id.as_str()).collect();
        self.0
            .iter()
            .filter(|span| !span.parent.is_empty() && !ids.contains(span.parent.as_str()))
            .collect()
    }

    /// Spans without a parent.
    pub fn roots(&self) -> Vec<&Span> {
        self.0.iter().filter(|span| span.parent.is_empty()).collect()
    }

    /// The services that have spans here, in order of their first.
    pub fn services(&self) -> Vec<&str> {
        let mut services = Vec::new();
        for span in &self.0 {
            if !services.contains(&span.service.as_str()) {
                services.push(&span.service);
            }
        }
        services
    }
}

impl Span {
    fn read(span: &Value, service: &str) -> Self {
        let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
        let ns = |key: &str| text(key).parse().unwrap_or(0);
        let link = |link: &Value| Link {
            trace: link["traceId"].as_str().unwrap_or_default().to_owned(),
            span: link["spanId"].as_str().unwrap_or_default().to_owned(),
        };
        Self {
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            service: service.to_owned(),
            name: text("name"),
            kind: match span["kind"].as_u64() {
                Some(2) => Kind::Server,
                Some(3) => Kind::Client,
                Some(4) => Kind::Producer,
                Some(5) => Kind::Consumer,
                _ => Kind::Internal,
            },
            start_ns: ns("startTimeUnixNano"),
            end_ns: ns("endTimeUnixNano"),
            error: span["status"]["code"].as_u64() == Some(2),
            links: list(&span["links"]).map(link).collect(),
            events: list(&span["events"])
                .filter_map(|event| event["name"].as_str().map(str::to_owned))
                .collect(),
            attributes: attributes(&span["attributes"]),
        }
    }

    /// An attribute as text, whatever its type.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(as_text(value))
    }

    /// All attributes as text.
    pub fn attributes(&self) -> impl Iterator<Item = (String, String)> {
        self.attributes.iter().map(|(key, value)| (key.clone(), as_text(value)))
    }

    /// Whether it links to `other`.
    pub fn links_to(&self, other: &Span) -> bool {
        self.links.contains(&Link { trace: other.trace.clone(), span: other.id.clone() })
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// OTLP wraps each value in its type, and writes 64-bit integers as text.
fn attributes(value: &Value) -> Vec<(String, Value)> {
    let plain = |value: &Value| {
        let inner =
            value.as_object().and_then(|typed| typed.values().next()).cloned().unwrap_or_default();
        match value.get("intValue").and_then(Value::as_str) {
            Some(digits) => digits.parse::<i64>().map_or(inner, Value::from),
            None => inner,
        }
    };
    list(value)
        .map(|pair| (pair["key"].as_str().unwrap_or_default().to_owned(), plain(&pair["value"])))
        .collect()
}

impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for span in &self.0 {
            let verdict = span.attribute("waybill.verdict").unwrap_or_default();
            writeln!(
                out,
                "{} ← {:16} {:9} {} {verdict}",
                span.id, span.parent, span.service, span.name
            )?;
        }
        Ok(())
    }
}
