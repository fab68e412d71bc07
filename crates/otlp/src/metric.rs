//! A metric taken apart: what all its points share, once, and each point by itself.

use std::borrow::Cow;

use crate::canonical::canonical;
use crate::descriptor::{METRIC, METRIC_HEAD};
use crate::export::messages;
use crate::flaw::Flaw;
use crate::schema::{Kind, Label, Message};
use crate::wire::{self, Fields, Value};

/// Number of the list of points, whatever the kind of metric.
const POINTS: u32 = 1;

/// A metric as it came.
#[derive(Debug)]
pub struct Metric<'a> {
    /// The kind of metric, if it has any: its field and its bytes.
    data: Option<(&'static Message, Cow<'a, [u8]>)>,
}

/// What the points of a metric share, canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricHead {
    /// The name; may be empty.
    pub name: Box<str>,
    /// Name, description, unit and metadata, encoded.
    rest: Box<[u8]>,
    /// Number of the field that holds the points; 0 if there is none.
    kind: u32,
    /// The fields beside the points, encoded.
    data: Box<[u8]>,
}

impl<'a> Metric<'a> {
    /// Finds the points; checks nothing else.
    pub fn of(wire: &'a [u8]) -> Result<Self, Flaw> {
        let mut data: Option<(u32, &'static Message, Cow<'a, [u8]>)> = None;
        for field in Fields::of(wire) {
            let (number, Value::Bytes(piece)) = field? else { continue };
            let Some((_, field)) = METRIC.field(number) else { continue };
            let (Label::Choice, Kind::Message(message)) = (field.label, field.kind) else {
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

    /// How many points it has, as far as they can be counted.
    pub fn count(&self) -> usize {
        self.data.as_ref().map_or(0, |(_, wire)| messages(wire, POINTS).count())
    }

    /// The same, for a metric that is refused: it stands for one point at least.
    pub fn at_least_one(&self) -> u64 {
        self.count().max(1) as u64
    }

    /// What the points are, and each of them as it came.
    pub fn points(&self) -> Option<(&'static Message, impl Iterator<Item = &[u8]>)> {
        let (message, wire) = self.data.as_ref()?;
        let Kind::Message(point) = message.field(POINTS)?.1.kind else { return None };
        Some((point, messages(wire, POINTS)))
    }
}

impl MetricHead {
    /// Reads what the points of the encoded metric share.
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

    /// The metric with this one point.
    pub fn with_point(&self, point: &[u8]) -> Vec<u8> {
        let mut data = self.data.to_vec();
        wire::put(&mut data, POINTS, Value::Bytes(point));
        let mut metric = self.rest.to_vec();
        if self.kind != 0 {
            wire::put(&mut metric, self.kind, Value::Bytes(&data));
        }
        metric
    }

    /// Memory that it takes beside its own size.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.rest.len() + self.data.len()
    }
}
