//! Why the store turns single items away while it takes the rest of their batch.

use otlp::Flaw;

/// Largest span or log line, encoded.
pub(super) const ITEM_BYTES_MAX: usize = 256 * 1024;

/// Largest data point, encoded; histograms with a thousand buckets and their exemplars fit.
pub(super) const POINT_BYTES_MAX: usize = 64 * 1024;

/// Spans, log lines or data points of one export. Collectors send eight thousand.
pub(super) const ITEMS_MAX: u64 = 50_000;

/// Why an item is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Ids of the wrong length, or zero.
    #[error("a trace id or span id has the wrong length or is zero")]
    Ids,
    /// The trace already holds as much as one trace may.
    #[error("a trace has reached the maximum size")]
    TraceFull,
    /// The item alone is larger than one may be.
    #[error("an item is larger than {0} bytes")]
    TooLarge(usize),
    /// More items than one export may have.
    #[error("an export has more than {ITEMS_MAX} items; send smaller batches")]
    TooMany,
    /// A sender that describes itself at such length would fill the store with that alone.
    #[error(
        "resource and scope together are larger than {0} bytes; send fewer resource attributes"
    )]
    OriginTooLarge(usize),
    /// The item itself.
    #[error("an item is invalid: {0}")]
    Item(Flaw),
    /// The resource or scope of the item.
    #[error("a resource or scope is invalid: {0}")]
    Origin(Flaw),
}

impl Refused {
    /// Whether it is not what the protocol allows, rather than more than the console keeps.
    fn is_unreadable(self) -> bool {
        matches!(self, Self::Item(_) | Self::Origin(_) | Self::OriginTooLarge(_))
    }
}

/// The refused items of one export.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refusals {
    /// Spans, log lines or points.
    pub(crate) count: u64,
    /// Those of them that cannot be read.
    pub(crate) unreadable: u64,
    first: Option<Refused>,
}

impl Refusals {
    pub(crate) fn add(&mut self, refused: Refused) {
        self.add_many(refused, 1);
    }

    pub(crate) fn add_many(&mut self, refused: Refused, count: u64) {
        self.count += count;
        self.unreadable += if refused.is_unreadable() { count } else { 0 };
        self.first = self.first.or(Some(refused));
    }

    /// Why the first was refused, for the exporter's log; `None` if everything was taken.
    pub(crate) fn first(&self) -> Option<Refused> {
        self.first
    }
}
