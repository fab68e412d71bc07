//! The order of the rows: each span and log line below its parent, by time.

use std::collections::{HashMap, HashSet};

use super::trace_view::TraceView;
use crate::store::SpanId;

/// One row of the waterfall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaterfallRow {
    pub(super) item: RowItem,
    pub(super) depth: usize,
    /// The span has a parent that is not in the console, or that cannot be its parent.
    pub(super) orphan: bool,
}

/// The content of a row: an index into the trace's spans or log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowItem {
    Span(usize),
    Line(usize),
}

/// All rows. Every span and every log line has exactly one row, even if parents are missing or form a cycle.
pub(super) fn rows(trace: &TraceView) -> Vec<WaterfallRow> {
    let mut walk = Walk::of(trace);
    for (index, view) in trace.spans.iter().enumerate() {
        let has_parent = view.parent.is_some_and(|parent| walk.has(parent));
        if !has_parent {
            walk.add_subtree(index, view.parent.is_some());
        }
    }
    // Spans whose parents form a cycle are below no root.
    for index in 0..trace.spans.len() {
        walk.add_subtree(index, true);
    }
    for (index, line) in trace.lines.iter().enumerate() {
        if !line.span_id.is_some_and(|span| walk.has(span)) {
            walk.rows.push(WaterfallRow { item: RowItem::Line(index), depth: 0, orphan: false });
        }
    }
    walk.rows
}

struct Walk<'a> {
    trace: &'a TraceView,
    children: HashMap<SpanId, Vec<RowItem>>,
    ids: HashSet<SpanId>,
    added: HashSet<usize>,
    rows: Vec<WaterfallRow>,
}

impl<'a> Walk<'a> {
    fn of(trace: &'a TraceView) -> Self {
        let mut children: HashMap<SpanId, Vec<RowItem>> = HashMap::new();
        for (index, view) in trace.spans.iter().enumerate() {
            if let Some(parent) = view.parent {
                children.entry(parent).or_default().push(RowItem::Span(index));
            }
        }
        for (index, line) in trace.lines.iter().enumerate() {
            if let Some(span) = line.span_id {
                children.entry(span).or_default().push(RowItem::Line(index));
            }
        }
        for items in children.values_mut() {
            items.sort_by_key(|item| sort_key(trace, *item));
        }
        let ids = trace.spans.iter().map(|view| view.id).collect();
        Self { trace, children, ids, added: HashSet::new(), rows: Vec::new() }
    }

    fn has(&self, span: SpanId) -> bool {
        self.ids.contains(&span)
    }

    /// Adds the span and everything below it, unless it was added before. Not recursive: a chain may be as long as the
    /// trace.
    fn add_subtree(&mut self, index: usize, orphan: bool) {
        let mut open = vec![WaterfallRow { item: RowItem::Span(index), depth: 0, orphan }];
        while let Some(row) = open.pop() {
            if let RowItem::Span(index) = row.item {
                if !self.added.insert(index) {
                    continue;
                }
                let below = self.children.get(&self.trace.spans[index].id);
                let depth = row.depth + 1;
                // The last one pushed is popped first.
                open.extend(below.into_iter().flatten().rev().map(|item| WaterfallRow {
                    item: *item,
                    depth,
                    orphan: false,
                }));
            }
            self.rows.push(row);
        }
    }
}

/// The log lines of a span are before its children: after them they would look like lines of the last child.
fn sort_key(trace: &TraceView, item: RowItem) -> (bool, u64) {
    match item {
        RowItem::Line(index) => (false, trace.lines[index].time),
        RowItem::Span(index) => (true, trace.spans[index].start.unwrap_or(u64::MAX)),
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
        fn every_span_has_one_row_below_its_parent_for_any_parents(
            parents in prop::collection::vec(0..40_u8, 1..30),
        ) {
            let trace = trace(&parents);
            let rows = rows(&trace);
            let mut seen = HashSet::new();
            for row in &rows {
                let RowItem::Span(index) = row.item else { panic!("there are no lines") };
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
