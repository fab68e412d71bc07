//! The spans of a trace as rows of a tree. Every span gets exactly one row, whatever its parent says.

use std::collections::HashMap;

use super::Trace;

/// A span's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeRow {
    /// Which span, as an index into [`Trace::spans`].
    pub span: usize,
    /// The row of its parent.
    pub parent: Option<usize>,
    /// 0 at the top.
    pub depth: usize,
    /// Whether the span is the last of its siblings.
    pub last: bool,
    /// Why the span is placed here.
    pub place: TreePlace,
}

/// Why a span is placed where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreePlace {
    /// The span has no parent.
    Root,
    /// Below its parent.
    Child,
    /// The span's parent is not in the trace: lost, or not yet received.
    Orphan,
    /// The span is its own ancestor; the cycle is cut above it.
    Loop,
}

/// The rows from top to bottom: roots, then orphans, then cycles; siblings by start time.
pub fn rows(trace: &Trace) -> Vec<TreeRow> {
    let spans = &trace.spans;
    let by_id: HashMap<&str, usize> =
        spans.iter().enumerate().map(|(at, span)| (span.id.as_str(), at)).collect();
    let mut tops: Vec<(usize, TreePlace)> = Vec::new();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    for (at, span) in spans.iter().enumerate() {
        match span.parent.as_deref().map(|parent| by_id.get(parent)) {
            None => tops.push((at, TreePlace::Root)),
            Some(None) => tops.push((at, TreePlace::Orphan)),
            Some(Some(parent)) => children[*parent].push(at),
        }
    }
    tops.sort_by_key(|(_, place)| *place == TreePlace::Orphan);

    let mut growing = Growing { children, seen: vec![false; spans.len()], rows: Vec::new() };
    for (at, place) in tops {
        growing.add_below(at, place);
    }
    for at in 0..spans.len() {
        growing.add_below(at, TreePlace::Loop);
    }
    growing.rows
}

struct Growing {
    children: Vec<Vec<usize>>,
    seen: Vec<bool>,
    rows: Vec<TreeRow>,
}

impl Growing {
    /// Adds a span and its descendants without a row. Not recursive: a chain may be as long as the trace.
    fn add_below(&mut self, top: usize, place: TreePlace) {
        if self.seen[top] {
            return;
        }
        self.seen[top] = true;
        let mut waiting = vec![TreeRow { span: top, parent: None, depth: 0, last: true, place }];
        while let Some(row) = waiting.pop() {
            let at = self.rows.len();
            self.rows.push(row);
            let mut below: Vec<usize> = std::mem::take(&mut self.children[row.span]);
            below.retain(|child| !std::mem::replace(&mut self.seen[*child], true));
            let last = below.len().saturating_sub(1);
            let below = below.iter().enumerate().rev().map(|(n, child)| TreeRow {
                span: *child,
                parent: Some(at),
                depth: row.depth + 1,
                last: n == last,
                place: TreePlace::Child,
            });
            waiting.extend(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Span;

    fn trace(parents: &[Option<usize>]) -> Trace {
        let span = |(at, parent): (usize, &Option<usize>)| Span {
            parent: parent.map(|parent| parent.to_string()),
            start_ns: at as u64,
            ..Span::named(&at.to_string())
        };
        Trace { spans: parents.iter().enumerate().map(span).collect(), ..Trace::default() }
    }

    fn shape(parents: &[Option<usize>]) -> Vec<(usize, usize, TreePlace)> {
        rows(&trace(parents)).iter().map(|row| (row.span, row.depth, row.place)).collect()
    }

    #[test]
    fn children_are_below_their_parent_by_start_time() {
        let rows = rows(&trace(&[None, Some(0), Some(1), Some(0)]));
        let spans: Vec<_> = rows.iter().map(|row| (row.span, row.depth, row.last)).collect();
        assert_eq!(spans, [(0, 0, true), (1, 1, false), (2, 2, true), (3, 1, true)]);
        assert_eq!(rows[2].parent, Some(1));
    }

    #[test]
    fn an_orphan_comes_after_the_roots() {
        use TreePlace::{Child, Orphan, Root};
        assert_eq!(shape(&[Some(9), None, Some(0)]), [(1, 0, Root), (0, 0, Orphan), (2, 1, Child)]);
    }

    #[test]
    fn a_cycle_is_cut_at_its_earliest_span() {
        use TreePlace::{Child, Loop};
        assert_eq!(shape(&[Some(1), Some(0)]), [(0, 0, Loop), (1, 1, Child)]);
        assert_eq!(shape(&[Some(0)]), [(0, 0, Loop)]);
    }

    #[test]
    fn a_chain_of_ten_thousand_spans_does_not_overflow_the_stack() {
        let parents: Vec<_> = (0..10_000_usize).map(|at| at.checked_sub(1)).collect();
        assert_eq!(rows(&trace(&parents)).last().map(|row| row.depth), Some(9_999));
    }

    proptest! {
        #[test]
        fn every_span_has_one_row_below_an_earlier_one(
            parents in proptest::collection::vec(proptest::option::of(0usize..40), 0..40)
        ) {
            let rows = rows(&trace(&parents));
            let mut spans: Vec<_> = rows.iter().map(|row| row.span).collect();
            spans.sort_unstable();
            prop_assert_eq!(spans, (0..parents.len()).collect::<Vec<_>>());
            for (at, row) in rows.iter().enumerate() {
                prop_assert_eq!(row.depth, row.parent.map_or(0, |parent| rows[parent].depth + 1));
                prop_assert!(row.parent.is_none_or(|parent| parent < at));
            }
        }
    }
}
