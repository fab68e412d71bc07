//! Writes a message as OTLP/JSON.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::schema::{Cardinality, Field, FieldKind, Message};
use crate::wire::{self, Fields, Value};

/// Appends a canonical message as JSON. Fields without explicit presence are always written; 64-bit numbers and
/// non-finite doubles are written as texts.
pub fn write(message: &Message, wire: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    for field in message.fields {
        let start = out.len();
        if !is_first {
            out.push(b',');
        }
        out.push(b'"');
        out.extend(field.json_name().map(|letter| letter as u8));
        out.extend_from_slice(b"\":");
        let is_written = match field.cardinality {
            Cardinality::Repeated => list(field, wire, out),
            _ => single(field, wire, out),
        };
        if is_written {
            is_first = false;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

fn list(field: &Field, wire: &[u8], out: &mut Vec<u8>) -> bool {
    out.push(b'[');
    let start = out.len();
    let next = |out: &mut Vec<u8>, value| {
        if out.len() > start {
            out.push(b',');
        }
        self::value(field, value, out);
    };
    for (_, value) in fields(field, wire) {
        match value {
            Value::Bytes(mut packed) if field.is_packed() => {
                while let Some(number) = unpack(field.kind, &mut packed) {
                    next(out, number);
                }
            }
            value => next(out, value),
        }
    }
    out.push(b']');
    true
}

fn unpack<'a>(kind: FieldKind, packed: &mut &[u8]) -> Option<Value<'a>> {
    if packed.is_empty() {
        return None;
    }
    if let FieldKind::Uint64 = kind {
        return wire::varint(packed).ok().map(Value::Varint);
    }
    let (first, rest) = packed.split_first_chunk()?;
    *packed = rest;
    Some(Value::Fixed64(u64::from_le_bytes(*first)))
}

/// Writes a field that is not repeated; false if it is left out.
fn single(field: &Field, wire: &[u8], out: &mut Vec<u8>) -> bool {
    let is_index = matches!(field.kind, FieldKind::Int32);
    match fields(field, wire).last() {
        Some((_, found)) => value(field, found, out),
        None if field.cardinality != Cardinality::Singular || is_index => return false,
        None => match field.kind {
            FieldKind::Text | FieldKind::Bytes | FieldKind::Id => out.extend_from_slice(b"\"\""),
            _ => value(field, Value::Varint(0), out),
        },
    }
    true
}

fn fields<'a>(field: &Field, wire: &'a [u8]) -> impl Iterator<Item = (u32, Value<'a>)> {
    let number = field.number;
    Fields::of(wire).filter_map(Result::ok).filter(move |(found, _)| *found == number)
}

fn value(field: &Field, value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Bytes(bytes) => match field.kind {
            FieldKind::Message(message) => write(message, bytes, out),
            FieldKind::Id => quoted(out, &hex::encode(bytes)),
            FieldKind::Text => text(out, &String::from_utf8_lossy(bytes)),
            _ => quoted(out, &STANDARD.encode(bytes)),
        },
        Value::Varint(bits) | Value::Fixed64(bits) => number(field.kind, bits, out),
        Value::Fixed32(bits) => number(field.kind, bits.into(), out),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "bits of a number")]
fn number(kind: FieldKind, bits: u64, out: &mut Vec<u8>) {
    let written = match kind {
        FieldKind::Bool => (bits != 0).to_string(),
        FieldKind::Int32 | FieldKind::Enum(_) => (bits as i32).to_string(),
        FieldKind::Sint32 => {
            let bits = bits as u32;
            ((bits >> 1) as i32 ^ -((bits & 1) as i32)).to_string()
        }
        FieldKind::Int64 | FieldKind::Sfixed64 => return quoted(out, &(bits as i64).to_string()),
        FieldKind::Uint64 | FieldKind::Fixed64 => return quoted(out, &bits.to_string()),
        FieldKind::Double => match f64::from_bits(bits) {
            number if number.is_finite() => format!("{number:?}"),
            number => return quoted(out, non_finite(number)),
        },
        _ => bits.to_string(),
    };
    out.extend_from_slice(written.as_bytes());
}

/// The JSON text of a double that is not finite.
pub fn non_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn quoted(out: &mut Vec<u8>, plain: &str) {
    out.push(b'"');
    out.extend_from_slice(plain.as_bytes());
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    if serde_json::to_writer(&mut *out, text).is_err() {
        let _ = out.write_all(b"\"\"");
    }
}
