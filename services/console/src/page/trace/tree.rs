//! Puts spans and log lines in the order in which they are read: each below its parent, by time.

use std::collections::{HashMap, HashSet};

use super::view::TraceView;
use crate::store::SpanId;

/// One row of the waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) item: Item,
    pub(super) depth: usize,
    /// It names a parent that is not here, or that cannot be its parent.
    pub(super) orphan: bool,
}

/// What a row shows: an index into the trace's spans or lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Span(usize),
    Line(usize),
}

/// All rows. Every span and every line comes exactly once, whatever the parents claim.
pub(super) fn rows(trace: &TraceView) -> Vec<Row> {
    let mut walk = Walk::of(trace);
    for (index, view) in trace.spans.iter().enumerate() {
        let known = view.parent.is_some_and(|parent| walk.is_here(parent));
        if !known {
            walk.from(index, view.parent.is_some());
        }
    }
    // Spans that are each other's ancestors hang on no root.
    for index in 0..trace.spans.len() {
        walk.from(index, true);
    }
    for (index, line) in trace.lines.iter().enumerate() {
        if !line.span_id.is_some_and(|span| walk.is_here(span)) {
            walk.rows.push(Row { item: Item::Line(index), depth: 0, orphan: false });
        }
    }
    walk.rows
}

struct Walk<'a> {
    trace: &'a TraceView,
    children: HashMap<SpanId, Vec<Item>>,
    here: HashSet<SpanId>,
    seen: HashSet<usize>,
    rows: Vec<Row>,
}

impl<'a> Walk<'a> {
    fn of(trace: &'a TraceView) -> Self {
        let mut children: HashMap<SpanId, Vec<Item>> = HashMap::new();
        for (index, view) in trace.spans.iter().enumerate() {
            if let Some(parent) = view.parent {
                children.entry(parent).or_default().push(Item::Span(index));
            }
        }
        for (index, line) in trace.lines.iter().enumerate() {
            if let Some(span) = line.span_id {
                children.entry(span).or_default().push(Item::Line(index));
            }
        }
        for items in children.values_mut() {
            items.sort_by_key(|item| place(trace, *item));
        }
        let here = trace.spans.iter().map(|view| view.id).collect();
        Self { trace, children, here, seen: HashSet::new(), rows: Vec::new() }
    }

    fn is_here(&self, span: SpanId) -> bool {
        self.here.contains(&span)
    }

    /// Adds the span and everything below it, unless it is there already. No recursion: a chain may be as
    /// long as the trace.
    fn from(&mut self, index: usize, orphan: bool) {
        let mut open = vec![Row { item: Item::Span(index), depth: 0, orphan }];
        while let Some(row) = open.pop() {
            if let Item::Span(index) = row.item {
                if !self.seen.insert(index) {
                    continue;
                }
                let below = self.children.get(&self.trace.spans[index].id);
                let depth = row.depth + 1;
                // The last one pushed is read first.
                open.extend(below.into_iter().flatten().rev().map(|item| Row {
                    item: *item,
                    depth,
                    orphan: false,
                }));
            }
            self.rows.push(row);
        }
    }
}

/// The lines of a span come right below it: after its children they would seem to be theirs.
fn place(trace: &TraceView, item: Item) -> (bool, u64) {
    match item {
        Item::Line(index) => (false, trace.lines[index].time),
        Item::Span(index) => (true, trace.spans[index].start.unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
    use proptest::prelude::*;

    use super::*;
    use crate::store::{Signal, Store, StoreLimits};

    const LIMITS: StoreLimits =
        StoreLimits { spans_max: 100, logs_max: 100, series_max: 100, memory_mib: 16 };

    fn trace(parents: &[u8]) -> TraceView {
        let span = |(index, parent): (usize, &u8)| Span {
            trace_id: vec![1; 16],
            span_id: vec![u8::try_from(index + 1).unwrap(); 8],
            parent_span_id: vec![*parent; 8],
            start_time_unix_nano: index as u64,
            ..Default::default()
        };
        let spans = parents.iter().enumerate().map(span).collect();
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let sender = ResourceSpans { scope_spans, ..ResourceSpans::default() };
        let export = TracesData { resource_spans: vec![sender] };
        let store = Arc::new(Store::new(LIMITS));
        store.take(Signal::Traces, &prost::Message::encode_to_vec(&export)).unwrap();
        TraceView::of(&store, "01".repeat(16).parse().unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn every_span_has_one_row_below_its_parent_whatever_the_parents_claim(
            parents in prop::collection::vec(0..40_u8, 1..30),
        ) {
            let trace = trace(&parents);
            let rows = rows(&trace);
            let mut seen = HashSet::new();
            for row in &rows {
                let Item::Span(index) = row.item else { panic!("there are no lines") };
                let parent = trace.spans[index].parent;
                let below = parent.is_some_and(|parent| seen.contains(&parent));
                prop_assert_eq!(below, row.depth > 0);
                prop_assert_eq!(row.orphan, parent.is_some() && row.depth == 0);
                prop_assert!(seen.insert(trace.spans[index].id));
            }
            prop_assert_eq!(rows.len(), parents.len());
        }
    }
}
