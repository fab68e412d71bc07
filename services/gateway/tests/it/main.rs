//! The gateway as its clients and the broker see it: real HTTP, a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod broker;
mod connections;
mod dead_letters;
mod events;
mod idempotency;
mod listing;
mod refusals;
mod rig;
mod submit;
mod traces;
