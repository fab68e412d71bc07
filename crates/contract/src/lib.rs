//! What the services agree on: the shapes that cross the bus and the HTTP boundary, and their names.
//!
//! No I/O and no clocks here, so that everything can be tested as plain values.
//!
//! - [`job`], [`operation`]: what a client may ask for, and the limits of it
//! - [`state`], [`record`]: where a job is, as one table of allowed moves and one record a job
//! - [`lease`]: when the lease of a running job is renewed, and when its holder counts as silent
//! - [`event`], [`waybill`]: the headers that travel with every message
//! - [`verdict`]: what came of one attempt
//! - [`topology`]: streams, subjects, consumers and buckets
//! - [`signals`]: every span, attribute and metric name of the lab
//! - [`text`]: text of users that is shown to others
//! - [`webhook`]: where a webhook may go
//! - [`api`]: the bodies of the gateway's HTTP API

pub mod api;
pub mod event;
pub mod job;
pub mod lease;
pub mod operation;
pub mod propagation;
pub mod record;
pub mod signals;
pub mod state;
pub mod text;
pub mod topology;
pub mod verdict;
pub mod webhook;

mod job_id;
mod json;
mod lenient_integer;
mod source;
mod stage;
mod unknown_fields;

pub use job_id::JobId;
pub use json::{BodyError, parse_json};
pub use source::{JobSource, NotASource};
pub use stage::Stage;
pub use unknown_fields::UnknownFields;
