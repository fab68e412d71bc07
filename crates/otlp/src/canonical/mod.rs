//! Rewrites a message in its canonical encoding: each field at most once and in the order of numbers, repeated numbers
//! packed, unknown fields removed. Also validates it and applies the limits of the field table.

mod check;

use std::borrow::Cow;

use self::check::is_canonical;
use crate::descriptor::ANY_VALUE;
use crate::export::messages;
use crate::flaw::Flaw;
use crate::limits::{DEPTH_MAX, VALUES_MAX};
use crate::scalar::{check_text, doubles, number, one_nan};
use crate::schema::{Cardinality, Field, FieldKind, Message};
use crate::wire::{self, Fields, Value};

/// Fields of the largest message, and of the two most frequent ones: attributes and their values.
const FIELDS_MAX: usize = 18;
const FIELDS_OF_A_VALUE: usize = 8;
const FIELDS_OF_AN_ATTRIBUTE: usize = 3;

/// Returns the message in its canonical encoding.
pub fn canonical(message: &Message, wire: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut out = Vec::with_capacity(wire.len().min(4 * 1024));
    canonical_into(message, wire, &mut out)?;
    Ok(out)
}

/// Like [`canonical`], but replaces the content of `out`, so that a caller can reuse the buffer.
pub fn canonical_into(message: &Message, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    out.clear();
    if is_canonical(message, wire) {
        out.extend_from_slice(wire);
        return Ok(());
    }
    Writer { out, values: 0 }.message(message, wire, 0)
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Attribute values so far.
    values: usize,
}

/// The values found for each field of a message with at most `N` fields.
struct Found<'a, const N: usize> {
    slots: [Slot<'a>; N],
    /// Entries of lists.
    counts: [usize; N],
}

enum Slot<'a> {
    Absent,
    Number(u64),
    /// Text, bytes, a message, or a packed list.
    Bytes(Cow<'a, [u8]>),
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, wire: &[u8], depth: usize) -> Result<(), Flaw> {
        if depth > DEPTH_MAX {
            return Err(Flaw::TooDeep);
        }
        if std::ptr::eq(message, &raw const ANY_VALUE) {
            self.values += 1;
            if self.values > VALUES_MAX {
                return Err(Flaw::TooManyValues);
            }
        }
        let fields = message.fields.len();
        if fields <= FIELDS_OF_AN_ATTRIBUTE {
            self.fields::<FIELDS_OF_AN_ATTRIBUTE>(message, wire, depth)
        } else if fields <= FIELDS_OF_A_VALUE {
            self.fields::<FIELDS_OF_A_VALUE>(message, wire, depth)
        } else {
            self.fields::<FIELDS_MAX>(message, wire, depth)
        }
    }

    /// Writes a message with at most `N` fields. `N` is small for frequent messages: initializing unused slots costs more
    /// than the fields.
    fn fields<const N: usize>(
        &mut self,
        message: &Message,
        wire: &[u8],
        depth: usize,
    ) -> Result<(), Flaw> {
        let mut found = Found { slots: [const { Slot::Absent }; N], counts: [0; N] };
        for field in Fields::of(wire) {
            let (number, value) = field?;
            let Some((place, field)) = message.field(number) else { continue };
            match (field.cardinality, value) {
                (Cardinality::Repeated, value) if field.is_packed() => {
                    found.add_packed(place, field, value)?;
                }
                (Cardinality::Repeated, Value::Bytes(_)) => found.counts[place] += 1,
                // An entry of another wire type counts as an unknown field.
                (Cardinality::Repeated, _) => {}
                _ => found.set(message, place, value, depth)?,
            }
        }
        for (place, field) in message.fields.iter().enumerate() {
            if found.counts[place] > 0 {
                self.list(field, wire, found.counts[place], depth)?;
            } else {
                self.single(message, place, &found, depth)?;
            }
        }
        Ok(())
    }

    /// Writes a list of messages or texts.
    fn list(&mut self, field: &Field, wire: &[u8], count: usize, depth: usize) -> Result<(), Flaw> {
        if count > field.max && field.dropped == 0 {
            return Err(Flaw::TooMany(field.name, field.max));
        }
        for entry in messages(wire, field.number).take(field.max) {
            if let FieldKind::Message(message) = field.kind {
                self.nested(field.number, message, entry, depth)?;
            } else {
                check_text(field, entry)?;
                wire::put(self.out, field.number, Value::Bytes(entry));
            }
        }
        Ok(())
    }

    fn nested(
        &mut self,
        number: u32,
        message: &Message,
        wire: &[u8],
        depth: usize,
    ) -> Result<(), Flaw> {
        let start = wire::begin(self.out, number);
        self.message(message, wire, depth + 1)?;
        wire::end(self.out, start);
        Ok(())
    }

    /// Writes any field except a list of messages or texts.
    fn single<const N: usize>(
        &mut self,
        message: &Message,
        place: usize,
        found: &Found<'_, N>,
        depth: usize,
    ) -> Result<(), Flaw> {
        let field = &message.fields[place];
        match &found.slots[place] {
            Slot::Bytes(bytes) => match field.kind {
                FieldKind::Message(inner) => self.nested(field.number, inner, bytes, depth)?,
                _ => self.bytes(field, bytes)?,
            },
            Slot::Number(number) => {
                self.number(field, number.saturating_add(found.dropped(message, field)));
            }
            Slot::Absent => match found.dropped(message, field) {
                0 => {}
                dropped => self.number(field, dropped),
            },
        }
        Ok(())
    }

    fn bytes(&mut self, field: &Field, bytes: &[u8]) -> Result<(), Flaw> {
        if !field.is_packed() {
            check_text(field, bytes)?;
        }
        if matches!(field.kind, FieldKind::Double)
            && doubles(bytes).any(|bits| bits != one_nan(bits))
        {
            let bytes: Vec<u8> =
                doubles(bytes).flat_map(|bits| one_nan(bits).to_le_bytes()).collect();
            wire::put(self.out, field.number, Value::Bytes(&bytes));
            return Ok(());
        }
        if !(bytes.is_empty()
            && matches!(field.cardinality, Cardinality::Singular | Cardinality::Repeated))
        {
            wire::put(self.out, field.number, Value::Bytes(bytes));
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "32 bits were read")]
    fn number(&mut self, field: &Field, number: u64) {
        if number == 0 && field.cardinality == Cardinality::Singular {
            return;
        }
        let value = match field.kind {
            FieldKind::Fixed32 => Value::Fixed32(number as u32),
            FieldKind::Fixed64 | FieldKind::Sfixed64 | FieldKind::Double => Value::Fixed64(number),
            FieldKind::Uint32 => Value::Varint(number.min(u64::from(u32::MAX))),
            _ => Value::Varint(number),
        };
        wire::put(self.out, field.number, value);
    }
}

