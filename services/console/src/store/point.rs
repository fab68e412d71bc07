//! One data point: the parts that all points of a metric have in common are shared, not copied.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use otlp::wire::{Fields, Value, put_sized};
use otlp::{Message, MetricHead, canonical_into};

use super::decoded_point::DecodedPoint;
use super::encoded::Encoded;
use super::rejection::{ItemRejection, POINT_BYTES_MAX};
use super::resource_scope::ResourceScope;
use super::stored_span;

/// A data point on its way into the store.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) scope: Arc<ResourceScope>,
    pub(crate) head: Arc<MetricHead>,
    pub(crate) kind: &'static Message,
    pub(crate) wire: Encoded,
    /// Identifies the series: service, instance, name and attributes.
    pub(crate) key: Arc<[u8]>,
    /// For the history of its series.
    pub(crate) decoded: DecodedPoint,
}

impl Point {
    /// Reads a point of this kind. `buffer` is overwritten.
    pub(crate) fn read(
        kind: &'static Message,
        wire: &[u8],
        head: &Arc<MetricHead>,
        scope: &Arc<ResourceScope>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, ItemRejection> {
        if wire.len() > POINT_BYTES_MAX {
            return Err(ItemRejection::TooLarge(POINT_BYTES_MAX));
        }
        canonical_into(kind, wire, buffer).map_err(ItemRejection::Item)?;
        let mut key = Vec::new();
        for text in [&*scope.service, &*scope.instance, &*head.name] {
            put_sized(&mut key, text.as_bytes());
        }
        // Attributes are a set: their order is not part of the series.
        let mut pairs: Vec<_> = pairs(kind, buffer).collect();
        pairs.sort_unstable();
        for pair in pairs {
            put_sized(&mut key, pair);
        }
        Ok(Self {
            scope: Arc::clone(scope),
            head: Arc::clone(head),
            kind,
            decoded: DecodedPoint::of(kind, buffer),
            key: key.as_slice().into(),
            wire: Encoded::of(buffer),
        })
    }
}

/// The attributes of a point.
pub(crate) fn attributes(kind: &Message, wire: &[u8]) -> Vec<KeyValue> {
    pairs(kind, wire).map(stored_span::decode_pair).collect()
}

fn pairs<'a>(kind: &Message, wire: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let number = kind.named("attributes").map_or(0, |field| field.number);
    Fields::of(wire).flatten().filter_map(move |field| match field {
        (found, Value::Bytes(pair)) if found == number => Some(pair),
        _ => None,
    })
}
