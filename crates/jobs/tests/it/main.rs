//! One delivery at a time: a stub stage against a real nats-server, stepped by the test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod claims;
mod completions;
mod dead_letters;
mod isolation;
mod leases;
mod requeue;
mod rig;
mod slots;
mod stage;
