//! Why the store rejects single items while it accepts the rest of their export.

use otlp::Flaw;

/// Largest span or log record, encoded.
pub(super) const ITEM_BYTES_MAX: usize = 256 * 1024;

/// Largest data point, encoded; histograms with a thousand buckets and their exemplars fit.
pub(super) const POINT_BYTES_MAX: usize = 64 * 1024;

/// Spans, log records or data points of one export. Collectors send eight thousand.
pub(super) const ITEMS_MAX: u64 = 50_000;

/// Why an item is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ItemRejection {
    #[error("a trace id or span id has the wrong length or is zero")]
    InvalidIds,
    #[error("a trace has reached its maximum of {0} spans; further spans are rejected")]
    TooManySpans(usize),
    #[error("a trace has reached its maximum of {0} bytes; further spans are rejected")]
    TraceTooLarge(usize),
    #[error("an item is larger than {0} bytes")]
    TooLarge(usize),
    #[error("an export has more than {ITEMS_MAX} items; send smaller batches")]
    TooMany,
    /// A sender with a description of this length would fill the store with it.
    #[error(
        "resource and scope together are larger than {0} bytes; send fewer resource attributes"
    )]
    ResourceScopeTooLarge(usize),
    #[error("an item is invalid: {0}")]
    Item(Flaw),
    #[error("a resource or scope is invalid: {0}")]
    ResourceScope(Flaw),
}

impl ItemRejection {
    /// Whether the item violates the protocol, rather than a limit of the console.
    fn is_malformed(self) -> bool {
        matches!(self, Self::Item(_) | Self::ResourceScope(_) | Self::ResourceScopeTooLarge(_))
    }
}

/// The rejected items of one export.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ItemRejections {
    /// Spans, log records or data points.
    pub(crate) count: u64,
    /// Those of them that violate the protocol.
    pub(crate) malformed: u64,
    first: Option<ItemRejection>,
}

impl ItemRejections {
    pub(crate) fn add(&mut self, rejection: ItemRejection) {
        self.add_many(rejection, 1);
    }

    pub(crate) fn add_many(&mut self, rejection: ItemRejection, count: u64) {
        self.count += count;
        self.malformed += if rejection.is_malformed() { count } else { 0 };
        self.first = self.first.or(Some(rejection));
    }

    /// Adds the rejections of the same export that were made later.
    pub(crate) fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.malformed += later.malformed;
        self.first = self.first.or(later.first);
    }

    /// Why the first item was rejected, for the exporter's log; `None` if every item was accepted.
    pub(crate) fn first(&self) -> Option<ItemRejection> {
        self.first
    }
}
