//! The commands, one file or folder each.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod dead;
pub(crate) mod doctor;
pub(crate) mod guard;
pub(crate) mod job;
pub(crate) mod kill;
pub(crate) mod load;
pub(crate) mod open;
pub(crate) mod probe;
pub(crate) mod service;
pub(crate) mod topology;
pub(crate) mod up;
