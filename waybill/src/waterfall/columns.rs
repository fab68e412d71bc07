//! The layout of the columns: the bars get what the others leave.

use super::row::Drawn;
use crate::terminal::width;

/// Columns of a service's name.
pub(super) const SERVICE_MAX: usize = 12;
/// Columns of a duration.
const DURATION: usize = 8;
/// Fewest columns of the bars.
const BAR_MIN: usize = 14;
/// From this many columns on, the kind is not abbreviated.
const ROOMY: usize = 110;
/// Space between two columns.
const GAP: usize = 1;

/// The width of each column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    /// Tree and name of the span.
    pub(super) name: usize,
    /// The service.
    pub(super) service: usize,
    /// The kind, whole or abbreviated.
    pub(super) kind: usize,
    /// The bars.
    pub(super) bar: usize,
    /// The duration.
    pub(super) duration: usize,
    /// Columns per level of the tree: 2, or 1 if names would be cut.
    pub(super) indent: usize,
}

impl Columns {
    /// Distributes `columns` among the parts of a row.
    pub(super) fn plan(rows: &[Drawn], columns: usize) -> Self {
        let kind = if columns >= ROOMY { 8 } else { 4 };
        let most = |of: &dyn Fn(&Drawn) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let service = most(&|row| width(&row.service)).min(SERVICE_MAX);
        let notes = most(&|row| row.notes.width());
        let fixed = service + kind + DURATION + notes + 5 * GAP;
        let rest = columns.saturating_sub(fixed);
        // A longer name would leave too little room for the bars.
        let name_max = rest - BAR_MIN.max(rest / 3).min(rest / 2);
        let wanted = |indent| most(&|row| row.tree_width(indent) + width(&row.name));
        let indent = if wanted(2) <= name_max { 2 } else { 1 };
        let name = wanted(indent).min(name_max);
        Self { name, service, kind, bar: rest - name, duration: DURATION, indent }
    }

    /// Columns to the left of the bars.
    pub(super) fn before_bar(&self) -> usize {
        self.name + self.service + self.kind + 3 * GAP
    }
}
