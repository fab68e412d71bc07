//! Converts scraped families into OTLP metrics, the only form that the store accepts.

use indexmap::IndexMap;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, Sum,
};
use trace::openmetrics::{self, FamilyKind, Labels, MetricFamily, MetricSample};

/// A histogram's bucket by its upper bound.
const BOUND: &str = "le";

/// What cannot be a histogram.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: buckets must rise in bound and count up to +Inf")]
pub(crate) struct InvalidHistogram {
    name: String,
}

/// The families as metrics, all points stamped with `now`, in Unix nanoseconds.
pub(crate) fn metrics(
    families: Vec<MetricFamily>,
    now: u64,
) -> Result<Vec<Metric>, InvalidHistogram> {
    let known = families.into_iter().filter(|family| !family.samples.is_empty());
    known.map(|family| metric(family, now)).collect()
}

fn metric(family: MetricFamily, now: u64) -> Result<Metric, InvalidHistogram> {
    let MetricFamily { name, kind, unit, help, samples } = family;
    let (name, data) = match kind {
        FamilyKind::Counter => {
            let data_points = numbers(samples, "_total", now);
            let temporality = AggregationTemporality::Cumulative as i32;
            let sum = Sum { data_points, aggregation_temporality: temporality, is_monotonic: true };
            (format!("{name}_total"), Data::Sum(sum))
        }
        FamilyKind::Gauge | FamilyKind::Other => {
            (name, Data::Gauge(Gauge { data_points: numbers(samples, "", now) }))
        }
        FamilyKind::Histogram => {
            let data_points =
                histograms(samples, now).ok_or(InvalidHistogram { name: name.clone() })?;
            let aggregation_temporality = AggregationTemporality::Cumulative as i32;
            (name, Data::Histogram(Histogram { data_points, aggregation_temporality }))
        }
    };
    Ok(Metric { name, description: help, unit, data: Some(data), ..Metric::default() })
}

fn numbers(samples: Vec<MetricSample>, suffix: &str, now: u64) -> Vec<NumberDataPoint> {
    let values = samples.into_iter().filter(|sample| sample.suffix == suffix);
    values
        .map(|sample| NumberDataPoint {
            attributes: attributes(sample.labels),
            time_unix_nano: now,
            value: Some(Value::AsDouble(sample.value)),
            exemplars: sample.exemplar.as_ref().and_then(exemplar).into_iter().collect(),
            ..NumberDataPoint::default()
        })
        .collect()
}

/// The histograms, each from the lines with the same labels. `None` if the buckets of one are incomplete.
fn histograms(samples: Vec<MetricSample>, now: u64) -> Option<Vec<HistogramDataPoint>> {
    let mut points: IndexMap<Labels, HistogramDataPoint> = IndexMap::new();
    for MetricSample { suffix, mut labels, value, exemplar: example } in samples {
        let bound = labels.iter().position(|(name, _)| name == BOUND);
        let bound = bound.map(|at| labels.remove(at).1);
        let point = points.entry(labels).or_default();
        match (suffix, bound) {
            ("_bucket", Some(bound)) => {
                let bound = openmetrics::number(&bound)?;
                if point.explicit_bounds.last().is_some_and(|last| *last >= bound) {
                    return None;
                }
                point.explicit_bounds.push(bound);
                let below: u64 = point.bucket_counts.iter().sum();
                point.bucket_counts.push(count(value)?.checked_sub(below)?);
                point.exemplars.extend(example.as_ref().and_then(exemplar));
            }
            ("_sum", None) => point.sum = Some(value),
            ("_count", None) => point.count = count(value)?,
            ("_created", None) => {}
            _ => return None,
        }
    }
    let complete = points.into_iter().map(|(labels, mut point)| {
        let all = point.bucket_counts.iter().sum::<u64>();
        if point.explicit_bounds.pop() != Some(f64::INFINITY) || all != point.count {
            return None;
        }
        point.attributes = attributes(labels);
        point.time_unix_nano = now;
        Some(point)
    });
    complete.collect()
}

/// A non-negative integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just before")]
fn count(value: f64) -> Option<u64> {
    ((0.0..=9e15).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

/// The exemplar, if it names a trace.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn exemplar(read: &openmetrics::Exemplar) -> Option<Exemplar> {
    let id = |name: &str| {
        let found = read.labels.iter().find(|(label, _)| label == name);
        found.and_then(|(_, digits)| hex::decode(digits).ok())
    };
    Some(Exemplar {
        trace_id: id("trace_id")?,
        span_id: id("span_id").unwrap_or_default(),
        time_unix_nano: (read.at.unwrap_or_default() * 1e9) as u64,
        value: Some(ExemplarValue::AsDouble(read.value)),
        filtered_attributes: Vec::new(),
    })
}

fn attributes(labels: Labels) -> Vec<KeyValue> {
    labels.into_iter().map(|(name, value)| attribute(name, value)).collect()
}

/// A string attribute.
pub(super) fn attribute(key: impl Into<String>, value: impl Into<String>) -> KeyValue {
    let value = Some(AnyValue { value: Some(Any::StringValue(value.into())) });
    KeyValue { key: key.into(), value, key_strindex: 0 }
}
