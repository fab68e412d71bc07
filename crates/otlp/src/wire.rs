//! Reads and writes the fields of encoded protobuf messages, without knowledge of their types.

use crate::flaw::Flaw;

/// Deepest nesting of groups, which are deprecated and skipped.
const GROUPS_MAX: usize = 64;

/// One field's value, by wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integers, enums and booleans.
    Varint(u64),
    /// Times, counts and doubles.
    Fixed64(u64),
    /// Flags.
    Fixed32(u32),
    /// Texts, bytes, messages and packed lists.
    Bytes(&'a [u8]),
}

/// The fields of one message in wire order; ends after the first malformed one. Groups are skipped.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of an encoded message.
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Whether the fields are well-formed; does not check their values.
    pub fn check(self) -> Result<(), Flaw> {
        for field in self {
            field?;
        }
        Ok(())
    }

    /// The next field that is not a group; `None` at the end.
    #[inline]
    fn step(&mut self) -> Result<Option<(u32, Value<'a>)>, Flaw> {
        let mut groups = Vec::new();
        while !self.rest.is_empty() {
            let key = self.short()?;
            let number = key >> 3;
            if number == 0 {
                return Err(Flaw::Wire);
            }
            let value = match key & 7 {
                0 => Value::Varint(varint(&mut self.rest)?),
                1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
                2 => {
                    let length = usize::try_from(self.short()?).map_err(|_| Flaw::Wire)?;
                    Value::Bytes(self.take(length)?)
                }
                3 if groups.len() < GROUPS_MAX => {
                    groups.push(number);
                    continue;
                }
                4 if groups.pop() == Some(number) => continue,
                5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
                _ => return Err(Flaw::Wire),
            };
            if groups.is_empty() {
                return Ok(Some((number, value)));
            }
        }
        if groups.is_empty() { Ok(None) } else { Err(Flaw::Wire) }
    }

    /// Reads a key or a length, of at most five bytes.
    fn short(&mut self) -> Result<u32, Flaw> {
        let before = self.rest.len();
        let value = varint(&mut self.rest)?;
        let is_short = before - self.rest.len() <= 5;
        u32::try_from(value).ok().filter(|_| is_short).ok_or(Flaw::Wire)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Flaw::Wire)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.take(N)?.try_into().map_err(|_| Flaw::Wire)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Flaw>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if matches!(step, Some(Err(_))) {
            self.rest = &[];
        }
        step
    }
}

/// Reads a varint of at most ten bytes from the front; bits beyond the 64th are dropped, as in other libraries.
#[inline]
pub fn varint(rest: &mut &[u8]) -> Result<u64, Flaw> {
    // Most are one byte long.
    if let [byte @ 0..0x80, after @ ..] = *rest {
        *rest = after;
        return Ok(u64::from(*byte));
    }
    let mut value = 0;
    for (index, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *rest = &rest[index + 1..];
            return Ok(value);
        }
    }
    Err(Flaw::Wire)
}

/// Length of the shortest encoding of a varint, in bytes.
pub(crate) fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a varint.
#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field.
pub fn put(out: &mut Vec<u8>, number: u32, value: Value<'_>) {
    let key = |wire_type| u64::from(number) << 3 | wire_type;
    match value {
        Value::Varint(value) => {
            put_varint(out, key(0));
            put_varint(out, value);
        }
        Value::Fixed64(value) => {
            put_varint(out, key(1));
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Bytes(value) => {
            put_varint(out, key(2));
            put_sized(out, value);
        }
        Value::Fixed32(value) => {
            put_varint(out, key(5));
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// Appends the length of `bytes`, then the bytes.
pub fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Begins a length-delimited field of unknown length; call [`end`] after its bytes.
pub(crate) fn begin(out: &mut Vec<u8>, number: u32) -> usize {
    put_varint(out, u64::from(number) << 3 | 2);
    out.push(0);
    out.len()
}

/// Ends the field that began at `start`.
#[expect(clippy::cast_possible_truncation, reason = "below 128")]
pub(crate) fn end(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if length < 0x80 {
        out[start - 1] = length as u8;
    } else {
        let mut prefix = Vec::with_capacity(10);
        put_varint(&mut prefix, length as u64);
        out.splice(start - 1..start, prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Flaw> {
        Fields::of(bytes).collect()
    }

    #[test]
    fn groups_are_skipped_and_must_close() {
        assert_eq!(read(&[0x08, 1, 0x0b, 0x10, 2, 0x13, 0x14, 0x0c, 0x18, 3]).unwrap().len(), 2);
        for open in [&[0x0b][..], &[0x0b, 0x14], &[0x0c], &[0x0b, 0x13, 0x0c, 0x14]] {
            assert_eq!(read(open), Err(Flaw::Wire), "{open:x?}");
        }
        assert_eq!(read(&[0x0b; 1_000]), Err(Flaw::Wire));
    }

    #[test]
    fn a_truncated_field_and_a_field_without_a_number_are_malformed() {
        for bytes in
            [&[0x08][..], &[0x08, 0x80], &[0x0a, 2, 0], &[0x09, 0], &[0x0d, 0], &[0x00, 0], &[0x0e]]
        {
            assert_eq!(read(bytes), Err(Flaw::Wire), "{bytes:x?}");
        }
        let eleven = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(read(&eleven), Err(Flaw::Wire));
    }
}
