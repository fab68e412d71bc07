//! Takes metrics apart into single points, so that each series can be kept by itself.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, Sum, Summary,
};
use prost::Message;

use super::origin::Origin;
use super::protobuf::Malformed;
use super::sample::Sample;

/// A metric with exactly one point.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) origin: Arc<Origin>,
    /// The encoded metric.
    pub(crate) metric: Box<[u8]>,
    /// What makes the series: service, instance, name and attributes.
    pub(crate) key: Arc<[u8]>,
    pub(crate) name: Box<str>,
    /// What it says, for the history of its series.
    pub(crate) sample: Sample,
}

impl Point {
    /// The points of an encoded metric.
    pub(crate) fn read_all(wire: &[u8], origin: &Arc<Origin>) -> Result<Vec<Self>, Malformed> {
        let metric = Metric::decode(wire).map_err(|_| Malformed)?;
        let (metric, points) = split(metric);
        let whole = |(attributes, data): (Vec<KeyValue>, Data)| {
            let sample = Sample::of(&data);
            let metric = Metric { data: Some(data), ..metric.clone() };
            Self::new(&metric, &attributes, origin, sample)
        };
        Ok(points.into_iter().map(whole).collect())
    }

    fn new(metric: &Metric, attributes: &[KeyValue], origin: &Arc<Origin>, sample: Sample) -> Self {
        let mut key = Vec::new();
        for text in [&*origin.service, &origin.instance, &metric.name] {
            key.extend_from_slice(&text.len().to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        }
        for pair in attributes {
            pair.encode_length_delimited(&mut key).expect("a vector grows as needed");
        }
        Self {
            origin: Arc::clone(origin),
            metric: metric.encode_to_vec().into(),
            key: key.into(),
            name: metric.name.as_str().into(),
            sample,
        }
    }
}

/// The metric without data, and each of its points as data of its own with its attributes.
fn split(mut metric: Metric) -> (Metric, Vec<(Vec<KeyValue>, Data)>) {
    let points = match metric.data.take() {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => each(gauge.data_points, |point| {
            (point.attributes.clone(), Data::Gauge(Gauge { data_points: vec![point] }))
        }),
        Some(Data::Sum(sum)) => each(sum.data_points, |point| {
            (point.attributes.clone(), Data::Sum(Sum { data_points: vec![point], ..sum }))
        }),
        Some(Data::Histogram(histogram)) => each(histogram.data_points, |point| {
            let attributes = point.attributes.clone();
            (attributes, Data::Histogram(Histogram { data_points: vec![point], ..histogram }))
        }),
        Some(Data::ExponentialHistogram(histogram)) => each(histogram.data_points, |point| {
            let attributes = point.attributes.clone();
            let one = ExponentialHistogram { data_points: vec![point], ..histogram };
            (attributes, Data::ExponentialHistogram(one))
        }),
        Some(Data::Summary(summary)) => each(summary.data_points, |point| {
            (point.attributes.clone(), Data::Summary(Summary { data_points: vec![point] }))
        }),
    };
    (metric, points)
}

fn each<P>(points: Vec<P>, one: impl Fn(P) -> (Vec<KeyValue>, Data)) -> Vec<(Vec<KeyValue>, Data)> {
    points.into_iter().map(one).collect()
}

/// The attributes of a metric's only point.
pub(crate) fn attributes(metric: &Metric) -> Vec<KeyValue> {
    let (_, points) = split(metric.clone());
    points.into_iter().next().map(|(attributes, _)| attributes).unwrap_or_default()
}
