//! The error of an export as `google.rpc.Status`: the body of the response over HTTP, and its details over gRPC.

use prost::Message;
use serde_json::{Value, json};

use super::error::ExportError;
use super::limits::RETRY_AFTER_SECONDS;

/// The type URL of [`RetryInfo`].
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Duration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Duration {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

impl RpcStatus {
    /// The error; a retryable one has a retry delay.
    pub(super) fn of(error: &ExportError) -> Self {
        let seconds = i64::from(RETRY_AFTER_SECONDS);
        let delay = RetryInfo { retry_delay: Some(Duration { seconds }) };
        let retry = Any { type_url: RETRY_INFO.to_owned(), value: delay.encode_to_vec() };
        Self {
            code: error.code() as i32,
            message: error.to_string(),
            details: error.is_retryable().then_some(retry).into_iter().collect(),
        }
    }

    /// The same in protobuf's JSON form.
    pub(super) fn to_json(&self) -> Value {
        let mut status = json!({"code": self.code, "message": self.message});
        if !self.details.is_empty() {
            let delay = format!("{RETRY_AFTER_SECONDS}s");
            status["details"] = json!([{"@type": RETRY_INFO, "retryDelay": delay}]);
        }
        status
    }
}
