//! The envelope of an export request: resources, their scopes and their items. All three signals have the same envelope.

use std::borrow::Cow;

use crate::canonical::canonical;
use crate::descriptor::{RESOURCE, SCOPE};
use crate::flaw::Flaw;
use crate::limits::DESCRIPTION_BYTES_MAX;
use crate::wire::{Fields, Value};

/// An export request of any signal, with a well-formed envelope.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a>(&'a [u8]);

/// The items of one resource: `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`.
#[derive(Debug, Clone, Copy)]
pub struct ResourceItems<'a>(&'a [u8]);

/// The items of one instrumentation scope: `ScopeSpans`, `ScopeLogs` or `ScopeMetrics`.
#[derive(Debug, Clone, Copy)]
pub struct ScopeItems<'a>(&'a [u8]);

impl<'a> Export<'a> {
    /// Checks the envelope, but not the items.
    pub fn open(wire: &'a [u8]) -> Result<Self, Flaw> {
        Fields::of(wire).check()?;
        let export = Self(wire);
        for resource in export.resources() {
            Fields::of(resource.0).check()?;
            for scope in resource.scopes() {
                Fields::of(scope.0).check()?;
            }
        }
        Ok(export)
    }

    /// The items by resource.
    pub fn resources(self) -> impl Iterator<Item = ResourceItems<'a>> {
        messages(self.0, 1).map(ResourceItems)
    }
}

impl<'a> ResourceItems<'a> {
    /// The resource, canonical; `None` if absent.
    pub fn resource(self) -> Result<Option<Vec<u8>>, Flaw> {
        merged(self.0, 1)?.map(|wire| canonical(&RESOURCE, &wire)).transpose()
    }

    /// The schema URL of the resource.
    pub fn schema_url(self) -> Result<&'a str, Flaw> {
        schema_url(self.0)
    }

    /// The items by instrumentation scope.
    pub fn scopes(self) -> impl Iterator<Item = ScopeItems<'a>> {
        messages(self.0, 2).map(ScopeItems)
    }
}

impl<'a> ScopeItems<'a> {
    /// The instrumentation scope, canonical; `None` if absent.
    pub fn scope(self) -> Result<Option<Vec<u8>>, Flaw> {
        merged(self.0, 1)?.map(|wire| canonical(&SCOPE, &wire)).transpose()
    }

    /// The schema URL of the items.
    pub fn schema_url(self) -> Result<&'a str, Flaw> {
        schema_url(self.0)
    }

    /// The encoded spans, log records or metrics, not checked.
    pub fn items(self) -> impl Iterator<Item = &'a [u8]> {
        messages(self.0, 2)
    }
}

/// Every entry of the list of messages with this field number.
pub(crate) fn messages(wire: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(wire).filter_map(move |field| match field {
        Ok((found, Value::Bytes(bytes))) if found == number => Some(bytes),
        _ => None,
    })
}

/// The message with this field number, merged from its occurrences.
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
