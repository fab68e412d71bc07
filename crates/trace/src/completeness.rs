//! Whether the trace of a job is complete.

use std::{collections::HashSet, fmt};

use contract::Stage;
use serde_json::Value;

use super::{Span, SpanKind, Trace, TreePlace, rows};

/// What the trace of an ended job contains, and what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Number of spans.
    pub spans: usize,
    /// The spans without a parent; a complete trace has one.
    pub roots: Vec<RootSpan>,
    /// The one root is the gateway's SERVER span.
    pub begins_at_gateway: bool,
    /// Services on the path of a job without a span.
    pub missing_services: Vec<&'static str>,
    /// Parents that are referenced but missing.
    pub missing_parents: Vec<MissingParent>,
    /// Cycles of spans that are their own ancestors.
    pub loops: usize,
    /// The completion reached the notifier: its CONSUMER span exists.
    pub reached_notifier: bool,
}

/// A span without a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSpan {
    /// The span's name.
    pub name: String,
    /// The span's service.
    pub service: String,
}

/// A span whose parent is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingParent {
    /// The span's name.
    pub name: String,
    /// The span's service.
    pub service: String,
    /// The id of its parent.
    pub parent: String,
}

/// Checks a trace in OTLP JSON.
pub fn completeness(otlp: &Value) -> Completeness {
    Completeness::of(&Trace::from_otlp(otlp))
}

impl Completeness {
    /// Checks a trace.
    pub fn of(trace: &Trace) -> Self {
        let spans = &trace.spans;
        let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        let roots = trace.roots();
        let stages = Stage::ALL.map(Stage::name).into_iter();
        Self {
            spans: spans.len(),
            begins_at_gateway: matches!(*roots, [only] if is_of(only, Stage::Gateway, SpanKind::Server)),
            roots: roots.into_iter().map(RootSpan::of).collect(),
            missing_services: stages.filter(|stage| !services.contains(stage)).collect(),
            missing_parents: trace.orphans().into_iter().filter_map(MissingParent::of).collect(),
            loops: rows(trace).iter().filter(|row| row.place == TreePlace::Loop).count(),
            reached_notifier: spans
                .iter()
                .any(|span| is_of(span, Stage::Notifier, SpanKind::Consumer)),
        }
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.lacks().is_empty()
    }

    /// What is missing, as texts.
    pub fn lacks(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        match self.roots.len() {
            0 => lacks.push("the root span".to_owned()),
            1 if !self.begins_at_gateway => {
                lacks.push("the gateway's SERVER span at the root".to_owned());
            }
            1 => {}
            roots => lacks.push(format!("a single root ({roots} found)")),
        }
        if !self.missing_services.is_empty() {
            lacks.push(format!("spans of {}", self.missing_services.join(", ")));
        }
        if !self.reached_notifier && !self.missing_services.contains(&Stage::Notifier.name()) {
            lacks.push("the notifier's CONSUMER span".to_owned());
        }
        match self.missing_parents.as_slice() {
            [] => {}
            [one] => lacks.push(format!("the parent of `{}`", one.name)),
            many => lacks.push(format!("the parents of {} spans", many.len())),
        }
        if self.loops > 0 {
            lacks.push("a path from the root to spans that are their own ancestors".to_owned());
        }
        lacks
    }
}

impl fmt::Display for Completeness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lacks = self.lacks();
        if lacks.is_empty() {
            write!(out, "complete")
        } else {
            write!(out, "incomplete: missing {}", lacks.join("; "))
        }
    }
}

fn is_of(span: &Span, stage: Stage, kind: SpanKind) -> bool {
    span.service == stage.name() && span.kind == kind
}

impl RootSpan {
    fn of(span: &Span) -> Self {
        Self { name: span.name.clone(), service: span.service.clone() }
    }
}

impl MissingParent {
    fn of(orphan: &Span) -> Option<Self> {
        Some(Self {
            name: orphan.name.clone(),
            service: orphan.service.clone(),
            parent: orphan.parent.clone()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of a job: gateway, ingester, processor, notifier; each the child of the previous one.
    fn complete() -> Trace {
        let path = [
            ("gateway", SpanKind::Server),
            ("gateway", SpanKind::Producer),
            ("ingester", SpanKind::Consumer),
            ("processor", SpanKind::Consumer),
            ("notifier", SpanKind::Consumer),
        ];
        let span = |(at, (service, kind)): (usize, (&str, SpanKind))| Span {
            parent: at.checked_sub(1).map(|parent| parent.to_string()),
            service: service.to_owned(),
            kind,
            ..Span::named(&at.to_string())
        };
        Trace { spans: path.into_iter().enumerate().map(span).collect(), ..Trace::default() }
    }

    fn lacks_after(change: impl Fn(&mut Vec<Span>)) -> Vec<String> {
        let mut trace = complete();
        change(&mut trace.spans);
        Completeness::of(&trace).lacks()
    }

    #[test]
    fn a_complete_trace_lacks_nothing() {
        let found = Completeness::of(&complete());
        assert!(found.is_complete() && found.to_string() == "complete", "{found}");
        assert_eq!(found.roots, [RootSpan { name: "0".into(), service: "gateway".into() }]);
    }

    #[test]
    fn everything_missing_is_named() {
        assert_eq!(
            lacks_after(|spans| drop(spans.remove(0))),
            ["the root span", "the parent of `1`"]
        );
        assert_eq!(lacks_after(|spans| drop(spans.remove(1))), ["the parent of `2`"]);
        assert_eq!(lacks_after(|spans| drop(spans.pop())), ["spans of notifier"]);
        assert_eq!(
            lacks_after(|spans| spans[4].kind = SpanKind::Internal),
            ["the notifier's CONSUMER span"]
        );
        assert_eq!(
            lacks_after(|spans| spans[0].kind = SpanKind::Internal),
            ["the gateway's SERVER span at the root"]
        );
        assert_eq!(lacks_after(|spans| spans[2].parent = None), ["a single root (2 found)"]);
        let circle = Span { parent: Some("x".into()), ..Span::named("x") };
        let lacks = lacks_after(|spans| spans.push(circle.clone()));
        assert_eq!(lacks, ["a path from the root to spans that are their own ancestors"]);
    }

    #[test]
    fn an_empty_trace_is_not_complete() {
        assert!(!completeness(&Value::Null).is_complete());
    }
}
