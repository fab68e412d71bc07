//! Draws a trace in the terminal: a tree of spans on the left, their bars on the right.
//!
//! A pure function of the trace and the width. Colours are escape codes; `terminal::print` strips them if needed.

mod bar;
mod columns;
mod legend;
mod notes;
mod row;

use std::{fmt::Write as _, time::Duration};

use trace::{Completeness, Span, Trace, rows};

use crate::terminal::{self, BAD, BOLD, DIM, WARNING, clean, fit, styled};
use bar::Scale;
use columns::Columns;
use row::Drawn;

/// With fewer columns than this, signs replace words.
const NARROW: usize = 100;
/// Most rows drawn; the others are counted.
const ROWS_MAX: usize = 1_000;

/// The trace as text in at most `columns` columns (60 to 240), ending with a line break.
pub fn draw(trace_id: &str, trace: &Trace, columns: usize) -> String {
    let columns = columns.clamp(terminal::COLUMNS_MIN, terminal::COLUMNS_MAX);
    let mut text = heading(trace_id, trace);
    if trace.spans.is_empty() {
        return text;
    }
    let rows = rows(trace);
    let error = if columns < NARROW { legend::FAILED } else { "ERROR" };
    let drawn = |row| Drawn::of(trace, &rows, row, error);
    let shown: Vec<Drawn> = rows.iter().take(ROWS_MAX).map(drawn).collect();
    let scale = Scale::of(trace);
    let plan = Columns::plan(&shown, columns);
    text.push('\n');
    text.push_str(&axis(&plan, trace));
    for drawn in &shown {
        text.push_str(&row::line(drawn, &plan, &scale));
    }
    if rows.len() > shown.len() {
        let more = format!("… {} more spans; use --json to print all\n", rows.len() - shown.len());
        text.push_str(&styled(DIM, &more));
    }
    text.push_str(&legend::below(trace, columns));
    text
}

fn heading(trace_id: &str, trace: &Trace) -> String {
    let mut text = format!("{} {}", styled(BOLD, "trace"), clean(trace_id));
    let (spans, services) = (trace.spans.len(), trace.services().len());
    let took = terminal::short(Duration::from_nanos(trace.duration_ns()));
    let plural = |n| if n == 1 { "" } else { "s" };
    let _ = write!(
        text,
        "  {spans} span{} · {services} service{} · {took}",
        plural(spans),
        plural(services)
    );
    let failed = trace.spans.iter().filter(|span| span.error.is_some()).count();
    if failed > 0 {
        let _ = write!(text, " · {}", styled(BAD, &format!("{failed} ERROR")));
    }
    text.push('\n');
    let found = Completeness::of(trace);
    if !found.is_complete() {
        text.push_str(&styled(WARNING, &clean(&found.to_string())));
        text.push('\n');
    }
    text
}

/// The line above the bars: nothing on the left, the whole duration on the right.
fn axis(plan: &Columns, trace: &Trace) -> String {
    let left = " ".repeat(plan.before_bar());
    let end = terminal::short(Duration::from_nanos(trace.duration_ns()));
    let middle = terminal::short(Duration::from_nanos(trace.duration_ns() / 2));
    let mut line: Vec<char> = vec![' '; plan.bar];
    let mut put = |at: usize, text: &str| {
        for (place, c) in line.iter_mut().skip(at).zip(text.chars()) {
            *place = c;
        }
    };
    put(0, "0");
    let enough = terminal::width(&middle) + terminal::width(&end) + 6;
    if plan.bar >= 2 * enough {
        put((plan.bar - terminal::width(&middle)) / 2, &middle);
    }
    put(plan.bar.saturating_sub(terminal::width(&end)), &end);
    let line: String = line.into_iter().collect();
    format!("{left}{}\n", styled(DIM, &line))
}

/// The title of a span outside of its row.
fn title(span: &Span) -> String {
    match span.attempt() {
        Some(attempt) => format!("{} {} #{attempt}", fit_service(span), clean(&span.name)),
        None => format!("{} {}", fit_service(span), clean(&span.name)),
    }
}

fn fit_service(span: &Span) -> String {
    fit(&span.service, columns::SERVICE_MAX).trim_end().to_owned()
}

#[cfg(test)]
mod tests;
