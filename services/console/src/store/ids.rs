//! Trace and span ids: parsed at the edge, so that no id in the store is malformed or zero.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A trace id that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TraceId(u128);

/// A span id that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SpanId(u64);

/// The text is not a hexadecimal id.
#[derive(Debug, thiserror::Error)]
#[error("an id must be hexadecimal (32 digits for a trace, 16 for a span) and not zero")]
pub(crate) struct InvalidId;

impl TraceId {
    /// The smallest and the largest id: a range over all ids.
    pub(crate) const ENDS: (Self, Self) = (Self(0), Self(u128::MAX));

    /// The id of 16 bytes; `None` for another length and for zero.
    pub(crate) fn from_wire(bytes: &[u8]) -> Option<Self> {
        let id = u128::from_be_bytes(bytes.try_into().ok()?);
        (id != 0).then_some(Self(id))
    }
}

impl SpanId {
    /// The id of 8 bytes; `None` for another length and for zero.
    pub(crate) fn from_wire(bytes: &[u8]) -> Option<Self> {
        let id = u64::from_be_bytes(bytes.try_into().ok()?);
        (id != 0).then_some(Self(id))
    }
}

impl FromStr for TraceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId)?;
        Self::from_wire(&bytes).ok_or(InvalidId)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
