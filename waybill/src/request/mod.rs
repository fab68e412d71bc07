//! Presets of jobs for the command line.

mod preset;

pub(crate) use preset::Preset;
