//! Receives telemetry by OTLP, over gRPC and over HTTP, for all three signals.
//!
//! A body is read, then waits for a permit, then is decompressed and decoded on a blocking thread. Rejections are reported
//! to the sender: of a whole export by status, of single items as a partial success.

mod body;
mod coding;
mod error;
mod export_response;
pub(crate) mod grpc;
pub(crate) mod http;
mod limits;
mod receiver;
mod rpc_status;

pub(crate) use receiver::OtlpReceiver;
