//! Finds spans in a trace, and lists all of them as text.

use std::{collections::HashSet, fmt};

use super::{Span, Trace};

impl Trace {
    /// The spans with this name, by start.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Span> {
        self.spans.iter().filter(move |span| span.name == name)
    }

    /// The one span with this name; the error is their number.
    pub fn only(&self, name: &str) -> Result<&Span, String> {
        let found: Vec<_> = self.named(name).collect();
        match found.as_slice() {
            [span] => Ok(span),
            spans => Err(format!("{} spans named {name}", spans.len())),
        }
    }

    /// The values of one attribute in the spans with this name, by start; spans without it are left out.
    pub fn values(&self, name: &str, attribute: &str) -> Vec<String> {
        self.named(name).filter_map(|span| span.attribute(attribute)).collect()
    }

    /// Spans without a parent.
    pub fn roots(&self) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.parent.is_none()).collect()
    }

    /// Spans whose parent is not in the trace.
    pub fn orphans(&self) -> Vec<&Span> {
        let ids: HashSet<&str> = self.spans.iter().map(|span| span.id.as_str()).collect();
        let is_orphan = |span: &&Span| span.parent.as_deref().is_some_and(|id| !ids.contains(id));
        self.spans.iter().filter(is_orphan).collect()
    }

    /// The services, each once, in order of their first span.
    pub fn services(&self) -> Vec<&str> {
        let mut services: Vec<&str> = Vec::new();
        for span in &self.spans {
            if !services.contains(&span.service.as_str()) {
                services.push(&span.service);
            }
        }
        services
    }
}

/// One line per span: id, parent, service, name, verdict.
impl fmt::Display for Trace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for span in &self.spans {
            let (parent, verdict) = (span.parent.as_deref(), span.verdict());
            writeln!(
                out,
                "{} ← {:16} {:9} {} {}",
                span.id,
                parent.unwrap_or_default(),
                span.service,
                span.name,
                verdict.unwrap_or_default()
            )?;
        }
        Ok(())
    }
}
