//! The lines below the rows: errors, warnings, and the legend.

use std::fmt::Write as _;

use trace::{Span, SpanKind, Trace};

use super::{bar::WAITED, title};
use crate::terminal::{BAD, DIM, WARNING, clean, fit, styled};

/// Marks failed spans.
pub(super) const FAILED: &str = "✗";
/// Most errors printed.
const ERRORS_MAX: usize = 8;

/// The lines below the rows; each at most `columns` wide.
pub(super) fn below(trace: &Trace, columns: usize) -> String {
    let mut text = errors(trace, columns);
    for warning in warnings(trace) {
        let _ = writeln!(text, "{}", styled(WARNING, &warning));
    }
    let signs = signs(trace);
    if !signs.is_empty() {
        let _ = writeln!(text, "{}", styled(DIM, &signs.join("   ")));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn errors(trace: &Trace, columns: usize) -> String {
    let mut text = String::new();
    let failed: Vec<&Span> = trace.spans.iter().filter(|span| error_of(span).is_some()).collect();
    for span in failed.iter().take(ERRORS_MAX) {
        let line = format!("{}: {}", title(span), clean(error_of(span).unwrap_or_default()));
        let line = fit(&line, columns - 2);
        let _ = writeln!(text, "{} {}", styled(BAD, FAILED), line.trim_end());
    }
    if failed.len() > ERRORS_MAX {
        let _ = writeln!(text, "  … and {} more", failed.len() - ERRORS_MAX);
    }
    text
}

fn error_of(span: &Span) -> Option<&str> {
    span.error.as_deref().filter(|error| !error.is_empty())
}

fn warnings(trace: &Trace) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |count: usize, what: &str| {
        if count > 0 {
            warnings.push(format!("{count} {what}"));
        }
    };
    warn(early(trace), "consumer spans start before their producer spans: clocks disagree");
    warn(
        trace.spans.iter().filter(|span| span.end_ns < span.start_ns).count(),
        "spans end before they start; drawn as points",
    );
    warn(
        trace.spans.iter().filter(|span| !span.has_times).count(),
        "spans have no valid start or end time; drawn as points",
    );
    warn(trace.repeated, "duplicate spans");
    warn(trace.unreadable, "entries without a span id were skipped");
    warnings
}

/// Consumer spans that start before their parent.
fn early(trace: &Trace) -> usize {
    let starts: std::collections::HashMap<&str, u64> =
        trace.spans.iter().map(|span| (span.id.as_str(), span.start_ns)).collect();
    let is_early = |span: &&Span| {
        let parent = span.parent.as_deref().and_then(|parent| starts.get(parent));
        span.kind == SpanKind::Consumer && parent.is_some_and(|start| span.start_ns < *start)
    };
    trace.spans.iter().filter(is_early).count()
}

fn signs(trace: &Trace) -> Vec<String> {
    let any = |has: fn(&Span) -> bool| trace.spans.iter().any(has);
    let mut signs = Vec::new();
    if any(|span| span.queue_wait_ns().is_some()) {
        signs.push(format!("{WAITED}{WAITED} queue wait"));
    }
    if any(|span| span.attempt().is_some()) {
        signs.push("#1 attempt and verdict".to_owned());
    }
    if any(|span| !span.links.is_empty()) {
        signs.push("↗1 links".to_owned());
    }
    signs
}
