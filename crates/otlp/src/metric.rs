//! Splits a metric into its head, which all data points share, and the points.

use std::borrow::Cow;

use crate::canonical::canonical;
use crate::descriptor::{METRIC, METRIC_HEAD};
use crate::export::messages;
use crate::flaw::Flaw;
use crate::schema::{Cardinality, FieldKind, Message};
use crate::wire::{self, Fields, Value};

/// Field number of the data points, the same for every kind of metric.
const POINTS: u32 = 1;

/// An encoded metric, not checked yet.
#[derive(Debug)]
pub struct MetricMessage<'a> {
    /// The message of the metric's kind, if it has one, and its bytes.
    data: Option<(&'static Message, Cow<'a, [u8]>)>,
}

/// The part of a metric that its data points share, canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricHead {
    /// The metric's name; may be empty.
    pub name: Box<str>,
    /// Name, description, unit and metadata, encoded.
    rest: Box<[u8]>,
    /// Field number of the metric's kind; 0 if there is none.
    kind: u32,
    /// The fields of the kind other than the data points, encoded.
    data: Box<[u8]>,
}

impl<'a> MetricMessage<'a> {
    /// Finds the data points; checks nothing else.
    pub fn of(wire: &'a [u8]) -> Result<Self, Flaw> {
        let mut data: Option<(u32, &'static Message, Cow<'a, [u8]>)> = None;
        for field in Fields::of(wire) {
            let (number, Value::Bytes(piece)) = field? else { continue };
            let Some((_, field)) = METRIC.field(number) else { continue };
            let (Cardinality::Oneof, FieldKind::Message(message)) = (field.cardinality, field.kind)
            else {
                continue;
            };
            match &mut data {
                Some((known, _, whole)) if *known == number => {
                    Fields::of(whole).check().and(Fields::of(piece).check())?;
                    whole.to_mut().extend_from_slice(piece);
                }
                _ => data = Some((number, message, Cow::Borrowed(piece))),
            }
        }
        Ok(Self { data: data.map(|(_, message, wire)| (message, wire)) })
    }

    /// Number of data points, as far as they can be counted.
    pub fn count(&self) -> usize {
        self.data.as_ref().map_or(0, |(_, wire)| messages(wire, POINTS).count())
    }

    /// [`Self::count`], but at least 1: for metrics that are refused as a whole.
    pub fn count_at_least_one(&self) -> u64 {
        self.count().max(1) as u64
    }

    /// The message type of the data points, and the encoded points.
    pub fn points(&self) -> Option<(&'static Message, impl Iterator<Item = &[u8]>)> {
        let (message, wire) = self.data.as_ref()?;
        let FieldKind::Message(point) = message.field(POINTS)?.1.kind else { return None };
        Some((point, messages(wire, POINTS)))
    }
}

impl MetricHead {
    /// Reads the head of an encoded metric.
    pub fn read(wire: &[u8]) -> Result<Self, Flaw> {
        let wire = canonical(&METRIC_HEAD, wire)?;
        let mut head = Self { name: "".into(), rest: [].into(), kind: 0, data: [].into() };
        let mut rest = Vec::new();
        for field in Fields::of(&wire) {
            let (number, value) = field?;
            match (number, value) {
                (5..=11, Value::Bytes(data)) => (head.kind, head.data) = (number, data.into()),
                (1, Value::Bytes(name)) => {
                    head.name = String::from_utf8_lossy(name).into();
                    wire::put(&mut rest, number, value);
                }
                _ => wire::put(&mut rest, number, value),
            }
        }
        head.rest = rest.into();
        Ok(head)
    }

    /// Encodes the metric with this one data point.
    pub fn with_point(&self, point: &[u8]) -> Vec<u8> {
        let mut data = self.data.to_vec();
        wire::put(&mut data, POINTS, Value::Bytes(point));
        let mut metric = self.rest.to_vec();
        if self.kind != 0 {
            wire::put(&mut metric, self.kind, Value::Bytes(&data));
        }
        metric
    }

    /// Heap memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.rest.len() + self.data.len()
    }
}
