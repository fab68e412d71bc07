//! Converts JSON to protobuf by the field table. Accepts every form that protobuf's JSON mapping allows and skips unknown
//! keys. An item with an invalid value is made invalid protobuf by an extra byte at its end, so that it is refused later.

use std::fmt::Write as _;

use super::cursor::{Cursor, NotJson, Shape, unescape};
use super::scalar;
use crate::limits::DEPTH_MAX;
use crate::schema::{Cardinality, Field, FieldKind, Message};
use crate::wire::{self, Value};

/// An invalid key: no field has number 0.
const INVALID_TAG: u8 = 0;

/// Messages around an item. The depth of the item itself is checked when it is decoded.
const ENVELOPE_DEPTH: usize = 4;

/// A message, converted to protobuf.
#[derive(Debug)]
pub struct Read {
    /// The encoded message, in which invalid items are malformed.
    pub wire: Vec<u8>,
    /// The first error and its place.
    pub flaw: Option<String>,
}

/// Why a whole JSON document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The document is not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// A value outside of the items is invalid.
    #[error("{0}")]
    Shape(String),
    /// The message is too large as protobuf.
    #[error("the message is larger than {0} bytes as protobuf")]
    TooLarge(usize),
}

/// Converts a message to at most `bytes_max` bytes of protobuf.
pub fn read(message: &'static Message, text: &str, bytes_max: usize) -> Result<Read, ReadError> {
    let cursor = Cursor::new(text.trim_start_matches('\u{feff}'));
    let mut reader = Reader {
        cursor,
        out: Vec::new(),
        bytes_max,
        path: Vec::new(),
        is_invalid: false,
        flaw: None,
    };
    reader.message(message, 0)?;
    reader.cursor.end()?;
    match reader.flaw {
        Some(flaw) if reader.is_invalid => Err(ReadError::Shape(flaw)),
        flaw => Ok(Read { wire: reader.out, flaw }),
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    out: Vec<u8>,
    bytes_max: usize,
    path: Vec<Step>,
    /// The current item has an invalid value.
    is_invalid: bool,
    flaw: Option<String>,
}

/// A part of the path to a value.
enum Step {
    Field(&'static Field),
    Entry(usize),
}

impl Reader<'_> {
    fn message(&mut self, message: &'static Message, depth: usize) -> Result<(), ReadError> {
        if depth > DEPTH_MAX + ENVELOPE_DEPTH {
            return self.reject("is nested too deep");
        }
        match self.cursor.shape()? {
            Shape::Object => self.cursor.open(),
            // An entry of a list; elsewhere null was skipped before.
            Shape::Null => return Ok(self.cursor.null()?),
            _ => return self.reject("must be an object"),
        }
        let mut is_first = true;
        while let Some(key) = self.cursor.key(is_first)? {
            is_first = false;
            let field = unescape(key).and_then(|key| message.named(&key));
            let shape = self.cursor.shape()?;
            match field {
                Some(field) if shape != Shape::Null => {
                    self.path.push(Step::Field(field));
                    self.field(field, depth)?;
                    self.path.pop();
                }
                _ => self.cursor.skip()?,
            }
            if self.out.len() > self.bytes_max {
                return Err(ReadError::TooLarge(self.bytes_max));
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field, depth: usize) -> Result<(), ReadError> {
        if field.cardinality != Cardinality::Repeated {
            return self.value(field, depth);
        }
        if self.cursor.shape()? != Shape::List {
            return self.reject("must be a list");
        }
        self.cursor.open();
        let mut count = 0;
        while self.cursor.entry(count == 0)? {
            self.path.push(Step::Entry(count));
            self.value(field, depth)?;
            self.path.pop();
            count += 1;
            if self.out.len() > self.bytes_max {
                return Err(ReadError::TooLarge(self.bytes_max));
            }
        }
        Ok(())
    }

    /// Reads one JSON value and writes it as protobuf, with the tag of `field`.
    fn value(&mut self, field: &'static Field, depth: usize) -> Result<(), ReadError> {
        let shape = self.cursor.shape()?;
        match field.kind {
            FieldKind::Message(message) => self.nested(field, message, depth),
            FieldKind::Text | FieldKind::Bytes | FieldKind::Id if shape == Shape::Text => {
                self.text(field)
            }
            FieldKind::Text | FieldKind::Bytes | FieldKind::Id => self.reject("must be a string"),
            _ => self.number(field, shape),
        }
    }

    fn nested(
        &mut self,
        field: &'static Field,
        message: &'static Message,
        depth: usize,
    ) -> Result<(), ReadError> {
        let outer = self.is_invalid;
        let start = wire::begin(&mut self.out, field.number);
        if field.is_item {
            self.is_invalid = false;
        }
        self.message(message, depth + 1)?;
        if field.is_item {
            if self.is_invalid {
                self.out.push(INVALID_TAG);
            }
            self.is_invalid = outer;
        }
        wire::end(&mut self.out, start);
        Ok(())
    }

    fn text(&mut self, field: &'static Field) -> Result<(), ReadError> {
        let quoted = self.cursor.text()?;
        let bytes = match (field.kind, unescape(quoted)) {
            (_, None) => Err("has an escape that stands for no character"),
            (FieldKind::Bytes, Some(text)) => scalar::base64(&text).ok_or("must be base64"),
            (FieldKind::Id, Some(text)) => hex::decode(&*text).map_err(|_| "must be hexadecimal"),
            (_, Some(text)) => Ok(text.into_owned().into_bytes()),
        };
        match bytes {
            Ok(bytes) => wire::put(&mut self.out, field.number, Value::Bytes(&bytes)),
            Err(problem) => self.note_flaw(problem),
        }
        Ok(())
    }

    fn number(&mut self, field: &'static Field, shape: Shape) -> Result<(), ReadError> {
        let (kind, number) = (field.kind, field.number);
        let bits = match shape {
            Shape::Bool => {
                let value = self.cursor.bool()?;
                matches!(kind, FieldKind::Bool).then_some(u64::from(value))
            }
            Shape::Number => {
                let written = self.cursor.number()?;
                number_bits(kind, written)
            }
            Shape::Text => {
                let quoted = self.cursor.text()?;
                let text = unescape(quoted).unwrap_or_default();
                match (kind, scalar::number_in(&text)) {
                    (FieldKind::Double, _) => scalar::double_in(&text).map(f64::to_bits),
                    (kind, Some(number)) => number_bits(kind, number),
                    // An unknown name is skipped, like any part of a newer protocol version.
                    (FieldKind::Enum(names), None) => match names.value(&text) {
                        Some(value) => scalar::bits(kind, value.into()),
                        None => return Ok(()),
                    },
                    _ => None,
                }
            }
            _ => return self.reject(expected(kind)),
        };
        let Some(bits) = bits else {
            self.note_flaw(expected(kind));
            return Ok(());
        };
        let value = match kind {
            FieldKind::Fixed64 | FieldKind::Sfixed64 | FieldKind::Double => Value::Fixed64(bits),
            FieldKind::Fixed32 => Value::Fixed32(u32::try_from(bits).unwrap_or_default()),
            _ => Value::Varint(bits),
        };
        wire::put(&mut self.out, number, value);
        Ok(())
    }

    /// Skips the next value, which has the wrong type.
    fn reject(&mut self, problem: &str) -> Result<(), ReadError> {
        self.cursor.skip()?;
        self.note_flaw(problem);
        Ok(())
    }

    /// Notes that the last value is invalid.
    fn note_flaw(&mut self, problem: &str) {
        self.is_invalid = true;
        if self.flaw.is_none() {
            self.flaw = Some(format!("{} {problem}", self.place()));
        }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Field(field) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.extend(field.json_name());
                }
                Step::Entry(index) => {
                    let _ = write!(place, "[{index}]");
                }
            }
        }
        if place.is_empty() { "the body".to_owned() } else { place }
    }
}

fn number_bits(kind: FieldKind, written: &str) -> Option<u64> {
    match kind {
        FieldKind::Bool => None,
        FieldKind::Double => scalar::double(written).map(f64::to_bits),
        kind => scalar::bits(kind, scalar::integer(written)?),
    }
}

fn expected(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Bool => "must be true or false",
        FieldKind::Double => "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
        FieldKind::Enum(_) => "must be a name or a number of the enumeration",
        FieldKind::Int32 | FieldKind::Sint32 => "must be a whole number of 32 bits",
        FieldKind::Uint32 | FieldKind::Fixed32 => "must be a whole number of 32 bits, 0 or more",
        FieldKind::Int64 | FieldKind::Sfixed64 => "must be a whole number of 64 bits",
        _ => "must be a whole number of 64 bits, 0 or more",
    }
}
