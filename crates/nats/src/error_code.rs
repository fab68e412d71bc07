//! What the errors of the broker mean.

use async_nats::jetstream::{
    self, ErrorCode,
    context::{GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind},
    stream::{ConsumerError, ConsumerErrorKind},
};

/// Error codes of a broker whose storage limit is reached.
pub const STORE_FULL: [ErrorCode; 4] = [
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
];

/// Whether the request had no responders, as when JetStream is off.
pub(crate) fn has_no_responders(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| {
        error
            .downcast_ref::<RequestError>()
            .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
    })
}

/// JetStream's error code in `error` or one of its sources.
pub fn error_code(error: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.find_map(|error| {
        if let Some(error) = error.downcast_ref::<jetstream::Error>() {
            return Some(error.error_code());
        }
        // These errors hold it in their kind.
        if let Some(error) = error.downcast_ref::<GetStreamError>()
            && let GetStreamErrorKind::JetStream(error) = error.kind()
        {
            return Some(error.error_code());
        }
        match error.downcast_ref::<ConsumerError>()?.kind() {
            ConsumerErrorKind::JetStream(error) => Some(error.error_code()),
            _ => None,
        }
    })
}

/// Whether the broker refused because a stream, or its whole storage, is full.
pub fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    error_code(error)
        .is_some_and(|code| code == ErrorCode::STREAM_STORE_FAILED || STORE_FULL.contains(&code))
}

/// Whether the error says that the stream or consumer does not exist.
pub fn is_missing(error: &anyhow::Error) -> bool {
    let missing = [ErrorCode::STREAM_NOT_FOUND, ErrorCode::CONSUMER_NOT_FOUND];
    error_code(error.as_ref()).is_some_and(|code| missing.contains(&code))
}
