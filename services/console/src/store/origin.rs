//! Who sent a batch: resource and scope, kept encoded and shared by everything that came from there.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use otlp::{Flaw, ResourceItems, ScopeItems};
use prost::Message;

use super::attribute;
use super::encoded::Encoded;
use super::refused::Refused;

/// Origins kept for the next batch, and their memory: a sender that makes up new ones costs only this much.
const ORIGINS_MAX: usize = 256;
const ORIGINS_BYTES_MAX: usize = 1024 * 1024;

/// Encoded size of one origin.
const ORIGIN_BYTES_MAX: usize = 16 * 1024;

/// Memory of an origin beyond its bytes: this struct, its counters, the allocator's share of six allocations.
const ORIGIN_OVERHEAD: usize = 320;

/// Longest name of a service or an instance.
const NAME_BYTES_MAX: usize = 256;

/// Stands for a sender that does not give its name.
const SERVICE_UNKNOWN: &str = "unknown_service";

/// A resource and an instrumentation scope.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The attribute `service.name`.
    pub(crate) service: Box<str>,
    /// The attribute `service.instance.id`; empty without it.
    pub(crate) instance: Box<str>,
    /// Who sent it, encoded; `None` if the sender said nothing.
    pub(crate) resource: Option<Encoded>,
    pub(crate) resource_schema_url: Box<str>,
    /// What recorded it, encoded; `None` if the sender said nothing.
    pub(crate) scope: Option<Encoded>,
    pub(crate) scope_schema_url: Box<str>,
    /// Memory it takes, about.
    pub(crate) bytes: usize,
}

/// What all scopes of one sender share.
pub(crate) struct SenderHead {
    resource: Option<Vec<u8>>,
    schema_url: Box<str>,
}

/// The origins of the last batches.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    known: HashMap<Box<[u8]>, Arc<Origin>>,
    bytes: usize,
}

impl SenderHead {
    pub(crate) fn read(sender: ResourceItems<'_>) -> Result<Self, Flaw> {
        Ok(Self { resource: sender.resource()?, schema_url: sender.schema_url()?.into() })
    }
}

impl Origins {
    /// The origin of these items, the same one as last time if it has not changed.
    pub(crate) fn of(
        &mut self,
        sender: &SenderHead,
        scope: ScopeItems<'_>,
    ) -> Result<Arc<Origin>, Refused> {
        let encoded = scope.scope().map_err(Refused::Origin)?;
        let scope_schema_url = scope.schema_url().map_err(Refused::Origin)?;
        let key = key(sender, encoded.as_deref(), scope_schema_url);
        if let Some(origin) = self.known.get(key.as_slice()) {
            return Ok(Arc::clone(origin));
        }
        if key.len() > ORIGIN_BYTES_MAX {
            return Err(Refused::OriginTooLarge(ORIGIN_BYTES_MAX));
        }
        let origin = Arc::new(Origin::new(sender, encoded.as_deref(), scope_schema_url));
        if self.known.len() >= ORIGINS_MAX || self.bytes > ORIGINS_BYTES_MAX {
            self.known = HashMap::new();
            self.bytes = 0;
        }
        self.bytes += key.len() + origin.bytes;
        self.known.insert(key.into_boxed_slice(), Arc::clone(&origin));
        Ok(origin)
    }
}

impl Origin {
    fn new(sender: &SenderHead, scope: Option<&[u8]>, scope_schema_url: &str) -> Self {
        let resource = sender.resource.as_deref().map(decode::<Resource>).unwrap_or_default();
        let text = |key| {
            let found = attribute::find(&resource.attributes, key).map(attribute::text);
            found.filter(|text| !text.is_empty()).map(shortened)
        };
        let mut origin = Self {
            service: text("service.name").unwrap_or_else(|| SERVICE_UNKNOWN.into()),
            instance: text("service.instance.id").unwrap_or_default(),
            resource: sender.resource.as_deref().map(Encoded::of),
            resource_schema_url: sender.schema_url.clone(),
            scope: scope.map(Encoded::of),
            scope_schema_url: scope_schema_url.into(),
            bytes: 0,
        };
        let encoded = [&origin.resource, &origin.scope].into_iter().flatten().map(Encoded::memory);
        let urls = [&origin.resource_schema_url, &origin.scope_schema_url].map(|url| url.len());
        let names = origin.service.len() + origin.instance.len();
        origin.bytes =
            ORIGIN_OVERHEAD + encoded.sum::<usize>() + urls.iter().sum::<usize>() + names;
        origin
    }

    /// The resource; `None` if the sender said nothing.
    pub(crate) fn resource(&self) -> Option<Resource> {
        self.resource.as_ref().map(|resource| decode(&resource.bytes()))
    }

    /// The instrumentation scope; `None` if the sender said nothing.
    pub(crate) fn scope(&self) -> Option<InstrumentationScope> {
        self.scope.as_ref().map(|scope| decode(&scope.bytes()))
    }
}

fn decode<T: Message + Default>(canonical: &[u8]) -> T {
    T::decode(canonical).expect("the decoder lets only readable messages in")
}

fn shortened(mut text: String) -> Box<str> {
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    text.into()
}

/// The four parts, each after its length, so that no two origins share a key; a part that is there and empty is not
/// one that is absent.
fn key(sender: &SenderHead, scope: Option<&[u8]>, scope_schema_url: &str) -> Vec<u8> {
    let parts = [
        sender.resource.as_deref(),
        Some(sender.schema_url.as_bytes()),
        scope,
        Some(scope_schema_url.as_bytes()),
    ];
    let mut key = Vec::with_capacity(parts.iter().flatten().map(|part| part.len() + 8).sum());
    for part in parts {
        let length = part.map_or(usize::MAX, <[u8]>::len);
        key.extend_from_slice(&length.to_le_bytes());
        key.extend_from_slice(part.unwrap_or_default());
    }
    key
}
