//! HTTP clients for a running lab: every request has a timeout, every response a size limit, and every error
//! a message for the user.
//!
//! - [`http_builder`]: the rules that every HTTP client of the lab follows
//! - [`GatewayClient`], [`ConsoleClient`], [`AdminClient`]: the APIs, with bodies of `contract::api`
//! - [`PartClient`]: one server of the lab, for requests that the typed clients do not know

mod admin;
mod builder;
mod console;
mod error;
mod gateway;
mod http;
mod request;
mod sse;

pub use admin::AdminClient;
pub use builder::{http_builder, http_builder_for};
pub use console::ConsoleClient;
pub use error::{ClientError, NoResponse, UnexpectedResponse};
pub use gateway::GatewayClient;
pub use http::{FullResponse, PartClient};
pub use request::{DeadLetterFilter, JobFilter, JobRequest};
pub use sse::{EventStream, ServerEvent};
