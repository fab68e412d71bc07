//! One data point as it is kept: what its metric's points share is shared, not copied.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use otlp::wire::{Fields, Value, put_sized};
use otlp::{Message, MetricHead, canonical_into};

use super::encoded::Encoded;
use super::origin::Origin;
use super::refused::{POINT_BYTES_MAX, Refused};
use super::sample::Sample;
use super::span;

/// A data point on its way into the store.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) origin: Arc<Origin>,
    pub(crate) head: Arc<MetricHead>,
    /// What kind of point it is.
    pub(crate) kind: &'static Message,
    /// The encoded point.
    pub(crate) wire: Encoded,
    /// What makes the series: service, instance, name and attributes.
    pub(crate) key: Arc<[u8]>,
    /// What it says, for the history of its series.
    pub(crate) sample: Sample,
}

impl Point {
    /// Reads a point of this kind, or says why it is refused. `buffer` is written over.
    pub(crate) fn read(
        kind: &'static Message,
        wire: &[u8],
        head: &Arc<MetricHead>,
        origin: &Arc<Origin>,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, Refused> {
        if wire.len() > POINT_BYTES_MAX {
            return Err(Refused::TooLarge(POINT_BYTES_MAX));
        }
        canonical_into(kind, wire, buffer).map_err(Refused::Item)?;
        let mut key = Vec::new();
        for text in [&*origin.service, &*origin.instance, &*head.name] {
            put_sized(&mut key, text.as_bytes());
        }
        // Attributes are a set: their order makes no other series.
        let mut pairs: Vec<_> = pairs(kind, buffer).collect();
        pairs.sort_unstable();
        for pair in pairs {
            put_sized(&mut key, pair);
        }
        Ok(Self {
            origin: Arc::clone(origin),
            head: Arc::clone(head),
            kind,
            sample: Sample::of(kind, buffer),
            key: key.as_slice().into(),
            wire: Encoded::of(buffer),
        })
    }
}

/// The attributes of a point.
pub(crate) fn attributes(kind: &Message, wire: &[u8]) -> Vec<KeyValue> {
    pairs(kind, wire).map(span::pair).collect()
}

fn pairs<'a>(kind: &Message, wire: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let number = kind.named("attributes").map_or(0, |field| field.number);
    Fields::of(wire).flatten().filter_map(move |field| match field {
        (found, Value::Bytes(pair)) if found == number => Some(pair),
        _ => None,
    })
}
