//! Why a scrape fails.

use trace::openmetrics::NotOpenMetrics;

use super::to_otlp;
use crate::fetch::NoAnswer;
use crate::store::ExportRejection;

/// Shown beside the name of the target.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScrapeError {
    #[error("the target {0}")]
    NoResponse(#[from] NoAnswer),
    #[error("the response has media type `{0}`, not OpenMetrics")]
    MediaType(String),
    #[error("the response is not UTF-8")]
    NotUtf8,
    #[error("the response is not OpenMetrics: {0}")]
    NotOpenMetrics(#[from] NotOpenMetrics),
    #[error("the response is not OpenMetrics: {0}")]
    InvalidHistogram(#[from] to_otlp::InvalidHistogram),
    #[error("the store rejected the metrics: {0}")]
    Rejected(#[from] ExportRejection),
}
