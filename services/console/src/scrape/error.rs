//! Why a scrape fails.

use trace::openmetrics::NotOpenMetrics;

use super::to_otlp;
use crate::fetch::NoAnswer;
use crate::store::ExportRejection;

/// The text follows the name of the target.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScrapeError {
    #[error("it {0}")]
    NoResponse(#[from] NoAnswer),
    #[error("its response has media type `{0}`, not OpenMetrics")]
    MediaType(String),
    #[error("its response is not UTF-8")]
    NotUtf8,
    #[error("its response is not OpenMetrics: {0}")]
    NotOpenMetrics(#[from] NotOpenMetrics),
    #[error("its response is not OpenMetrics: {0}")]
    InvalidHistogram(#[from] to_otlp::InvalidHistogram),
    #[error("the store refused its metrics: {0}")]
    Rejected(#[from] ExportRejection),
}
