//! A data point decoded into plain numbers, for the history of its series.

use std::mem::size_of;
use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as NumberValue;
use opentelemetry_proto::tonic::metrics::v1::{
    DataPointFlags, Exemplar, HistogramDataPoint, NumberDataPoint,
};
use otlp::{Message, descriptor};
use prost::Message as _;

use super::ids::{SpanId, TraceId};

/// Buckets of a histogram; one with more has no history.
const BUCKETS_MAX: usize = 256;

/// Exemplars kept of one point.
const EXEMPLARS_MAX: usize = 64;

/// A series' value at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SeriesValue {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram; shared, because readers get copies.
    Distribution(Arc<Distribution>),
}

/// A histogram's counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Observations per bucket, not cumulative; the last bucket is above all bounds.
    pub(crate) buckets: Vec<u64>,
}

/// An exemplar of a data point: an observation and its trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PointExemplar {
    pub(crate) trace: TraceId,
    pub(crate) span: Option<SpanId>,
    pub(crate) value: f64,
    /// When it was observed, Unix nanoseconds, true time.
    pub(crate) at: u64,
}

/// The numbers of one data point.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DecodedPoint {
    /// `None` if the point is flagged as having no recorded value, or is of a kind without history.
    pub(crate) value: Option<SeriesValue>,
    /// Upper bounds of the buckets, without infinity.
    pub(crate) bounds: Vec<f64>,
    pub(crate) exemplars: Vec<PointExemplar>,
}

impl Distribution {
    /// Approximate memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.len() * size_of::<u64>() + 2 * size_of::<usize>()
    }
}

impl DecodedPoint {
    /// Decodes a point of this kind; the default if it cannot be decoded.
    pub(crate) fn of(kind: &Message, wire: &[u8]) -> Self {
        if std::ptr::eq(kind, &raw const descriptor::NUMBER_POINT) {
            NumberDataPoint::decode(wire).map(|point| number(&point)).unwrap_or_default()
        } else if std::ptr::eq(kind, &raw const descriptor::HISTOGRAM_POINT) {
            HistogramDataPoint::decode(wire).map(distribution).unwrap_or_default()
        } else {
            Self::default()
        }
    }
}

fn distribution(point: HistogramDataPoint) -> DecodedPoint {
    let buckets = point.bucket_counts;
    let fits = buckets.len() == point.explicit_bounds.len() + 1;
    if has_no_value(point.flags) || !fits || buckets.len() > BUCKETS_MAX {
        return DecodedPoint::default();
    }
    let (count, sum) = (point.count, point.sum.unwrap_or_default());
    DecodedPoint {
        value: Some(SeriesValue::Distribution(Arc::new(Distribution { count, sum, buckets }))),
        bounds: point.explicit_bounds,
        exemplars: exemplars(&point.exemplars),
    }
}

fn number(point: &NumberDataPoint) -> DecodedPoint {
    let value = match point.value {
        _ if has_no_value(point.flags) => None,
        Some(NumberValue::AsDouble(number)) => Some(number),
        Some(NumberValue::AsInt(number)) => Some(number as f64),
        None => None,
    };
    DecodedPoint {
        value: value.filter(|number| number.is_finite()).map(SeriesValue::Number),
        bounds: Vec::new(),
        exemplars: exemplars(&point.exemplars),
    }
}

/// Collectors set this flag when a target disappears.
fn has_no_value(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

fn exemplars(exemplars: &[Exemplar]) -> Vec<PointExemplar> {
    let decode = |exemplar: &Exemplar| {
        let value = match exemplar.value? {
            ExemplarValue::AsDouble(number) => number,
            ExemplarValue::AsInt(number) => number as f64,
        };
        let trace = TraceId::from_wire(&exemplar.trace_id)?;
        let span = SpanId::from_wire(&exemplar.span_id);
        value.is_finite().then_some(PointExemplar {
            trace,
            span,
            value,
            at: exemplar.time_unix_nano,
        })
    };
    exemplars.iter().take(EXEMPLARS_MAX).filter_map(decode).collect()
}
