//! The errors of the decoder.

use crate::limits::{DEPTH_MAX, VALUES_MAX};

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not protobuf: a field is truncated, or its key is invalid.
    #[error("invalid protobuf")]
    Wire,
    /// A string is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// A string or bytes value is too long.
    #[error("{0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// A list has too many entries, and its message has no field to count dropped ones.
    #[error("{0} has more than {1} entries")]
    TooMany(&'static str, usize),
    /// Messages are nested too deep.
    #[error("values nested deeper than {DEPTH_MAX} messages")]
    TooDeep,
    /// Too many attribute values, those in lists included.
    #[error("more than {VALUES_MAX} attribute values")]
    TooManyValues,
}
