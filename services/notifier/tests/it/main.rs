//! The notifier on a real broker, with receivers that misbehave.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod notifications;
mod rig;
