//! Checks of single values: numbers, NaN and texts.

use crate::flaw::Flaw;
use crate::schema::{Cardinality, Field, FieldKind};
use crate::wire::Value;

/// The bits of a double, with every NaN replaced by the same one, as in JSON.
pub(crate) fn one_nan(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { f64::NAN.to_bits() } else { bits }
}

/// The bits of each double in a packed list.
pub(crate) fn doubles(packed: &[u8]) -> impl Iterator<Item = u64> {
    packed.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The number in `value`; `None` if it has another wire type than `kind`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as protobuf does")]
pub(crate) fn number(kind: FieldKind, value: Value<'_>) -> Option<u64> {
    Some(match (kind, value) {
        (FieldKind::Bool, Value::Varint(value)) => u64::from(value != 0),
        (FieldKind::Int32 | FieldKind::Enum(_), Value::Varint(value)) => {
            i64::from(value as i32) as u64
        }
        (FieldKind::Uint32 | FieldKind::Sint32, Value::Varint(value)) => u64::from(value as u32),
        (FieldKind::Int64 | FieldKind::Uint64, Value::Varint(value))
        | (FieldKind::Fixed64 | FieldKind::Sfixed64, Value::Fixed64(value)) => value,
        (FieldKind::Double, Value::Fixed64(value)) => one_nan(value),
        (FieldKind::Fixed32, Value::Fixed32(value)) => u64::from(value),
        _ => return None,
    })
}

/// Checks the length and the encoding of a string or of bytes.
pub(crate) fn check_text(field: &Field, bytes: &[u8]) -> Result<(), Flaw> {
    if bytes.len() > field.max
        && matches!(
            field.cardinality,
            Cardinality::Singular | Cardinality::Optional | Cardinality::Oneof
        )
    {
        return Err(Flaw::TooLong(field.name, field.max));
    }
    if matches!(field.kind, FieldKind::Text) && std::str::from_utf8(bytes).is_err() {
        return Err(Flaw::NotUtf8(field.name));
    }
    Ok(())
}
