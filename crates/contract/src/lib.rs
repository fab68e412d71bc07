//! The contract between the services: message and HTTP types, and all names.
//!
//! No I/O and no clocks, so that everything can be tested as plain values.
//!
//! - [`job`], [`operation`]: what a client can submit, and its limits; the kinds of operation are crate `operations`
//! - [`state`], [`record`]: a job's states, the allowed moves between them, and its record
//! - [`lease`]: when a lease is renewed, and when its holder counts as silent
//! - [`event`], [`propagation`], [`dead_header`]: the headers of messages
//! - [`result`], [`completion`]: what a job returned, and the event that says how it ended
//! - [`verdict`]: how an attempt ended
//! - [`topology`]: streams, subjects, consumers and buckets
//! - [`signals`]: every span, attribute and metric name of the lab
//! - [`text`]: user text that is shown to others
//! - [`webhook`]: which addresses webhooks may have
//! - [`api`]: the bodies of the gateway's HTTP API

pub mod api;
pub mod completion;
pub mod dead_header;
pub mod event;
pub mod job;
pub mod lease;
pub mod propagation;
pub mod record;
pub mod result;
pub mod signals;
pub mod state;
pub mod text;
pub mod topology;
pub mod verdict;
pub mod webhook;

mod job_id;
mod rfc3339;
mod source;
mod stage;
mod unknown_fields;

pub use job_id::JobId;
pub use json_body::{BodyError, parse_json};
pub use operations as operation;
pub use rfc3339::rfc3339;
pub use source::{JobSource, NotASource};
pub use stage::Stage;
pub use unknown_fields::UnknownFields;
