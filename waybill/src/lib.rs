//! The only program of the lab: every service, the embedded lab, and its tools.
//!
//! - [`cli`]: the commands and their exit codes
//! - [`load`]: load tests
//! - [`waterfall`]: a trace drawn in the terminal

pub mod cli;
pub mod load;
pub mod waterfall;

mod allocator;
mod bench;
mod commands;
mod environment;
mod exit;
mod lab_args;
mod last_job;
mod listener;
mod request;
mod terminal;
