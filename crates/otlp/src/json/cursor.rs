//! A pull parser of JSON text. Skipped values are checked too, without recursion.

use std::borrow::Cow;

/// The text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON: expected {expected} at byte {at}")]
pub struct NotJson {
    /// Offset in the body.
    pub at: usize,
    /// The expected token.
    pub expected: &'static str,
}

/// The type of a JSON value, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    List,
    Text,
    Number,
    Bool,
    Null,
}

/// A position in JSON text.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The type of the next value.
    pub(super) fn shape(&mut self) -> Result<Shape, NotJson> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => Ok(Shape::Object),
            Some(b'[') => Ok(Shape::List),
            Some(b'"') => Ok(Shape::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Shape::Number),
            Some(b't' | b'f') => Ok(Shape::Bool),
            Some(b'n') => Ok(Shape::Null),
            _ => self.expected("a value"),
        }
    }

    /// Enters the next object or list.
    pub(super) fn open(&mut self) {
        self.at += 1;
    }

    /// Reads the next key of the current object, quoted and escaped; `None` after its end.
    pub(super) fn key(&mut self, is_first: bool) -> Result<Option<&'a str>, NotJson> {
        if !self.more(is_first, b'}')? {
            return Ok(None);
        }
        self.skip_space();
        if self.peek() != Some(b'"') {
            return self.expected("a key");
        }
        let key = self.text()?;
        self.skip_space();
        self.byte(b':', "`:`")?;
        Ok(Some(key))
    }

    /// Whether the current list has another entry; if not, moves past its end.
    pub(super) fn entry(&mut self, is_first: bool) -> Result<bool, NotJson> {
        self.more(is_first, b']')
    }

    /// Reads a JSON string and returns it quoted and escaped.
    pub(super) fn text(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at]);
                }
                Some(b'\\') => self.escape()?,
                Some(0x20..) => self.at += 1,
                _ => return self.expected("the end of a string"),
            }
        }
    }

    /// Reads a number, unparsed.
    pub(super) fn number(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// Reads `true` or `false`.
    pub(super) fn bool(&mut self) -> Result<bool, NotJson> {
        let is_true = self.peek() == Some(b't');
        self.word(if is_true { "true" } else { "false" })?;
        Ok(is_true)
    }

    /// Skips the next value.
    pub(super) fn skip(&mut self) -> Result<(), NotJson> {
        // The closing bracket of each open object or list.
        let mut open: Vec<u8> = Vec::new();
        loop {
            let opened = match self.shape()? {
                Shape::Object => Some(b'}'),
                Shape::List => Some(b']'),
                Shape::Text => self.text().map(|_| None)?,
                Shape::Number => self.number().map(|_| None)?,
                Shape::Bool => self.bool().map(|_| None)?,
                Shape::Null => self.null().map(|()| None)?,
            };
            let mut is_first = opened.is_some();
            if is_first {
                self.open();
                open.extend(opened);
            }
            loop {
                let Some(end) = open.last().copied() else { return Ok(()) };
                let has_next = match end {
                    b'}' => self.key(is_first)?.is_some(),
                    _ => self.entry(is_first)?,
                };
                if has_next {
                    break;
                }
                open.pop();
                is_first = false;
            }
        }
    }

    pub(super) fn null(&mut self) -> Result<(), NotJson> {
        self.word("null")
    }

    /// Fails unless only white space is left.
    pub(super) fn end(&mut self) -> Result<(), NotJson> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { self.expected("the end") }
    }

    fn more(&mut self, is_first: bool, end: u8) -> Result<bool, NotJson> {
        self.skip_space();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(false);
        }
        if !is_first {
            self.byte(b',', "`,`")?;
        }
        Ok(true)
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.expected("a hexadecimal digit");
                    }
                    self.at += 1;
                }
            }
            _ => return self.expected("an escape"),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.expected("a digit");
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &'static str) -> Result<(), NotJson> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.expected("a value");
        }
        self.at += word.len();
        Ok(())
    }

    fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return self.expected(expected);
        }
        self.at += 1;
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, NotJson> {
        Err(NotJson { at: self.at, expected })
    }
}

/// Removes quotes and escapes from a JSON string; `None` if an escape is not a character.
pub(super) fn unescape(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        serde_json::from_str::<String>(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(&quoted[1..quoted.len() - 1]))
    }
}
