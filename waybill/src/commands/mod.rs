//! The commands, one file or folder each.

pub(crate) mod doctor;
pub(crate) mod guard;
pub(crate) mod job;
pub(crate) mod probe;
pub(crate) mod service;
pub(crate) mod topology;
pub(crate) mod up;
