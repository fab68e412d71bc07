//! Hostile telemetry against a console in a separate process: it stays within its memory budget, its pages respond
//! quickly, and valid telemetry is still accepted.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on says where, and writes small lengths by hand"
)]

mod attack;
mod bombs;
mod console;
mod logs;
mod metrics;
mod slow;
mod spans;
mod times;
mod watch;
mod wire;
