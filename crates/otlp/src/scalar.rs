//! Single values: numbers by wire type, NaN, and what a text may be.

use crate::flaw::Flaw;
use crate::schema::{Field, Kind, Label};
use crate::wire::Value;

/// The bits of a double, with one spelling of NaN: JSON has no other.
pub(crate) fn one_nan(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { f64::NAN.to_bits() } else { bits }
}

/// The doubles of a packed list, as bits.
pub(crate) fn doubles(packed: &[u8]) -> impl Iterator<Item = u64> {
    packed.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The number in a value of the kind's wire type.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as protobuf does")]
pub(crate) fn number(kind: Kind, value: Value<'_>) -> Option<u64> {
    Some(match (kind, value) {
        (Kind::Bool, Value::Varint(value)) => u64::from(value != 0),
        (Kind::Int32 | Kind::Enum(_), Value::Varint(value)) => i64::from(value as i32) as u64,
        (Kind::Uint32 | Kind::Sint32, Value::Varint(value)) => u64::from(value as u32),
        (Kind::Int64 | Kind::Uint64, Value::Varint(value))
        | (Kind::Fixed64 | Kind::Sfixed64, Value::Fixed64(value)) => value,
        (Kind::Double, Value::Fixed64(value)) => one_nan(value),
        (Kind::Fixed32, Value::Fixed32(value)) => u64::from(value),
        _ => return None,
    })
}

/// Checks the length and the encoding of a text or of bytes.
pub(crate) fn check_text(field: &Field, bytes: &[u8]) -> Result<(), Flaw> {
    if bytes.len() > field.max
        && matches!(field.label, Label::One | Label::Optional | Label::Choice)
    {
        return Err(Flaw::TooLong(field.name, field.max));
    }
    if matches!(field.kind, Kind::Text) && std::str::from_utf8(bytes).is_err() {
        return Err(Flaw::NotUtf8(field.name));
    }
    Ok(())
}
