//! The messaging layer of the services: a pull loop that settles each message once, with trace context in the headers.
//!
//! It knows messages, not jobs: what a message is about, and what must be written before it is acked, is its
//! [`Handler`]'s. A delivery goes one way: [`Handler::open`], [`Handler::run`], [`decide`], [`Handler::settle`], and then
//! the one reply to the broker. Only this crate acks, naks or sends progress.
//!
//! - [`connection`]: the bus of a process and its settings
//! - [`publish`], [`headers`]: publishing, with trace context in the message headers
//! - [`delivery`], [`origin`]: a message as a handler sees it; messages that no stage published are refused
//! - [`worker`], `pull`, `dispatch`, `keep_alive`, `in_flight`: the loop
//! - [`handler`], [`decide`]: what a stage does with a message, and what follows from its outcome
//! - `spans`: the spans of the loop

pub mod connection;
pub mod decide;
pub mod delivery;
pub mod handler;
pub mod headers;
pub mod origin;
pub mod publish;
pub mod service_context;
pub mod spans;
pub mod worker;

mod dispatch;
mod in_flight;
mod keep_alive;
mod pull;

pub use connection::{Bus, BusConfig, TraceContext};
pub use decide::{AttemptResult, Budget, Decision, Failure, Handled};
pub use delivery::Delivery;
pub use handler::{Handler, Renew, Renewal, Settlement};
pub use headers::{context_of, fault_in};
pub use publish::{Outgoing, PublishError};
pub use service_context::ServiceContext;
pub use worker::WorkerConfig;
