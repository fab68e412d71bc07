//! The envelope of an export request: senders, their scopes, their items. The three signals share it field for field.

use std::borrow::Cow;

use crate::canonical::canonical;
use crate::descriptor::{RESOURCE, SCOPE};
use crate::flaw::Flaw;
use crate::limits::DESCRIPTION_BYTES_MAX;
use crate::wire::{Fields, Value};

/// An export request of any signal, whose envelope is well-formed.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a>(&'a [u8]);

/// What one resource sent.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a>(&'a [u8]);

/// What one instrumentation scope sent.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a>(&'a [u8]);

impl<'a> Export<'a> {
    /// Checks the envelope. What is in it is looked at item by item.
    pub fn open(wire: &'a [u8]) -> Result<Self, Flaw> {
        Fields::of(wire).check()?;
        let export = Self(wire);
        for sender in export.senders() {
            Fields::of(sender.0).check()?;
            for scope in sender.scopes() {
                Fields::of(scope.0).check()?;
            }
        }
        Ok(export)
    }

    /// One for each resource.
    pub fn senders(self) -> impl Iterator<Item = Sender<'a>> {
        messages(self.0, 1).map(Sender)
    }
}

impl<'a> Sender<'a> {
    /// The resource, canonical; `None` if the sender said nothing.
    pub fn resource(self) -> Result<Option<Vec<u8>>, Flaw> {
        merged(self.0, 1)?.map(|wire| canonical(&RESOURCE, &wire)).transpose()
    }

    /// The schema of the resource.
    pub fn schema_url(self) -> Result<&'a str, Flaw> {
        schema_url(self.0)
    }

    /// One for each instrumentation scope.
    pub fn scopes(self) -> impl Iterator<Item = Scope<'a>> {
        messages(self.0, 2).map(Scope)
    }
}

impl<'a> Scope<'a> {
    /// The instrumentation scope, canonical; `None` if the sender said nothing.
    pub fn scope(self) -> Result<Option<Vec<u8>>, Flaw> {
        merged(self.0, 1)?.map(|wire| canonical(&SCOPE, &wire)).transpose()
    }

    /// The schema of the items.
    pub fn schema_url(self) -> Result<&'a str, Flaw> {
        schema_url(self.0)
    }

    /// Spans, log records or metrics, as they came.
    pub fn items(self) -> impl Iterator<Item = &'a [u8]> {
        messages(self.0, 2)
    }
}

/// Every message in the list with this number.
pub(crate) fn messages(wire: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(wire).filter_map(move |field| match field {
        Ok((found, Value::Bytes(bytes))) if found == number => Some(bytes),
        _ => None,
    })
}

/// The one message with this number, its pieces put together.
fn merged(wire: &[u8], number: u32) -> Result<Option<Cow<'_, [u8]>>, Flaw> {
    let mut whole: Option<Cow<'_, [u8]>> = None;
    for piece in messages(wire, number) {
        match &mut whole {
            None => whole = Some(Cow::Borrowed(piece)),
            Some(whole) => {
                Fields::of(whole).check().and(Fields::of(piece).check())?;
                whole.to_mut().extend_from_slice(piece);
            }
        }
    }
    Ok(whole)
}

fn schema_url(wire: &[u8]) -> Result<&str, Flaw> {
    let bytes = messages(wire, 3).last().unwrap_or_default();
    if bytes.len() > DESCRIPTION_BYTES_MAX {
        return Err(Flaw::TooLong("schema_url", DESCRIPTION_BYTES_MAX));
    }
    std::str::from_utf8(bytes).map_err(|_| Flaw::NotUtf8("schema_url"))
}
