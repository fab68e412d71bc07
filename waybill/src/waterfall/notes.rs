//! The notes at the end of a row: attempt, verdict, links and errors.

use anstyle::Style;
use contract::verdict::Verdict;
use trace::{Span, TreePlace};

use crate::terminal::{BAD, DIM, GOOD, WARNING, clean, fit, styled, width};

/// Most columns of a verdict.
const VERDICT_MAX: usize = 9;

/// Short notes about a span, each with its colour.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<(String, Style)>);

impl Notes {
    /// The notes of a span; `error` marks a failed one.
    pub(super) fn of(span: &Span, place: TreePlace, error: &'static str) -> Self {
        let mut notes = Self::default();
        if let Some(attempt) = span.attempt() {
            let round = span.round().filter(|round| *round > 0);
            let round = round.map_or(String::new(), |round| format!("r{round}"));
            notes.add(format!("{round}#{attempt}"), DIM);
        }
        if let Some(verdict) = span.verdict() {
            let word = fit(verdict, VERDICT_MAX.min(width(&clean(verdict))));
            notes.add(word, style(verdict));
        }
        if span.error.is_some() {
            notes.add(error.to_owned(), BAD);
        }
        if span.is_lost() && span.verdict() != Some(Verdict::Lost.name()) {
            notes.add("lost".to_owned(), BAD);
        }
        if !span.has_times {
            notes.add("NO TIME".to_owned(), WARNING);
        }
        match place {
            TreePlace::Orphan => notes.add("ORPHAN".to_owned(), BAD),
            TreePlace::Loop => notes.add("LOOP".to_owned(), BAD),
            TreePlace::Root | TreePlace::Child => {}
        }
        if !span.links.is_empty() {
            notes.add(format!("↗{}", span.links.len()), DIM);
        }
        notes
    }

    fn add(&mut self, note: String, style: Style) {
        self.0.push((note, style));
    }

    pub(super) fn width(&self) -> usize {
        let words: usize = self.0.iter().map(|(note, _)| width(note)).sum();
        words + self.0.len().saturating_sub(1)
    }

    pub(super) fn text(&self) -> String {
        let notes: Vec<String> = self.0.iter().map(|(note, style)| styled(*style, note)).collect();
        notes.join(" ")
    }
}

fn style(verdict: &str) -> Style {
    match Verdict::ALL.into_iter().find(|known| known.name() == verdict) {
        Some(Verdict::Done) => GOOD,
        Some(Verdict::Retry) => WARNING,
        Some(Verdict::Discard) | None => DIM,
        Some(Verdict::Reject | Verdict::Dead | Verdict::Fenced | Verdict::Lost) => BAD,
    }
}
