//! Who sent a batch: resource and scope, decoded once and shared by everything that came from there.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::attribute;
use super::protobuf::Malformed;
use super::take::NotTaken;
use crate::export::{ResourceItems, ScopeItems};

/// Origins kept for the next batch; a sender that makes up new ones costs only this much.
const ORIGINS_MAX: usize = 256;

/// Encoded size of one origin.
const ORIGIN_BYTES_MAX: usize = 16 * 1024;

/// Stands in for a sender that does not give its name.
const SERVICE_UNKNOWN: &str = "unknown_service";

/// A resource and an instrumentation scope.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The attribute `service.name`.
    pub(crate) service: Box<str>,
    /// The attribute `service.instance.id`; empty without it.
    pub(crate) instance: Box<str>,
    /// Who sent it; `None` if the sender said nothing.
    pub(crate) resource: Option<Resource>,
    pub(crate) resource_schema_url: String,
    /// What recorded it; `None` if the sender said nothing.
    pub(crate) scope: Option<InstrumentationScope>,
    pub(crate) scope_schema_url: String,
    /// Encoded size, an estimate of the memory it takes.
    pub(crate) bytes: usize,
}

/// The origins of the last batches.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    known: HashMap<Box<[u8]>, Arc<Origin>>,
}

impl Origins {
    /// The origin of these items, the same one as last time if it has not changed.
    pub(crate) fn of(
        &mut self,
        resource: &ResourceItems,
        scope: &ScopeItems,
    ) -> Result<Arc<Origin>, NotTaken> {
        let key = key(resource, scope);
        if let Some(origin) = self.known.get(key.as_slice()) {
            return Ok(Arc::clone(origin));
        }
        if key.len() > ORIGIN_BYTES_MAX {
            return Err(NotTaken::OriginTooLarge(ORIGIN_BYTES_MAX));
        }
        let origin = Arc::new(Origin::read(resource, scope, key.len())?);
        if self.known.len() >= ORIGINS_MAX {
            self.known.clear();
        }
        self.known.insert(key.into_boxed_slice(), Arc::clone(&origin));
        Ok(origin)
    }
}

impl Origin {
    fn read(resource: &ResourceItems, scope: &ScopeItems, bytes: usize) -> Result<Self, Malformed> {
        let read_resource = |wire| Resource::decode(wire).map_err(|_| Malformed);
        let read_scope = |wire| InstrumentationScope::decode(wire).map_err(|_| Malformed);
        let sender = (!resource.resource.is_empty())
            .then(|| read_resource(resource.resource.clone()))
            .transpose()?;
        let text = |key| {
            let found = sender.as_ref().and_then(|sender| attribute::find(&sender.attributes, key));
            found.map(attribute::text).filter(|text| !text.is_empty())
        };
        let service = text("service.name").unwrap_or_else(|| SERVICE_UNKNOWN.into());
        let instance = text("service.instance.id").unwrap_or_default();
        Ok(Self {
            service: service.into(),
            instance: instance.into(),
            resource: sender,
            resource_schema_url: resource.schema_url.clone(),
            scope: (!scope.scope.is_empty())
                .then(|| read_scope(scope.scope.clone()))
                .transpose()?,
            scope_schema_url: scope.schema_url.clone(),
            bytes,
        })
    }
}

/// The four parts, each after its length, so that no two origins share a key.
fn key(resource: &ResourceItems, scope: &ScopeItems) -> Vec<u8> {
    let parts: [&[u8]; 4] = [
        &resource.resource,
        resource.schema_url.as_bytes(),
        &scope.scope,
        scope.schema_url.as_bytes(),
    ];
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        key.extend_from_slice(&part.len().to_le_bytes());
        key.extend_from_slice(part);
    }
    key
}