impl<'a, const N: usize> Found<'a, N> {
    /// Sets a field that is not repeated: the last value counts, messages are merged. A value of another wire type counts
    /// as an unknown field. Replaced values must be well-formed too.
    fn set(
        &mut self,
        message: &Message,
        place: usize,
        value: Value<'a>,
        depth: usize,
    ) -> Result<(), Flaw> {
        let field = &message.fields[place];
        let slot = match value {
            Value::Bytes(bytes) if !field.kind.is_number() => Slot::Bytes(Cow::Borrowed(bytes)),
            value => match number(field.kind, value) {
                Some(number) => Slot::Number(number),
                None => return Ok(()),
            },
        };
        if field.cardinality == Cardinality::Oneof {
            for (other, slot) in message.fields.iter().zip(&mut self.slots) {
                if other.cardinality == Cardinality::Oneof && other.number != field.number {
                    std::mem::replace(slot, Slot::Absent).check(other, depth)?;
                }
            }
        }
        match (&mut self.slots[place], slot) {
            (Slot::Bytes(first), Slot::Bytes(next))
                if matches!(field.kind, FieldKind::Message(_)) =>
            {
                // Each piece must be complete by itself: two halves of a field must not be joined.
                Fields::of(first).check().and(Fields::of(&next).check())?;
                first.to_mut().extend_from_slice(&next);
            }
            (kept, slot) => std::mem::replace(kept, slot).check(field, depth)?,
        }
        Ok(())
    }

    /// Adds numbers to a list, packed or not.
    fn add_packed(&mut self, place: usize, field: &Field, value: Value<'a>) -> Result<(), Flaw> {
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Absent) {
            *slot = Slot::Bytes(Cow::Borrowed(&[]));
        }
        let Slot::Bytes(packed) = slot else { return Ok(()) };
        match (field.kind, value) {
            (FieldKind::Uint64, Value::Bytes(mut more)) => {
                while !more.is_empty() {
                    wire::put_varint(packed.to_mut(), wire::varint(&mut more)?);
                }
            }
            (FieldKind::Fixed64 | FieldKind::Double, Value::Bytes(more))
                if more.len().is_multiple_of(8) =>
            {
                if packed.is_empty() {
                    *packed = Cow::Borrowed(more);
                } else {
                    packed.to_mut().extend_from_slice(more);
                }
            }
            (_, Value::Bytes(_)) => return Err(Flaw::Wire),
            (FieldKind::Uint64, Value::Varint(number)) => wire::put_varint(packed.to_mut(), number),
            (FieldKind::Fixed64 | FieldKind::Double, Value::Fixed64(number)) => {
                packed.to_mut().extend_from_slice(&number.to_le_bytes());
            }
            _ => {}
        }
        Ok(())
    }

    /// Number of entries dropped from the list that belongs to the field `counter`.
    fn dropped(&self, message: &Message, counter: &Field) -> u64 {
        if !matches!(counter.kind, FieldKind::Uint32) {
            return 0;
        }
        let list = message.fields.iter().position(|list| list.dropped == counter.number);
        list.map_or(0, |place| self.counts[place].saturating_sub(message.fields[place].max) as u64)
    }
}

impl Slot<'_> {
    /// Checks a value that will not be written.
    fn check(self, field: &Field, depth: usize) -> Result<(), Flaw> {
        match (field.kind, self) {
            (FieldKind::Message(message), Self::Bytes(bytes)) => {
                Writer { out: &mut Vec::new(), values: 0 }.message(message, &bytes, depth + 1)
            }
            (_, Self::Bytes(bytes)) => check_text(field, &bytes),
            _ => Ok(()),
        }
    }
}
