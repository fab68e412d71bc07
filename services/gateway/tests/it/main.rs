//! The gateway as its clients and the broker see it: real HTTP, a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod broker;
mod cancel;
mod connections;
mod dead_letters;
mod events;
mod events_stream;
mod hostile;
mod idempotency;
mod leases;
mod listing;
mod lost;
mod names;
mod openapi;
mod operations;
mod queues;
mod redrive;
mod refusals;
mod retry;
mod rig;
mod storage;
mod submit;
mod traces;
mod unreadable;
