//! Encodes protobuf by hand, so that messages can be abnormal: millions of empty entries, very long names, deeply nested
//! values.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

/// The largest export that the console reads, decompressed.
pub(crate) const EXPORT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A field with a length: text, bytes, an embedded message, packed numbers.
pub(crate) fn field(number: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = Vec::with_capacity(body.len() + 8);
    varint(&mut out, u64::from(number) << 3 | 2);
    varint(&mut out, body.len() as u64);
    out.extend_from_slice(body);
    out
}

/// A field that is a number of variable length.
pub(crate) fn number(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3);
    varint(&mut out, value);
    out
}

/// A field of eight bytes.
pub(crate) fn fixed64(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
    out
}

/// The field, repeated to this number of bytes.
pub(crate) fn filled(bytes: usize, field: &[u8]) -> Vec<u8> {
    field.repeat(bytes / field.len())
}

/// All parts concatenated.
pub(crate) fn joined(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&part);
    }
    out
}

/// An attribute with a string value.
pub(crate) fn attribute(key: &str, value: &str) -> Vec<u8> {
    [field(1, key), field(2, field(1, value))].concat()
}

/// An export of one resource and one scope; the envelope is the same for all signals.
pub(crate) fn export(resource: &[u8], items: &[u8]) -> Vec<u8> {
    field(1, [field(1, resource), field(2, items)].concat())
}

/// A value within arrays, `depth` of them.
pub(crate) fn nested(depth: usize) -> Vec<u8> {
    // Built in reverse from the inside out: otherwise each level would copy all inner ones.
    let mut reversed: Vec<u8> = Vec::new();
    for _ in 0..depth {
        for tag in [0x0a, 0x2a] {
            let mut head = vec![tag];
            varint(&mut head, reversed.len() as u64);
            reversed.extend(head.iter().rev());
        }
    }
    reversed.reverse();
    reversed
}

/// Compresses a body.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(body).unwrap();
    packed.finish().unwrap()
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
