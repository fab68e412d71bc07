//! The types of the table.

use std::fmt;

/// A message: its fields in the order of their numbers.
pub struct Message {
    /// Its name in the protocol, without the package.
    pub name: &'static str,
    /// Ascending by number.
    pub fields: &'static [Field],
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in the protocol, `snake_case`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How often, and whether its default is told from its absence.
    pub label: Label,
    /// Most bytes of a text, most entries of a list.
    pub max: usize,
    /// Number of the field that counts entries beyond `max`; 0 where there is none.
    pub dropped: u32,
    /// A flaw inside an entry of this list costs the entry alone.
    pub is_item: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names are protobuf's own")]
pub enum Kind {
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    Enum(&'static Enum),
    Text,
    Bytes,
    /// Bytes that JSON writes in hexadecimal.
    Id,
    Message(&'static Message),
}

/// How often a field may stand in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Once; its default is the same as its absence.
    One,
    /// Once; its default is a value.
    Optional,
    /// At most one field of the message's choice is set.
    Choice,
    /// Any number of times.
    Many,
}

/// An enumeration.
#[derive(Debug)]
pub struct Enum {
    /// Begins every name of a value.
    pub prefix: &'static str,
    /// The rest of the names; a value is its place.
    pub values: &'static [&'static str],
}

/// The name alone: messages hold each other, so there is no end to their fields.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Message {
    /// The field with this number, and its place in the message.
    pub fn field(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }

    /// The field that JSON calls `key`, in either spelling.
    pub fn named(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.is_named(key))
    }
}

impl Field {
    /// The name in JSON, `lowerCamelCase`.
    pub fn json_name(&self) -> impl Iterator<Item = char> {
        let mut after_gap = false;
        self.name.chars().filter_map(move |letter| {
            if letter == '_' {
                after_gap = true;
                return None;
            }
            let upper = std::mem::take(&mut after_gap);
            Some(if upper { letter.to_ascii_uppercase() } else { letter })
        })
    }

    fn is_named(&self, key: &str) -> bool {
        key == self.name || self.json_name().eq(key.chars())
    }

    /// Whether this is a list of numbers, which protobuf may pack.
    pub(crate) fn is_packed(&self) -> bool {
        self.label == Label::Many && self.kind.is_number()
    }

    pub(crate) const fn new(number: u32, name: &'static str, kind: Kind, label: Label) -> Self {
        Self { number, name, kind, label, max: usize::MAX, dropped: 0, is_item: false }
    }

    pub(crate) const fn at_most(mut self, max: usize) -> Self {
        self.max = max;
        self
    }

    pub(crate) const fn dropped(mut self, number: u32) -> Self {
        self.dropped = number;
        self
    }

    pub(crate) const fn item(mut self) -> Self {
        self.is_item = true;
        self
    }
}

impl Kind {
    /// Whether it is neither text nor bytes nor a message.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Bytes | Self::Id | Self::Message(_))
    }
}

impl Enum {
    /// The value of this name.
    pub fn value(&self, name: &str) -> Option<i32> {
        let rest = name.strip_prefix(self.prefix)?;
        let place = self.values.iter().position(|known| *known == rest)?;
        i32::try_from(place).ok()
    }
}
