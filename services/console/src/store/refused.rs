//! Why the store turns single items away while it takes the rest of their batch.

/// Largest span or log line, encoded.
pub(super) const ITEM_BYTES_MAX: usize = 256 * 1024;

/// Why an item is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Ids of the wrong length, or zero.
    Ids,
    /// The trace already holds as much as one trace may.
    TraceFull,
    /// The item alone is larger than one may be.
    TooLarge,
}

/// The refused items of one export.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refusals {
    /// Spans, log lines or points.
    pub(crate) count: u64,
    first: Option<Refused>,
}

impl Refusals {
    pub(crate) fn add(&mut self, refused: Refused) {
        self.count += 1;
        self.first = self.first.or(Some(refused));
    }

    /// Why the first was refused, for the exporter's log; `None` if everything was taken.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.first.map(|refused| match refused {
            Refused::Ids => "a trace id or span id has the wrong length or is zero",
            Refused::TraceFull => "a trace is as large as the console keeps one",
            Refused::TooLarge => "an item is larger than the console keeps one",
        })
    }
}
