//! Shared code of the tests of a running lab, such as the executable and a client.
//!
//! Functions panic on errors, with a message for the reader of a failed test.

pub mod backlog;
pub mod chaos;
pub mod killed_workers;
pub mod searches;

mod client;
mod executable;
mod trace;

pub use self::client::Client;
pub use self::trace::TraceUnderTest;
pub use executable::{waybill, waybill_beside};
