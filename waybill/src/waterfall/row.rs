//! One row: a span's place in the tree, its service, bar, duration and notes.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use contract::Stage;
use trace::{Span, Trace, TreeRow};

use super::{bar::Scale, columns::Columns, notes::Notes};
use crate::terminal::{self, BAD, DIM, clean, fit, styled};

/// Levels of the tree that are drawn; deeper spans are drawn at the last of them.
const LEVELS_MAX: usize = 16;

/// The content of a row.
pub(super) struct Drawn<'a> {
    pub(super) name: String,
    pub(super) service: String,
    pub(super) notes: Notes,
    span: &'a Span,
    /// Start of its parent; 0 without one.
    sent_ns: u64,
    /// For each level from the left: whether the tree continues below this row.
    levels: Vec<bool>,
    /// Whether it is deeper than the levels drawn.
    deeper: bool,
}

impl<'a> Drawn<'a> {
    pub(super) fn of(
        trace: &'a Trace,
        rows: &[TreeRow],
        row: &TreeRow,
        error: &'static str,
    ) -> Self {
        let span = &trace.spans[row.span];
        Self {
            name: clean(&span.name).into_owned(),
            service: clean(&span.service).into_owned(),
            notes: Notes::of(span, row.place, error),
            span,
            sent_ns: row.parent.map_or(0, |parent| trace.spans[rows[parent].span].start_ns),
            levels: levels(rows, row),
            deeper: row.depth > LEVELS_MAX,
        }
    }

    /// The columns before the name.
    pub(super) fn tree_width(&self, indent: usize) -> usize {
        self.levels.len() * indent + usize::from(self.deeper)
    }

    fn tree(&self, indent: usize) -> String {
        let mut tree = String::from(if self.deeper { "…" } else { "" });
        let own = self.levels.len().saturating_sub(1);
        for (level, goes_on) in self.levels.iter().enumerate() {
            tree.push_str(match (level == own, goes_on) {
                (true, true) => "├",
                (true, false) => "└",
                (false, true) => "│",
                (false, false) => " ",
            });
            tree.push_str(&" ".repeat(indent - 1));
        }
        tree
    }
}

/// The innermost levels, outermost first.
fn levels(rows: &[TreeRow], row: &TreeRow) -> Vec<bool> {
    let mut levels = Vec::new();
    let mut at = row;
    while let Some(parent) = at.parent.filter(|_| levels.len() < LEVELS_MAX) {
        levels.push(!at.last);
        at = &rows[parent];
    }
    levels.reverse();
    levels
}

/// The row as a line.
pub(super) fn line(drawn: &Drawn, plan: &Columns, scale: &Scale) -> String {
    let span = drawn.span;
    let colour = colour(&span.service);
    let tree = drawn.tree(plan.indent);
    let tree_width = terminal::width(&tree).min(plan.name);
    let tree = fit(&tree, tree_width);
    let name = fit(&drawn.name, plan.name - tree_width);
    let name = if span.error.is_some() { styled(BAD, &name) } else { name };
    let service = styled(colour, &fit(&drawn.service, plan.service));
    let kind = if plan.kind < 8 { span.kind.short() } else { span.kind.name() };
    let kind = styled(DIM, &fit(kind, plan.kind));
    let duration = terminal::short(Duration::from_nanos(span.duration_ns()));
    let left = format!("{}{name} {service} {kind}", styled(DIM, &tree));
    let right = format!("{duration:>width$} {}", drawn.notes.text(), width = plan.duration);
    let line = format!("{left} {} {right}", bar(drawn, plan.bar, scale));
    format!("{}\n", line.trim_end())
}

fn bar(drawn: &Drawn, columns: usize, scale: &Scale) -> String {
    let span = drawn.span;
    let bar = scale.bar(span, drawn.sent_ns, columns);
    let colour = if span.error.is_some() { BAD } else { colour(&span.service) };
    format!("{}{}{}", styled(DIM, &bar.before), styled(colour, &bar.itself), " ".repeat(bar.after))
}

/// A service's colour: always the same one.
fn colour(service: &str) -> Style {
    let colour = match Stage::ALL.into_iter().find(|stage| stage.name() == service) {
        Some(Stage::Gateway) => AnsiColor::Blue,
        Some(Stage::Ingester) => AnsiColor::Cyan,
        Some(Stage::Processor) => AnsiColor::Green,
        Some(Stage::Notifier) => AnsiColor::Magenta,
        None => AnsiColor::White,
    };
    colour.on_default()
}
