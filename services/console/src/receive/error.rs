//! Why an export fails.

use axum::http::StatusCode;
use otlp::json::ReadError;
use tonic::Code;

use super::coding::{Coding, UnpackError};
use super::limits::{EXPORT_BYTES_MAX, SENDER_WAIT};
use crate::store::ExportRejection;

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadBodyError {
    #[error("the export is larger than {EXPORT_BYTES_MAX} bytes; send smaller batches")]
    TooLarge,
    #[error("Content-Encoding must be one of {}", Coding::NAMES)]
    UnknownCoding,
    #[error("the body is not {0}")]
    NotCompressed(&'static str),
    #[error("the connection closed before the end of the body")]
    Incomplete,
    #[error("the body did not arrive within {SENDER_WAIT:?}")]
    Slow,
    #[error("too many exports at the same time; retry in a second")]
    NoMemory,
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the message has an invalid gRPC frame")]
    InvalidFrame,
}

/// Why an export was rejected.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("too many exports at the same time; retry in a second")]
    Busy,
    #[error(transparent)]
    Body(#[from] ReadBodyError),
    #[error("the body is not the OTLP message of this path: {0}")]
    NotJson(ReadError),
    #[error(transparent)]
    Rejected(#[from] ExportRejection),
    #[error("no item of the export was accepted: {0}")]
    NoValidItem(String),
}

impl From<UnpackError> for ReadBodyError {
    fn from(error: UnpackError) -> Self {
        match error {
            UnpackError::TooLarge => Self::TooLarge,
            UnpackError::NotCompressed(coding) => Self::NotCompressed(coding),
        }
    }
}

impl ExportError {
    /// Whether other exports are the reason: the same export may succeed later.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Body(ReadBodyError::NoMemory))
    }

    /// The status over HTTP.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            _ if self.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(ReadBodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(ReadBodyError::UnknownCoding) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(ReadBodyError::Slow) => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The code over gRPC. Exporters repeat `Unavailable` and `DeadlineExceeded`; they do not repeat `ResourceExhausted`
    /// without a `RetryInfo`, nor errors that would occur again.
    pub(super) fn code(&self) -> Code {
        match self {
            _ if self.is_retryable() => Code::Unavailable,
            Self::Body(ReadBodyError::TooLarge) => Code::ResourceExhausted,
            Self::Body(ReadBodyError::UnknownCoding) => Code::Unimplemented,
            Self::Body(ReadBodyError::Slow) => Code::DeadlineExceeded,
            _ => Code::InvalidArgument,
        }
    }
}
