//! The messaging layer of the services: no job is lost, run twice with effect, or without its trace.
//!
//! - [`connect`], [`broker_time`], [`readiness`], `storage`, [`topology`]: connection, broker time, health, topology
//! - [`publish`], `headers`, `record_hint`: publishing, with trace context and record in the message headers
//! - `origin`: refuses messages that no stage published
//! - [`work`], `settle`: the work loop: pull, call a [`Handler`], settle. Only this code acks, naks or sends progress
//! - [`decide`], [`backoff`]: what to do after one attempt, as pure functions
//! - [`records`], [`record_session`], [`claim`], [`run`]: the job record and its lease
//! - [`redelivered`]: interruptions in the stages without leases
//! - [`finish`], [`dead_letter`], [`results`], `tiles`: how a job ends
//! - [`lost`]: how a job ends whose message is gone
//! - [`cancel`], [`round`], [`payloads`]: cancel, retry and redrive

pub mod backoff;
pub mod broker_time;
pub mod cancel;
pub mod claim;
pub mod connect;
pub mod dead_letter;
pub mod decide;
pub mod delivery;
pub mod finish;
pub mod lost;
pub mod payloads;
pub mod publish;
pub mod queue_watch;
pub mod readiness;
pub mod record_session;
pub mod records;
pub mod redelivered;
pub mod results;
pub mod round;
pub mod run;
pub mod topology;
pub mod work;
pub mod worker;

mod headers;
mod health_page;
mod in_flight;
mod job_spans;
mod origin;
mod record_hint;
mod service_context;
mod settle;
mod staleness;
mod storage;
mod tiles;

pub use claim::{Claim, Claims};
pub use connect::{Bus, BusConfig};
pub use decide::{Failure, Handled};
pub use delivery::Delivery;
pub use finish::Completion;
pub use headers::{context_of, fault_in};
pub use origin::{is_broker_header, was_copied};
pub use publish::{Outgoing, PublishError};
pub use readiness::Readiness;
pub use record_session::{RecordSession, SessionError};
pub use redelivered::RedeliveryGuard;
pub use run::Run;
pub use service_context::ServiceContext;
pub use storage::{StorageProblem, is_full};
pub use work::Handler;
pub use worker::WorkerConfig;
