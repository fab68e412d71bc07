//! Tests of a whole lab: real processes, a real broker, real signals.

mod bad_days;
mod crashes;
mod first_kill;
mod one_trace;
mod ownership;
mod poison;
mod signals;
