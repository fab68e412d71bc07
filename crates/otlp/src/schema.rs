//! The types of the field table.

use std::fmt;

/// A message: its fields in the order of their numbers.
pub struct Message {
    /// Name in the `.proto` file, without the package.
    pub name: &'static str,
    /// Ascending by number.
    pub fields: &'static [Field],
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// Field number on the wire.
    pub number: u32,
    /// Name in the `.proto` file, `snake_case`.
    pub name: &'static str,
    /// Type of the value.
    pub kind: FieldKind,
    /// How often the field may occur.
    pub cardinality: Cardinality,
    /// Maximum number of bytes of a string, or of entries of a list.
    pub max: usize,
    /// Number of the field that counts entries beyond `max`; 0 where there is none.
    pub dropped: u32,
    /// An invalid entry of this list is refused alone.
    pub is_item: bool,
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
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

/// How often a field may occur in a message, in protobuf's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    /// At most once, without explicit presence: a default value is the same as an absent one.
    Singular,
    /// At most once, with explicit presence: a default value differs from an absent one.
    Optional,
    /// A member of the message's `oneof`.
    Oneof,
    /// Any number of times.
    Repeated,
}

/// An enumeration.
#[derive(Debug)]
pub struct Enum {
    /// Prefix of every value's name.
    pub prefix: &'static str,
    /// Names without the prefix; the index is the value.
    pub values: &'static [&'static str],
}

/// Prints the name only: messages contain each other, so printing the fields would not end.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Message {
    /// The field with this number, and its index in the message.
    pub fn field(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }

    /// The field with this JSON key, in `lowerCamelCase` or `snake_case`.
    pub fn named(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.is_named(key))
    }
}

impl Field {
    /// The name in JSON, `lowerCamelCase`.
    pub fn json_name(&self) -> impl Iterator<Item = char> {
        let mut after_underscore = false;
        self.name.chars().filter_map(move |letter| {
            if letter == '_' {
                after_underscore = true;
                return None;
            }
            let upper = std::mem::take(&mut after_underscore);
            Some(if upper { letter.to_ascii_uppercase() } else { letter })
        })
    }

    fn is_named(&self, key: &str) -> bool {
        key == self.name || self.json_name().eq(key.chars())
    }

    /// Whether this is a list of numbers, which may be packed.
    pub(crate) fn is_packed(&self) -> bool {
        self.cardinality == Cardinality::Repeated && self.kind.is_number()
    }

    pub(crate) const fn new(
        number: u32,
        name: &'static str,
        kind: FieldKind,
        cardinality: Cardinality,
    ) -> Self {
        Self { number, name, kind, cardinality, max: usize::MAX, dropped: 0, is_item: false }
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

impl FieldKind {
    /// Whether the value is neither a string nor bytes nor a message.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Bytes | Self::Id | Self::Message(_))
    }
}

impl Enum {
    /// The value with this name.
    pub fn value(&self, name: &str) -> Option<i32> {
        let rest = name.strip_prefix(self.prefix)?;
        let place = self.values.iter().position(|known| *known == rest)?;
        i32::try_from(place).ok()
    }
}
