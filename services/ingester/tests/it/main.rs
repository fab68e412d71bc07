//! An ingester in the test's process, against a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod jobs;
mod raw_events;
mod rig;
