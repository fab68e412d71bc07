//! The bar of a span, placed with a resolution of an eighth of a column.

use trace::{Span, Trace};

/// Parts of a column.
const PARTS: u64 = 8;
/// A column filled from the left by one to seven eighths.
const FILLED: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
/// A full column.
const FULL: char = '█';
/// A column filled in its right half.
const RIGHT_HALF: char = '▐';
/// A column filled in its rightmost eighth.
const RIGHT_SLIVER: char = '▕';
/// A span without duration.
const MOMENT: char = '•';
/// Queue wait.
pub(super) const WAITED: char = '┈';

/// The time range of the bars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    start_ns: u64,
    length_ns: u64,
}

/// A bar as text: before it, itself, after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) before: String,
    pub(super) itself: String,
    pub(super) after: usize,
}

impl Scale {
    pub(super) fn of(trace: &Trace) -> Self {
        Self { start_ns: trace.start_ns(), length_ns: trace.duration_ns() }
    }

    /// The bar of a span in `columns` columns, after the queue wait of its message. The wait starts no
    /// earlier than `sent_ns`, the start of the sending span: it is measured with another clock.
    pub(super) fn bar(&self, span: &Span, sent_ns: u64, columns: usize) -> Bar {
        let from = self.place(span.start_ns, columns);
        let to = self.place(span.shown_end_ns(), columns);
        let first = usize_of(from / PARTS).min(columns.saturating_sub(1));
        let itself = if span.name == contract::signals::span::QUEUED {
            let last = usize_of(to.div_ceil(PARTS)).clamp(first + 1, columns.max(first + 1));
            WAITED.to_string().repeat(last - first)
        } else if span.duration_ns() == 0 {
            MOMENT.to_string()
        } else {
            filled(from, to, columns)
        };
        let waited = span.queue_wait_ns().map(|wait| {
            let from_ns = span.start_ns.saturating_sub(wait).max(sent_ns);
            self.place(from_ns, columns)
        });
        let waited_from = waited.map_or(first, |place| usize_of(place.div_ceil(PARTS)).min(first));
        let dots = WAITED.to_string().repeat(first - waited_from);
        let after = columns.saturating_sub(first + itself.chars().count());
        Bar { before: " ".repeat(waited_from) + &dots, itself, after }
    }

    /// The position of a time, in eighths of a column from the left.
    fn place(&self, ns: u64, columns: usize) -> u64 {
        let all = u128::from(PARTS) * columns as u128;
        let since = u128::from(ns.saturating_sub(self.start_ns).min(self.length_ns));
        let place = since * all / u128::from(self.length_ns.max(1));
        u64::try_from(place).unwrap_or(u64::MAX)
    }
}

/// Blocks from `from` to `to`, in eighths; at least one eighth.
fn filled(from: u64, to: u64, columns: usize) -> String {
    let last_column = (columns as u64).saturating_sub(1);
    let (first, last) = ((from / PARTS).min(last_column), (to / PARTS).min(columns as u64));
    if first >= last {
        let part = (to.saturating_sub(from)).clamp(1, PARTS - 1);
        return FILLED[usize_of(part) - 1].to_string();
    }
    let mut bar = String::from(match from % PARTS {
        0..=4 => FULL,
        5 | 6 => RIGHT_HALF,
        _ => RIGHT_SLIVER,
    });
    bar.extend((first + 1..last).map(|_| FULL));
    let rest = usize_of(to % PARTS);
    if rest > 0 && last < columns as u64 {
        bar.push(FILLED[rest - 1]);
    }
    bar
}

fn usize_of(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCALE: Scale = Scale { start_ns: 1_000, length_ns: 8_000 };

    fn bar(start: u64, end: u64, change: impl Fn(&mut Span)) -> String {
        let mut span = Span { start_ns: 1_000 + start, end_ns: 1_000 + end, ..Span::named("a") };
        change(&mut span);
        let bar = SCALE.bar(&span, 0, 8);
        bar.before + &bar.itself + &" ".repeat(bar.after)
    }

    #[test]
    fn a_bar_is_drawn_at_its_time() {
        assert_eq!(bar(0, 8_000, |_| ()), "████████");
        assert_eq!(bar(0, 1_500, |_| ()), "█▌      ");
        assert_eq!(bar(3_700, 5_000, |_| ()), "   ▐█   ");
        assert_eq!(bar(7_999, 8_000, |_| ()), "       ▕");
        assert_eq!(bar(4_000, 4_000, |_| ()), "    •   ");
        assert_eq!(bar(8_000, 8_000, |_| ()), "       •");
    }

    #[test]
    fn queue_wait_is_drawn_before_the_span_and_as_a_span() {
        let wait = |span: &mut Span| {
            span.attributes.insert("waybill.queue.wait_ms".into(), 0.003.into());
        };
        assert_eq!(bar(4_000, 6_000, wait), " ┈┈┈██  ");
        let span = Span { start_ns: 5_000, end_ns: 7_000, ..Span::named("a") };
        let mut late = span.clone();
        wait(&mut late);
        assert_eq!(SCALE.bar(&late, 4_000, 8).before, "   ┈");
        assert_eq!(bar(1_000, 4_000, |span| "queued".clone_into(&mut span.name)), " ┈┈┈    ");
    }

    proptest! {
        #[test]
        fn a_bar_has_the_requested_width_for_all_times(
            times: [u64; 4], wait in -1e30f64..1e30, columns in 1usize..200
        ) {
            let mut span = Span { start_ns: times[0], end_ns: times[1], ..Span::named("a") };
            span.attributes.insert("waybill.queue.wait_ms".into(), wait.into());
            let bar = Scale { start_ns: times[2], length_ns: times[3] }.bar(&span, times[2], columns);
            let taken = bar.before.chars().count() + bar.itself.chars().count() + bar.after;
            prop_assert_eq!(taken, columns);
        }
    }
}
