//! Limits: list entries beyond them are dropped and counted, or the item is refused.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use otlp::limits::{ATTRIBUTES_MAX, DEPTH_MAX, EVENTS_MAX, KEY_BYTES_MAX, LINKS_MAX, VALUES_MAX};
use otlp::{Flaw, MetricHead, MetricMessage, canonical, descriptor};
use prost::Message;

fn pairs(count: usize) -> Vec<KeyValue> {
    (0..count).map(|at| KeyValue { key: at.to_string(), ..Default::default() }).collect()
}

fn list(values: Vec<AnyValue>) -> AnyValue {
    AnyValue { value: Some(Any::ArrayValue(ArrayValue { values })) }
}

fn with_value(value: AnyValue) -> Vec<u8> {
    let pair = KeyValue { key: "k".into(), value: Some(value), key_strindex: 0 };
    Span { attributes: vec![pair], ..Default::default() }.encode_to_vec()
}

#[test]
fn attributes_events_and_links_beyond_the_limit_are_dropped_and_counted() {
    let event = Event { attributes: pairs(200), ..Default::default() };
    let link = Link { attributes: pairs(129), dropped_attributes_count: 4, ..Default::default() };
    let span = Span {
        attributes: pairs(130),
        dropped_attributes_count: 5,
        events: vec![event; 150],
        links: vec![link; 1_000],
        dropped_links_count: u32::MAX,
        ..Default::default()
    };
    let kept = canonical(&descriptor::SPAN, &span.encode_to_vec()).unwrap();
    let kept = Span::decode(&*kept).unwrap();
    assert_eq!(kept.attributes, pairs(ATTRIBUTES_MAX));
    assert_eq!(kept.dropped_attributes_count, 7);
    assert_eq!((kept.events.len(), kept.dropped_events_count), (EVENTS_MAX, 22));
    assert_eq!((kept.links.len(), kept.dropped_links_count), (LINKS_MAX, u32::MAX));
    assert_eq!(kept.events[127].dropped_attributes_count, 72);
    assert_eq!(kept.links[0].dropped_attributes_count, 5);
}

#[test]
fn a_data_point_with_too_many_attributes_is_refused_because_dropping_some_would_change_its_series()
{
    let point = |count| NumberDataPoint { attributes: pairs(count), ..Default::default() };
    let read = |count| canonical(&descriptor::NUMBER_POINT, &point(count).encode_to_vec());
    assert!(read(128).is_ok());
    assert_eq!(read(129), Err(Flaw::TooMany("attributes", ATTRIBUTES_MAX)));
}

#[test]
fn names_values_and_depth_have_limits() {
    let span = |span: Span| canonical(&descriptor::SPAN, &span.encode_to_vec());
    let name = |length| span(Span { name: "x".repeat(length), ..Default::default() });
    assert!(name(4_096).is_ok());
    assert_eq!(name(4_097), Err(Flaw::TooLong("name", 4_096)));
    let key = KeyValue { key: "k".repeat(KEY_BYTES_MAX + 1), ..Default::default() };
    let key = span(Span { attributes: vec![key], ..Default::default() });
    assert_eq!(key, Err(Flaw::TooLong("key", KEY_BYTES_MAX)));

    let wide =
        |count| canonical(&descriptor::SPAN, &with_value(list(vec![AnyValue::default(); count])));
    assert!(wide(VALUES_MAX - 1).is_ok());
    assert_eq!(wide(VALUES_MAX), Err(Flaw::TooManyValues));

    let deep = |levels| {
        let mut value = AnyValue { value: Some(Any::IntValue(1)) };
        for _ in 0..levels {
            value = list(vec![value]);
        }
        canonical(&descriptor::SPAN, &with_value(value))
    };
    assert!(Span::decode(&*deep(DEPTH_MAX / 2 - 1).unwrap()).is_ok());
    assert_eq!(deep(DEPTH_MAX / 2), Err(Flaw::TooDeep));
    assert_eq!(deep(40), Err(Flaw::TooDeep));
}

#[test]
fn the_data_points_of_a_metric_are_found_among_other_fields() {
    use opentelemetry_proto::tonic::metrics::v1 as metrics;
    let points = vec![
        NumberDataPoint { flags: 1, ..Default::default() },
        NumberDataPoint { flags: 2, ..Default::default() },
    ];
    let metric = metrics::Metric {
        name: "m".into(),
        unit: "s".into(),
        metadata: pairs(1),
        data: Some(metrics::metric::Data::Sum(metrics::Sum {
            data_points: points.clone(),
            aggregation_temporality: 2,
            is_monotonic: true,
        })),
        ..Default::default()
    };
    // Another kind of metric before it does not count: the last member of a oneof wins.
    let other = metrics::Metric {
        data: Some(metrics::metric::Data::Gauge(metrics::Gauge { data_points: points.clone() })),
        ..Default::default()
    };
    let wire = [other.encode_to_vec(), metric.encode_to_vec()].concat();
    let read = MetricMessage::of(&wire).unwrap();
    let (message, found) = read.points().unwrap();
    assert!(std::ptr::eq(message, &raw const descriptor::NUMBER_POINT) && read.count() == 2);
    let head = MetricHead::read(&wire).unwrap();
    for (wire, point) in found.zip(points) {
        let again = metrics::Metric::decode(&*head.with_point(wire)).unwrap();
        let mut expected = metric.clone();
        let Some(metrics::metric::Data::Sum(sum)) = &mut expected.data else { unreachable!() };
        sum.data_points = vec![point];
        assert_eq!(again, expected);
    }
}
