//! Reads and writes OTLP/JSON: protobuf's JSON mapping, with hexadecimal ids and enumerations as numbers.

mod cursor;
mod read;
mod scalar;
mod write;

pub use cursor::NotJson;
pub use read::{Read, ReadError, read};
pub use write::{non_finite, write};
