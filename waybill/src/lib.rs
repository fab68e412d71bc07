//! The one program of the lab: every service, the lab itself, and the tools to look at it.
//!
//! - [`cli`]: the commands, and how they end
//! - [`load`]: jobs and events in numbers, and what became of each
//! - [`trace`]: a trace as plain values, and whether it is complete
//! - [`waterfall`]: a trace drawn in the terminal

pub mod cli;
pub mod load;
pub mod trace;
pub mod waterfall;

mod allocator;
mod bench;
mod client;
mod commands;
mod environment;
mod exit;
mod lab_args;
mod last;
mod listener;
mod request;
mod terminal;
