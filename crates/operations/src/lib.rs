//! The kinds of operation: one file each in `kinds/`, and one line each in the table `kinds/mod.rs`.
//!
//! A kind is a type that implements [`OperationDefinition`]; [`Operation`] and [`OperationKind`] are made from the
//! table. Without the feature `run` there is no I/O here, so that the contract can be built from these types.
//!
//! - [`OperationDefinition`]: what a kind defines
//! - [`cli`]: operations on a command line
//! - `run`: running them, with the feature of that name

pub mod cli;
#[cfg(feature = "run")]
pub mod run;

mod arithmetic;
mod definition;
mod kinds;
mod operation;
mod schema;
mod table;

pub use definition::{CliForm, OperationDefinition};
pub use kinds::*;
