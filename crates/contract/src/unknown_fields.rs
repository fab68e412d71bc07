//! What a newer version wrote into a document and this version does not know. It is kept when the document is written
//! again, so that an older service beside a newer one loses nothing.
//!
//! A document that holds nothing unknown costs one serialization when it is read: its bytes are the ones that this
//! version would write.

use std::{
    io::{Error, ErrorKind, Result, Write},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{Map, Value};

/// Members that say which thing an object describes. When one of them changes, the object describes another thing, and
/// what was unknown of the thing before goes with it: a lease of another run, another failure.
const IDENTITY: [&str; 3] = ["span", "reason", "spec"];

/// The unknown part of one document. Empty for a document that this version wrote.
#[derive(Debug, Clone, Default)]
pub struct UnknownFields(Option<Arc<Original>>);

#[derive(Debug)]
struct Original {
    /// The document as it was stored.
    stored: Value,
    /// As much of it as this version knows.
    known: Value,
}

/// Two documents are equal when this version cannot tell them apart.
impl PartialEq for UnknownFields {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl UnknownFields {
    /// Whether there is nothing unknown.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What `json` holds beside `document`, which was read from it.
    pub(crate) fn of<T: Serialize>(json: &[u8], document: &T) -> Self {
        let mut rest = Rest(json);
        if serde_json::to_writer(&mut rest, document).is_ok() && rest.0.is_empty() {
            return Self::default();
        }
        let original = serde_json::from_slice(json).ok().zip(serde_json::to_value(document).ok());
        Self(original.map(|(stored, known)| Arc::new(Original { stored, known })))
    }

    /// `document` as it is now, as JSON, with what was unknown when it was read.
    pub(crate) fn write<T: Serialize>(&self, document: &T) -> serde_json::Result<Vec<u8>> {
        let Some(original) = &self.0 else { return serde_json::to_vec(document) };
        let next = serde_json::to_value(document)?;
        serde_json::to_vec(&merged(&original.stored, &original.known, next))
    }
}

/// What is written into it must be what it holds: two documents are compared without building the second one.
struct Rest<'a>(&'a [u8]);

impl Write for Rest<'_> {
    fn write(&mut self, written: &[u8]) -> Result<usize> {
        self.0 = self.0.strip_prefix(written).ok_or(Error::from(ErrorKind::InvalidData))?;
        Ok(written.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// `next` with what `stored` has beside `known`; what has not changed stays exactly as it was stored.
fn merged(stored: &Value, known: &Value, next: Value) -> Value {
    if *known == next {
        return stored.clone();
    }
    match (stored, known, next) {
        (Value::Object(stored), Value::Object(known), Value::Object(next))
            if IDENTITY.iter().all(|name| known.get(*name) == next.get(*name)) =>
        {
            Value::Object(merged_members(stored, known, next))
        }
        (_, _, next) => next,
    }
}

fn merged_members(
    stored: &Map<String, Value>,
    known: &Map<String, Value>,
    mut next: Map<String, Value>,
) -> Map<String, Value> {
    for (name, stored) in stored {
        match (known.get(name), next.get_mut(name)) {
            (Some(known), Some(next)) => *next = merged(stored, known, next.take()),
            (None, None) => {
                next.insert(name.clone(), stored.clone());
            }
            // Dropped by this version, or written by it for the first time.
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    next
}
