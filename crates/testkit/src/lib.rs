//! Test support: real processes and sockets, and waiting for conditions instead of sleeping.
//!
//! - [`NatsServer`]: a nats-server per test
//! - [`OtlpSink`], [`WebhookReceiver`]: receivers of telemetry and notifications
//! - [`NameServer`]: a DNS server with configured names
//! - [`StageRig`]: a broker with the lab's streams, for a service in the test's own process
//! - [`LabUnderTest`]: a whole embedded lab
//! - [`eventually()`]: waits for a condition, with a limit
//! - [`PortBlock`], [`Seed`]: ports that no other test uses, and repeatable randomness
//!
//! All functions panic on errors, with a message for the reader of the failed test.

mod eventually;
mod lab_under_test;
mod name_server;
mod nats;
mod otlp;
mod ports;
mod received;
mod seed;
mod settings;
mod stage_rig;
mod webhook;

pub use eventually::{CheckResult, eventually};
pub use lab_under_test::LabUnderTest;
pub use name_server::{DnsAnswer, NameServer};
pub use nats::{NatsServer, nats_server_binary};
pub use otlp::{OtlpSink, SinkMode};
pub use ports::PortBlock;
pub use received::{ReceivedLog, ReceivedSpan};
pub use seed::Seed;
pub use stage_rig::StageRig;
pub use webhook::{ReceivedWebhook, WebhookReceiver, WebhookResponse};
