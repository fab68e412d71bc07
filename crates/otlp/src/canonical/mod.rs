//! Rewrites a message in one spelling: every field at most once, the last value of it, pieces of a message merged,
//! numbers packed, nothing unknown; checked, and cut down to the limits of the table.

mod check;

use std::borrow::Cow;

use self::check::is_canonical;
use crate::descriptor::ANY_VALUE;
use crate::export::messages;
use crate::flaw::Flaw;
use crate::limits::{DEPTH_MAX, VALUES_MAX};
use crate::scalar::{check_text, doubles, number, one_nan};
use crate::schema::{Field, Kind, Label, Message};
use crate::wire::{self, Fields, Value};

/// Fields of the largest message, and of those that most of an export is made of: attributes and their values.
const FIELDS_MAX: usize = 18;
const FIELDS_OF_A_VALUE: usize = 8;
const FIELDS_OF_AN_ATTRIBUTE: usize = 3;

/// The message in its canonical spelling: fields in the order of their numbers.
pub fn canonical(message: &Message, wire: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut out = Vec::with_capacity(wire.len().min(4 * 1024));
    canonical_into(message, wire, &mut out)?;
    Ok(out)
}

/// The same, written over what is in `out`: who reads many messages needs one buffer.
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
    /// Attribute values met so far.
    values: usize,
}

/// What was found of each field of one message of at most `N` fields.
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

    /// The fields of a message of at most `N`: places that no field has would cost more than the fields.
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
            match (field.label, value) {
                (Label::Many, value) if field.is_packed() => {
                    found.add_packed(place, field, value)?;
                }
                (Label::Many, Value::Bytes(_)) => found.counts[place] += 1,
                // An entry of another wire type counts as an unknown field.
                (Label::Many, _) => {}
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

    /// A list of messages or texts.
    fn list(&mut self, field: &Field, wire: &[u8], count: usize, depth: usize) -> Result<(), Flaw> {
        if count > field.max && field.dropped == 0 {
            return Err(Flaw::TooMany(field.name, field.max));
        }
        for entry in messages(wire, field.number).take(field.max) {
            if let Kind::Message(message) = field.kind {
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

    /// Everything but lists of messages and texts.
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
                Kind::Message(inner) => self.nested(field.number, inner, bytes, depth)?,
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
        if matches!(field.kind, Kind::Double) && doubles(bytes).any(|bits| bits != one_nan(bits)) {
            let bytes: Vec<u8> =
                doubles(bytes).flat_map(|bits| one_nan(bits).to_le_bytes()).collect();
            wire::put(self.out, field.number, Value::Bytes(&bytes));
            return Ok(());
        }
        if !(bytes.is_empty() && matches!(field.label, Label::One | Label::Many)) {
            wire::put(self.out, field.number, Value::Bytes(bytes));
        }
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, reason = "32 bits were read")]
    fn number(&mut self, field: &Field, number: u64) {
        if number == 0 && field.label == Label::One {
            return;
        }
        let value = match field.kind {
            Kind::Fixed32 => Value::Fixed32(number as u32),
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => Value::Fixed64(number),
            Kind::Uint32 => Value::Varint(number.min(u64::from(u32::MAX))),
            _ => Value::Varint(number),
        };
        wire::put(self.out, field.number, value);
    }
}

impl<'a, const N: usize> Found<'a, N> {
    /// A field that may stand once: the last one counts, messages are merged. A value of another wire type is that
    /// of an unknown field. What does not count must be well-formed all the same.
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
        if field.label == Label::Choice {
            for (other, slot) in message.fields.iter().zip(&mut self.slots) {
                if other.label == Label::Choice && other.number != field.number {
                    std::mem::replace(slot, Slot::Absent).check(other, depth)?;
                }
            }
        }
        match (&mut self.slots[place], slot) {
            (Slot::Bytes(first), Slot::Bytes(next)) if matches!(field.kind, Kind::Message(_)) => {
                // Two pieces that are whole each; two halves of a field must not become one.
                Fields::of(first).check().and(Fields::of(&next).check())?;
                first.to_mut().extend_from_slice(&next);
            }
            (kept, slot) => std::mem::replace(kept, slot).check(field, depth)?,
        }
        Ok(())
    }

    /// Numbers of a list, packed or one by one.
    fn add_packed(&mut self, place: usize, field: &Field, value: Value<'a>) -> Result<(), Flaw> {
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Absent) {
            *slot = Slot::Bytes(Cow::Borrowed(&[]));
        }
        let Slot::Bytes(packed) = slot else { return Ok(()) };
        match (field.kind, value) {
            (Kind::Uint64, Value::Bytes(mut more)) => {
                while !more.is_empty() {
                    wire::put_varint(packed.to_mut(), wire::varint(&mut more)?);
                }
            }
            (Kind::Fixed64 | Kind::Double, Value::Bytes(more)) if more.len().is_multiple_of(8) => {
                if packed.is_empty() {
                    *packed = Cow::Borrowed(more);
                } else {
                    packed.to_mut().extend_from_slice(more);
                }
            }
            (_, Value::Bytes(_)) => return Err(Flaw::Wire),
            (Kind::Uint64, Value::Varint(number)) => wire::put_varint(packed.to_mut(), number),
            (Kind::Fixed64 | Kind::Double, Value::Fixed64(number)) => {
                packed.to_mut().extend_from_slice(&number.to_le_bytes());
            }
            _ => {}
        }
        Ok(())
    }

    /// How many entries were dropped of the list that `counter` counts for.
    fn dropped(&self, message: &Message, counter: &Field) -> u64 {
        if !matches!(counter.kind, Kind::Uint32) {
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
            (Kind::Message(message), Self::Bytes(bytes)) => {
                Writer { out: &mut Vec::new(), values: 0 }.message(message, &bytes, depth + 1)
            }
            (_, Self::Bytes(bytes)) => check_text(field, &bytes),
            _ => Ok(()),
        }
    }
}
