//! The NATS server as the services see it: the connection, the server's clock, its streams, and whether it can store.
//!
//! - [`connect`]: the connection of a process, retried with a limit, and its settings
//! - `reconnected`: when the connection was last lost
//! - [`time`]: the server's clock
//! - [`topology`]: creates streams, consumers and buckets
//! - [`readiness`], [`storage`], `health_page`: health
//! - [`streams`]: depth and size of queues and stores
//! - [`error_code`]: what the server's errors mean

pub mod connect;
pub mod error_code;
pub mod readiness;
pub mod storage;
pub mod streams;
pub mod time;
pub mod topology;

mod config;
mod health_page;
mod reconnected;

pub use config::NatsConfig;
pub use connect::Connection;
pub use readiness::Readiness;
pub use storage::StorageProblem;
pub use time::BrokerTime;
