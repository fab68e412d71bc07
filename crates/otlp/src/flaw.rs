//! What is wrong with a message.

use crate::limits::{DEPTH_MAX, VALUES_MAX};

/// Why a message cannot be read, or may not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not protobuf: a field or the bytes of one end early, or a key is none.
    #[error("it is not valid protobuf")]
    Wire,
    /// A text that is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// A text or bytes beyond its limit.
    #[error("{0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// A list beyond its limit, of a message that cannot say how many were dropped.
    #[error("{0} has more than {1} entries")]
    TooMany(&'static str, usize),
    /// Messages within messages beyond the limit.
    #[error("its values are nested deeper than {DEPTH_MAX} messages")]
    TooDeep,
    /// Values beyond the limit, all lists together.
    #[error("it has more than {VALUES_MAX} attribute values")]
    TooManyValues,
}
