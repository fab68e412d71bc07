//! Tests of the decoder: equivalent encodings, and comparison with `prost` and the official protobuf library.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod json;
mod limits;
mod official;
mod protobuf;
mod tree;
