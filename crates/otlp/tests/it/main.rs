//! The decoder against itself in other spellings, and against `prost`.

mod json;
mod limits;
mod official;
mod protobuf;
mod tree;
