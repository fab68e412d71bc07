//! Whether the trace of a job is complete.

use std::{collections::HashSet, fmt};

use contract::Stage;
use serde_json::Value;

use super::{Kind, Place, Span, Trace, rows};

/// What the trace of an ended job contains, and what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Number of spans.
    pub spans: usize,
    /// The names of the spans without a parent; a complete trace has one.
    pub roots: Vec<String>,
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

/// A span whose parent is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingParent {
    /// The span's name.
    pub name: String,
    /// Its service.
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
        let ids: HashSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
        let services: HashSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        let roots: Vec<&Span> = spans.iter().filter(|span| span.parent.is_none()).collect();
        let stages = Stage::ALL.map(Stage::name).into_iter();
        Self {
            spans: spans.len(),
            begins_at_gateway: matches!(*roots, [only] if is_of(only, Stage::Gateway, Kind::Server)),
            roots: roots.iter().map(|root| root.name.clone()).collect(),
            missing_services: stages.filter(|stage| !services.contains(stage)).collect(),
            missing_parents: spans.iter().filter_map(|span| missing(span, &ids)).collect(),
            loops: rows(trace).iter().filter(|row| row.place == Place::Loop).count(),
            reached_notifier: spans.iter().any(|span| is_of(span, Stage::Notifier, Kind::Consumer)),
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

fn is_of(span: &Span, stage: Stage, kind: Kind) -> bool {
    span.service == stage.name() && span.kind == kind
}

fn missing(span: &Span, ids: &HashSet<&str>) -> Option<MissingParent> {
    let parent = span.parent.as_ref().filter(|parent| !ids.contains(parent.as_str()))?;
    Some(MissingParent {
        name: span.name.clone(),
        service: span.service.clone(),
        parent: parent.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path of a job: gateway, ingester, processor, notifier; each the child of the previous one.
    fn complete() -> Trace {
        let path = [
            ("gateway", Kind::Server),
            ("gateway", Kind::Producer),
            ("ingester", Kind::Consumer),
            ("processor", Kind::Consumer),
            ("notifier", Kind::Consumer),
        ];
        let span = |(at, (service, kind)): (usize, (&str, Kind))| Span {
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
        assert_eq!(found.roots, ["0"]);
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
            lacks_after(|spans| spans[4].kind = Kind::Internal),
            ["the notifier's CONSUMER span"]
        );
        assert_eq!(
            lacks_after(|spans| spans[0].kind = Kind::Internal),
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
