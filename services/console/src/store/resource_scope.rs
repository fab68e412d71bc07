//! The resource and instrumentation scope of items: encoded once, and shared by all items that have them.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use otlp::{Flaw, ResourceItems, ScopeItems};
use prost::Message;

use super::attribute;
use super::encoded::Encoded;
use super::rejection::ItemRejection;

/// Entries cached for the next exports, and their memory: a sender that invents new ones costs only this much.
const CACHED_MAX: usize = 256;
const CACHED_BYTES_MAX: usize = 1024 * 1024;

/// Largest encoded size of a resource and scope.
const ENCODED_BYTES_MAX: usize = 16 * 1024;

/// Memory besides the encoded bytes: this struct, its reference counts, the allocator's share of six allocations.
const OVERHEAD: usize = 320;

/// Longest name of a service or an instance, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// The service of a resource without `service.name`.
const SERVICE_UNKNOWN: &str = "unknown_service";

/// A resource and an instrumentation scope.
#[derive(Debug)]
pub(crate) struct ResourceScope {
    /// The attribute `service.name`.
    pub(crate) service: Box<str>,
    /// The attribute `service.instance.id`; empty without it.
    pub(crate) instance: Box<str>,
    /// Encoded; `None` if the sender gave none.
    pub(crate) resource: Option<Encoded>,
    pub(crate) resource_schema_url: Box<str>,
    /// Encoded; `None` if the sender gave none.
    pub(crate) scope: Option<Encoded>,
    pub(crate) scope_schema_url: Box<str>,
    /// Approximate memory.
    pub(crate) bytes: usize,
}

/// The resource that all scopes of one sender share.
pub(crate) struct ResourceHead {
    resource: Option<Vec<u8>>,
    schema_url: Box<str>,
}

/// The resources and scopes of the last exports.
#[derive(Debug, Default)]
pub(crate) struct ResourceScopes {
    cached: HashMap<Box<[u8]>, Arc<ResourceScope>>,
    bytes: usize,
}

impl ResourceHead {
    pub(crate) fn read(resource: ResourceItems<'_>) -> Result<Self, Flaw> {
        Ok(Self { resource: resource.resource()?, schema_url: resource.schema_url()?.into() })
    }
}

impl ResourceScopes {
    /// The resource and scope of these items; the cached value if it is the same as before.
    pub(crate) fn of(
        &mut self,
        sender: &ResourceHead,
        scope: ScopeItems<'_>,
    ) -> Result<Arc<ResourceScope>, ItemRejection> {
        let encoded = scope.scope().map_err(ItemRejection::ResourceScope)?;
        let scope_schema_url = scope.schema_url().map_err(ItemRejection::ResourceScope)?;
        let key = key(sender, encoded.as_deref(), scope_schema_url);
        if let Some(cached) = self.cached.get(key.as_slice()) {
            return Ok(Arc::clone(cached));
        }
        if key.len() > ENCODED_BYTES_MAX {
            return Err(ItemRejection::ResourceScopeTooLarge(ENCODED_BYTES_MAX));
        }
        let added = Arc::new(ResourceScope::new(sender, encoded.as_deref(), scope_schema_url));
        if self.cached.len() >= CACHED_MAX || self.bytes > CACHED_BYTES_MAX {
            self.cached = HashMap::new();
            self.bytes = 0;
        }
        self.bytes += key.len() + added.bytes;
        self.cached.insert(key.into_boxed_slice(), Arc::clone(&added));
        Ok(added)
    }
}

impl ResourceScope {
    fn new(sender: &ResourceHead, encoded_scope: Option<&[u8]>, scope_schema_url: &str) -> Self {
        let resource = sender.resource.as_deref().map(decode::<Resource>).unwrap_or_default();
        let text = |key| {
            let found = attribute::find(&resource.attributes, key).map(attribute::text);
            found.filter(|text| !text.is_empty()).map(shortened)
        };
        let mut scope = Self {
            service: text("service.name").unwrap_or_else(|| SERVICE_UNKNOWN.into()),
            instance: text("service.instance.id").unwrap_or_default(),
            resource: sender.resource.as_deref().map(Encoded::of),
            resource_schema_url: sender.schema_url.clone(),
            scope: encoded_scope.map(Encoded::of),
            scope_schema_url: scope_schema_url.into(),
            bytes: 0,
        };
        let encoded = [&scope.resource, &scope.scope].into_iter().flatten().map(Encoded::memory);
        let urls = [&scope.resource_schema_url, &scope.scope_schema_url].map(|url| url.len());
        let names = scope.service.len() + scope.instance.len();
        scope.bytes = OVERHEAD + encoded.sum::<usize>() + urls.iter().sum::<usize>() + names;
        scope
    }

    pub(crate) fn resource(&self) -> Option<Resource> {
        self.resource.as_ref().map(|resource| decode(&resource.bytes()))
    }

    pub(crate) fn scope(&self) -> Option<InstrumentationScope> {
        self.scope.as_ref().map(|scope| decode(&scope.bytes()))
    }
}

fn decode<T: Message + Default>(canonical: &[u8]) -> T {
    T::decode(canonical).expect("the store accepts only messages that can be decoded")
}

fn shortened(mut text: String) -> Box<str> {
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    text.into()
}

/// The four parts, each after its length, so that no two resources and scopes share a key; an empty part differs from an
/// absent one.
fn key(sender: &ResourceHead, scope: Option<&[u8]>, scope_schema_url: &str) -> Vec<u8> {
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
