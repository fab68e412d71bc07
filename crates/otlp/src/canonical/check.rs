//! Checks whether a message is already canonical, as those of most exporters are. Such a message is kept unchanged:
//! the check takes a fraction of the time of a rewrite.

use std::ptr;

use crate::descriptor::ANY_VALUE;
use crate::limits::{DEPTH_MAX, VALUES_MAX};
use crate::scalar::{check_text, doubles, number, one_nan};
use crate::schema::{Cardinality, Field, FieldKind, Message};
use crate::wire::{Fields, Value, varint, varint_length};

/// Whether [`canonical`](super::canonical) would return exactly these bytes. May return false for some of those.
pub(super) fn is_canonical(message: &Message, wire: &[u8]) -> bool {
    Check { values: 0 }.message(message, wire, 0)
}

struct Check {
    /// Attribute values so far.
    values: usize,
}

/// The previous field, which limits what the next one may be.
#[derive(Default)]
struct Previous {
    number: u32,
    place: usize,
    count: usize,
    has_choice: bool,
}

impl Check {
    fn message(&mut self, message: &Message, wire: &[u8], depth: usize) -> bool {
        self.values += usize::from(ptr::eq(message, &raw const ANY_VALUE));
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return false;
        }
        let mut previous = Previous::default();
        // The length of these fields in canonical encoding: a longer encoding of a number, or a group, makes `wire` longer.
        let mut length = 0;
        for field in Fields::of(wire) {
            let Ok((number, value)) = field else { return false };
            let Some(field) = previous.next(message, number) else { return false };
            if !self.value(field, value, depth) {
                return false;
            }
            length += varint_length(u64::from(number) << 3) + written_length(value);
        }
        length == wire.len()
    }

    fn value(&mut self, field: &Field, value: Value<'_>, depth: usize) -> bool {
        match (field.kind, value) {
            (FieldKind::Message(inner), Value::Bytes(bytes)) => {
                self.message(inner, bytes, depth + 1)
            }
            (kind, Value::Bytes(packed)) if field.is_packed() => is_packed(kind, packed),
            (kind, Value::Bytes(bytes)) => {
                let is_default = bytes.is_empty() && field.cardinality == Cardinality::Singular;
                !kind.is_number() && !is_default && check_text(field, bytes).is_ok()
            }
            (kind, value) => {
                field.cardinality != Cardinality::Repeated && is_number(field, kind, value)
            }
        }
    }
}

impl Previous {
    /// The field with this number, if it may come next.
    fn next(&mut self, message: &Message, number: u32) -> Option<&'static Field> {
        // Entries of a list follow each other.
        if number == self.number {
            let field = &message.fields[self.place];
            self.count += 1;
            let is_entry = field.cardinality == Cardinality::Repeated && !field.is_packed();
            return (is_entry && self.count <= field.max).then_some(field);
        }
        let rest = message.fields.get(self.place..)?;
        let place = self.place + rest.iter().position(|field| field.number == number)?;
        let field = &message.fields[place];
        let is_choice = field.cardinality == Cardinality::Oneof;
        if (is_choice && self.has_choice) || field.max == 0 {
            return None;
        }
        let has_choice = self.has_choice || is_choice;
        *self = Self { number, place, count: 1, has_choice };
        Some(field)
    }
}

fn is_number(field: &Field, kind: FieldKind, value: Value<'_>) -> bool {
    let raw = match value {
        Value::Varint(raw) | Value::Fixed64(raw) => raw,
        Value::Fixed32(raw) => raw.into(),
        Value::Bytes(_) => return false,
    };
    number(kind, value) == Some(raw) && (raw != 0 || field.cardinality != Cardinality::Singular)
}

fn is_packed(kind: FieldKind, packed: &[u8]) -> bool {
    match kind {
        FieldKind::Double => is_eights(packed) && doubles(packed).all(|bits| bits == one_nan(bits)),
        FieldKind::Fixed64 => is_eights(packed),
        FieldKind::Uint64 => is_varints(packed),
        _ => false,
    }
}

fn is_eights(packed: &[u8]) -> bool {
    !packed.is_empty() && packed.len().is_multiple_of(8)
}

fn is_varints(mut packed: &[u8]) -> bool {
    let mut is_shortest = !packed.is_empty();
    while !packed.is_empty() && is_shortest {
        let before = packed.len();
        is_shortest =
            varint(&mut packed).is_ok_and(|value| before - packed.len() == varint_length(value));
    }
    is_shortest
}

fn written_length(value: Value<'_>) -> usize {
    match value {
        Value::Varint(value) => varint_length(value),
        Value::Fixed64(_) => 8,
        Value::Fixed32(_) => 4,
        Value::Bytes(bytes) => varint_length(bytes.len() as u64) + bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::{HISTOGRAM_POINT, SPAN};
    use crate::wire::put;

    fn span(fields: &[(u32, Value<'_>)]) -> bool {
        is_canonical(&SPAN, &written(fields))
    }

    fn written(fields: &[(u32, Value<'_>)]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (number, value) in fields {
            put(&mut wire, *number, *value);
        }
        wire
    }

    #[test]
    fn a_message_in_canonical_encoding_is_canonical() {
        let attribute = written(&[(1, Value::Bytes(b"key")), (2, Value::Bytes(&[0x0a, 1, b'v']))]);
        let attribute = Value::Bytes(&attribute);
        assert!(span(&[
            (1, Value::Bytes(&[1; 16])),
            (5, Value::Bytes(b"name")),
            (6, Value::Varint(2)),
            (7, Value::Fixed64(1)),
            (9, attribute),
            (9, attribute),
            (16, Value::Fixed32(0x101)),
        ]));
        assert!(span(&[]));
        let counts = Value::Bytes(&[1, 0, 0, 0, 0, 0, 0, 0]);
        assert!(is_canonical(&HISTOGRAM_POINT, &written(&[(6, counts)])));
    }

    #[test]
    fn any_other_encoding_is_not_canonical() {
        let name = (5, Value::Bytes(b"name"));
        assert!(!span(&[(6, Value::Varint(2)), name]), "out of order");
        assert!(!span(&[name, name]), "twice");
        assert!(!span(&[(99, Value::Varint(1))]), "unknown");
        assert!(!span(&[(5, Value::Bytes(b""))]), "a default");
        assert!(!span(&[(6, Value::Varint(1 << 40))]), "a number beyond 32 bits");
        assert!(!span(&[(5, Value::Varint(1))]), "another wire type");
        assert!(!span(&[(5, Value::Bytes(&[0xff]))]), "not UTF-8");
        assert!(!span(&[(9, Value::Bytes(&[0x12, 0, 0x0a, 1, b'k']))]), "inside an attribute");
        assert!(!is_canonical(&SPAN, &[0x30, 0x82, 0]), "a number in more bytes than it needs");
        assert!(
            !is_canonical(&SPAN, &[0x2a, 0x84, 0, b'n', b'a', b'm', b'e']),
            "a length in more bytes than it needs"
        );
        assert!(!is_canonical(&SPAN, &[0x2b, 0x2c]), "a group");
        assert!(!is_canonical(&SPAN, &[0x2a, 9]), "truncated");
        let nan = f64::from_bits(0xfffb_0000_0000_0001).to_le_bytes();
        assert!(!is_canonical(&HISTOGRAM_POINT, &written(&[(7, Value::Bytes(&nan))])), "a NaN");
    }
}
