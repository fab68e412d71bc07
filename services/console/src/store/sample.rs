//! What a single metric point says, as plain numbers, for the history of its series.

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

/// Buckets of a distribution that is kept; one with more has no history.
const BUCKETS_MAX: usize = 256;

/// Exemplars taken from one point.
const EXAMPLES_MAX: usize = 64;

/// A series' value at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram; shared, because pages copy it.
    Distribution(Arc<Distribution>),
}

/// A histogram's counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Observations of each bucket alone, the last one for what is above all bounds.
    pub(crate) buckets: Vec<u64>,
}

/// An exemplar: an observation and the trace it was made in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Example {
    pub(crate) trace: TraceId,
    pub(crate) span: Option<SpanId>,
    pub(crate) value: f64,
    /// When it was observed, Unix nanoseconds of true time.
    pub(crate) at: u64,
}

/// What one point says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    /// `None` where the point says that there is no value any more, or of a kind without history.
    pub(crate) value: Option<Value>,
    /// Upper bounds of the buckets, without infinity.
    pub(crate) bounds: Vec<f64>,
    pub(crate) examples: Vec<Example>,
}

impl Distribution {
    /// Memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.len() * size_of::<u64>() + 2 * size_of::<usize>()
    }
}

impl Sample {
    /// What a point of this kind says.
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

fn distribution(point: HistogramDataPoint) -> Sample {
    let buckets = point.bucket_counts;
    let fits = buckets.len() == point.explicit_bounds.len() + 1;
    if is_absent(point.flags) || !fits || buckets.len() > BUCKETS_MAX {
        return Sample::default();
    }
    let (count, sum) = (point.count, point.sum.unwrap_or_default());
    Sample {
        value: Some(Value::Distribution(Arc::new(Distribution { count, sum, buckets }))),
        bounds: point.explicit_bounds,
        examples: examples(&point.exemplars),
    }
}

fn number(point: &NumberDataPoint) -> Sample {
    let value = match point.value {
        _ if is_absent(point.flags) => None,
        Some(NumberValue::AsDouble(number)) => Some(number),
        Some(NumberValue::AsInt(number)) => Some(number as f64),
        None => None,
    };
    Sample {
        value: value.filter(|number| number.is_finite()).map(Value::Number),
        bounds: Vec::new(),
        examples: examples(&point.exemplars),
    }
}

/// Collectors say so when a target has gone.
fn is_absent(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

fn examples(exemplars: &[Exemplar]) -> Vec<Example> {
    let example = |exemplar: &Exemplar| {
        let value = match exemplar.value? {
            ExemplarValue::AsDouble(number) => number,
            ExemplarValue::AsInt(number) => number as f64,
        };
        let trace = TraceId::from_wire(&exemplar.trace_id)?;
        let span = SpanId::from_wire(&exemplar.span_id);
        value.is_finite().then_some(Example { trace, span, value, at: exemplar.time_unix_nano })
    };
    exemplars.iter().take(EXAMPLES_MAX).filter_map(example).collect()
}
