//! Rewrites JSON as protobuf, by the table. Every spelling of protobuf's JSON mapping is read; unknown keys are passed
//! over. What an item holds that cannot be read spoils the item: a byte that is no protobuf is put at its end.

use std::fmt::Write as _;

use super::cursor::{Cursor, NotJson, Shape, unescape};
use super::scalar;
use crate::limits::DEPTH_MAX;
use crate::schema::{Field, Kind, Label, Message};
use crate::wire::{self, Value};

/// No field has number 0, so no reader takes a message with this in it.
const SPOILT: u8 = 0;

/// Messages around an item; the depth of an item is checked when it is read.
const ENVELOPE_DEPTH: usize = 4;

/// A message as protobuf.
#[derive(Debug)]
pub struct Read {
    /// The message; items that cannot be read are malformed in it.
    pub wire: Vec<u8>,
    /// What was wrong first, and where.
    pub flaw: Option<String>,
}

/// Why nothing of a JSON text can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// Not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// Not the message, outside of any item.
    #[error("{0}")]
    Shape(String),
    /// Larger as protobuf than it may be.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
}

/// Rewrites a message, of at most `bytes_max` bytes as protobuf.
pub fn read(message: &'static Message, text: &str, bytes_max: usize) -> Result<Read, NotRead> {
    let cursor = Cursor::new(text.trim_start_matches('\u{feff}'));
    let mut reader =
        Reader { cursor, out: Vec::new(), bytes_max, path: Vec::new(), spoilt: false, flaw: None };
    reader.message(message, 0)?;
    reader.cursor.end()?;
    match reader.flaw {
        Some(flaw) if reader.spoilt => Err(NotRead::Shape(flaw)),
        flaw => Ok(Read { wire: reader.out, flaw }),
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    out: Vec<u8>,
    bytes_max: usize,
    path: Vec<Step>,
    /// Something in the item that is being read cannot be read.
    spoilt: bool,
    flaw: Option<String>,
}

/// A step on the way to a value.
enum Step {
    Field(&'static Field),
    Entry(usize),
}

impl Reader<'_> {
    fn message(&mut self, message: &'static Message, depth: usize) -> Result<(), NotRead> {
        if depth > DEPTH_MAX + ENVELOPE_DEPTH {
            return self.spoil("is nested too deep");
        }
        match self.cursor.shape()? {
            Shape::Object => self.cursor.open(),
            // As an entry of a list; elsewhere it was passed over before.
            Shape::Null => return Ok(self.cursor.null()?),
            _ => return self.spoil("must be an object"),
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
                return Err(NotRead::TooLarge(self.bytes_max));
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &'static Field, depth: usize) -> Result<(), NotRead> {
        if field.label != Label::Many {
            return self.value(field, depth);
        }
        if self.cursor.shape()? != Shape::List {
            return self.spoil("must be a list");
        }
        self.cursor.open();
        let mut count = 0;
        while self.cursor.entry(count == 0)? {
            self.path.push(Step::Entry(count));
            self.value(field, depth)?;
            self.path.pop();
            count += 1;
            if self.out.len() > self.bytes_max {
                return Err(NotRead::TooLarge(self.bytes_max));
            }
        }
        Ok(())
    }

    /// One value of the field, with its key.
    fn value(&mut self, field: &'static Field, depth: usize) -> Result<(), NotRead> {
        let shape = self.cursor.shape()?;
        match field.kind {
            Kind::Message(message) => self.nested(field, message, depth),
            Kind::Text | Kind::Bytes | Kind::Id if shape == Shape::Text => self.text(field),
            Kind::Text | Kind::Bytes | Kind::Id => self.spoil("must be a text"),
            _ => self.number(field, shape),
        }
    }

    fn nested(
        &mut self,
        field: &'static Field,
        message: &'static Message,
        depth: usize,
    ) -> Result<(), NotRead> {
        let outer = self.spoilt;
        let start = wire::begin(&mut self.out, field.number);
        if field.is_item {
            self.spoilt = false;
        }
        self.message(message, depth + 1)?;
        if field.is_item {
            if self.spoilt {
                self.out.push(SPOILT);
            }
            self.spoilt = outer;
        }
        wire::end(&mut self.out, start);
        Ok(())
    }

    fn text(&mut self, field: &'static Field) -> Result<(), NotRead> {
        let quoted = self.cursor.text()?;
        let bytes = match (field.kind, unescape(quoted)) {
            (_, None) => Err("has an escape that stands for no character"),
            (Kind::Bytes, Some(text)) => scalar::base64(&text).ok_or("must be base64"),
            (Kind::Id, Some(text)) => hex::decode(&*text).map_err(|_| "must be hexadecimal"),
            (_, Some(text)) => Ok(text.into_owned().into_bytes()),
        };
        match bytes {
            Ok(bytes) => wire::put(&mut self.out, field.number, Value::Bytes(&bytes)),
            Err(problem) => self.flawed(problem),
        }
        Ok(())
    }

    fn number(&mut self, field: &'static Field, shape: Shape) -> Result<(), NotRead> {
        let (kind, number) = (field.kind, field.number);
        let bits = match shape {
            Shape::Bool => {
                let value = self.cursor.bool()?;
                matches!(kind, Kind::Bool).then_some(u64::from(value))
            }
            Shape::Number => {
                let written = self.cursor.number()?;
                number_bits(kind, written)
            }
            Shape::Text => {
                let quoted = self.cursor.text()?;
                let text = unescape(quoted).unwrap_or_default();
                match (kind, scalar::number_in(&text)) {
                    (Kind::Double, _) => scalar::double_in(&text).map(f64::to_bits),
                    (kind, Some(number)) => number_bits(kind, number),
                    // A name that is not known is passed over, like any part of a newer protocol.
                    (Kind::Enum(names), None) => match names.value(&text) {
                        Some(value) => scalar::bits(kind, value.into()),
                        None => return Ok(()),
                    },
                    _ => None,
                }
            }
            _ => return self.spoil(expected(kind)),
        };
        let Some(bits) = bits else {
            self.flawed(expected(kind));
            return Ok(());
        };
        let value = match kind {
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => Value::Fixed64(bits),
            Kind::Fixed32 => Value::Fixed32(u32::try_from(bits).unwrap_or_default()),
            _ => Value::Varint(bits),
        };
        wire::put(&mut self.out, number, value);
        Ok(())
    }

    /// The value here is of the wrong shape: it is passed over.
    fn spoil(&mut self, problem: &str) -> Result<(), NotRead> {
        self.cursor.skip()?;
        self.flawed(problem);
        Ok(())
    }

    /// The value before here cannot be read.
    fn flawed(&mut self, problem: &str) {
        self.spoilt = true;
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

fn number_bits(kind: Kind, written: &str) -> Option<u64> {
    match kind {
        Kind::Bool => None,
        Kind::Double => scalar::double(written).map(f64::to_bits),
        kind => scalar::bits(kind, scalar::integer(written)?),
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "must be true or false",
        Kind::Double => "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
        Kind::Enum(_) => "must be a name or a number of the enumeration",
        Kind::Int32 | Kind::Sint32 => "must be a whole number of 32 bits",
        Kind::Uint32 | Kind::Fixed32 => "must be a whole number of 32 bits, 0 or more",
        Kind::Int64 | Kind::Sfixed64 => "must be a whole number of 64 bits",
        _ => "must be a whole number of 64 bits, 0 or more",
    }
}
