//! Reads JSON bodies from outside, by the same rules in every service.
//!
//! - [`parse_json`]: one JSON object, with errors that name the field
//! - [`lenient_integer`]: whole numbers in every notation that JSON has for them

pub mod lenient_integer;

mod parse;

pub use parse::{BodyError, parse_json};
