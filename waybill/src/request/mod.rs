//! Requests to a lab from the command line: operations, presets, and whole bodies.

mod operation;
mod preset;

pub(crate) use operation::{HELP as OPERATIONS_HELP, parse as operation};
pub(crate) use preset::Preset;
