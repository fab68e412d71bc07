//! Unknown fields: those that a newer version wrote into a document. They are kept when an older service writes the
//! document again.
//!
//! A document without unknown fields costs one serialization when it is read, to find that its bytes are those that
//! this version would write.

use std::{
    io::{Error, ErrorKind, Result, Write},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{Map, Value};

/// Members that identify what an object describes, such as the run of a lease. When one of them changes, the unknown
/// fields of the old object are dropped.
const IDENTITY: [&str; 3] = ["span", "reason", "spec"];

/// The unknown part of one document. Empty for a document that this version wrote.
#[derive(Debug, Clone, Default)]
pub struct UnknownFields(Option<Arc<Original>>);

#[derive(Debug)]
struct Original {
    /// The document as it was stored.
    stored: Value,
    /// The part of it that this version knows.
    known: Value,
}

/// Unknown fields do not count when documents are compared.
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

    /// The fields of `json` that are not in `document`, which was read from it.
    pub(crate) fn of<T: Serialize>(json: &[u8], document: &T) -> Self {
        let mut rest = Rest(json);
        if serde_json::to_writer(&mut rest, document).is_ok() && rest.0.is_empty() {
            return Self::default();
        }
        let original = serde_json::from_slice(json).ok().zip(serde_json::to_value(document).ok());
        Self(original.map(|(stored, known)| Arc::new(Original { stored, known })))
    }

    /// `document` as JSON, with the unknown fields added.
    pub(crate) fn write<T: Serialize>(&self, document: &T) -> serde_json::Result<Vec<u8>> {
        let Some(original) = &self.0 else { return serde_json::to_vec(document) };
        let next = serde_json::to_value(document)?;
        serde_json::to_vec(&merged(&original.stored, &original.known, next))
    }
}

/// A writer that fails unless it gets the bytes that it holds: compares two documents without building the second one.
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

/// `next` with the fields of `stored` that are not in `known`. Unchanged parts stay exactly as stored.
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
            // Removed or added by this version.
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    next
}
