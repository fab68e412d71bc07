//! A console as a real process, sent telemetry that is made to harm it: it lives, keeps its memory budget and
//! its pages quick, and honest telemetry gets through meanwhile.

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
