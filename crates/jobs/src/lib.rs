//! The life of a job: no job is lost, run twice with effect, or ended without its submitter being notified.
//!
//! [`worker::run`] connects a stage's [`JobHandler`] to the messages of its queue: it opens an [`Attempt`] at a job, does the
//! stage's work, and settles the attempt in the job's record before the broker gets its reply.
//!
//! - [`jobs`]: what all parts need: the bus, the records, the results, the specs
//! - [`records`], [`record_session`], `record_hint`: the job record, changed by compare-and-set
//! - [`attempt`], [`handler`], [`worker`], `settle`: one attempt, from the message to the record
//! - [`claim`], [`run`]: the lease, by which one worker runs a job at a time
//! - [`interruptions`]: lost processes in the stages without leases
//! - [`completion`], [`dead_letter`], [`lost`]: how a job ends
//! - [`cancel`], [`round`]: cancel, retry and redrive
//! - [`payloads`], [`results`], `tiles`: specs and results
//! - `lost_spans`: the spans of a run whose worker was lost

pub mod attempt;
pub mod cancel;
pub mod claim;
pub mod completion;
pub mod dead_letter;
pub mod handler;
pub mod interruptions;
pub mod jobs;
pub mod lost;
pub mod message;
pub mod payloads;
pub mod record_hint;
pub mod record_session;
pub mod records;
pub mod results;
pub mod round;
pub mod run;
pub mod worker;

mod lost_spans;
mod settle;
mod tiles;

pub use attempt::{Attempt, FaultPoints};
pub use claim::{Claim, Claims};
pub use completion::Completion;
pub use handler::{JobHandler, Next, Opened};
pub use interruptions::Redeliveries;
pub use jobs::Jobs;
pub use record_session::{RecordSession, SessionError};
pub use records::RecordError;
pub use run::Run;
