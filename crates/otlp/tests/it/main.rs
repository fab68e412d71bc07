//! The decoder against itself in other spellings, and against `prost`.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod json;
mod limits;
mod official;
mod protobuf;
mod tree;
