//! The parser reads everything that the lab's own encoder writes.

use contract::propagation::TraceParent;
use contract::signals::{ATTEMPTS, IN_FLIGHT, METRICS, QUEUE_WAIT};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use proptest::prelude::*;
use runtime::clock::Clock;
use telemetry::Metrics;
use trace::openmetrics::Exposition;

use super::to_otlp;

/// A service's metrics as they are scraped.
fn scraped(metrics: &Metrics) -> Vec<Metric> {
    let read = Exposition::parse(&metrics.text()).expect("the encoder writes OpenMetrics");
    to_otlp::metrics(read.families, 7).expect("its histograms are complete")
}

fn named(metrics: &[Metric], name: &str) -> Data {
    let found = metrics.iter().find(|metric| metric.name == name);
    found.and_then(|metric| metric.data.clone()).unwrap_or_else(|| panic!("{name}"))
}

fn service() -> Metrics {
    Metrics::new(METRICS, Some(contract::Stage::Processor), Clock::new().offset())
}

#[test]
fn every_metric_of_the_register_is_read() {
    let read = scraped(&service());
    for metric in METRICS
        .iter()
        .filter(|metric| !metric.known_rows(Some(contract::Stage::Processor)).is_empty())
    {
        let Data::Histogram(histogram) = named(&read, metric.name) else { continue };
        for point in histogram.data_points {
            assert_eq!(point.explicit_bounds, metric.buckets, "{}", metric.name);
        }
    }
}

proptest! {
    #[test]
    fn all_observations_are_read_back(
        waits in prop::collection::vec((0.0..100.0_f64, 1..u128::MAX, 1..u64::MAX), 0..40),
        count in 0..1_000_000_u64,
        level in prop::num::f64::NORMAL | prop::num::f64::ZERO,
        verdict in ".*",
    ) {
        let metrics = service();
        for (wait, trace_id, span_id) in &waits {
            let span = TraceParent { trace_id: *trace_id, span_id: *span_id, sampled: true };
            let span = telemetry::context::span_context(span);
            metrics.observe_for(&QUEUE_WAIT, &["processor"], *wait, &span);
        }
        metrics.add(&ATTEMPTS, &["other", &verdict], count);
        metrics.set(&IN_FLIGHT, &["other"], level);
        let read = scraped(&metrics);

        let Data::Histogram(histogram) = named(&read, QUEUE_WAIT.name) else { panic!("a histogram") };
        let point = &histogram.data_points[0];
        prop_assert_eq!(point.count, waits.len() as u64);
        for (index, seen) in point.bucket_counts.iter().enumerate() {
            let bucket = |wait: f64| QUEUE_WAIT.buckets.partition_point(|bound| *bound < wait);
            let expected: Vec<_> = waits.iter().filter(|(wait, ..)| bucket(*wait) == index).collect();
            prop_assert_eq!(*seen, expected.len() as u64);
            let newest = expected.last().map(|(_, trace, _)| trace.to_be_bytes().to_vec());
            let has_exemplar = |trace| point.exemplars.iter().any(|exemplar| exemplar.trace_id == trace);
            prop_assert!(newest.is_none_or(has_exemplar), "each bucket shows its newest exemplar");
        }
        let number = |name, wanted: &[(&str, &str)]| match named(&read, name) {
            Data::Sum(sum) => value(sum.data_points, wanted),
            Data::Gauge(gauge) => value(gauge.data_points, wanted),
            other => panic!("{other:?}"),
        };
        let attempts = number(ATTEMPTS.name, &[("stage", "other"), ("verdict", &verdict)]);
        prop_assert_eq!(attempts, Some(count as f64));
        prop_assert_eq!(number(IN_FLIGHT.name, &[("stage", "other")]), Some(level));
    }

    #[test]
    fn the_parser_does_not_panic_on_any_text(text in "(# (TYPE|HELP|EOF)?|a|_bucket|\\{|\\}|le=|\"|\\\\|,| |\n|1|\\+Inf|é){0,60}") {
        if let Ok(read) = Exposition::parse(&text) {
            let _ = to_otlp::metrics(read.families, 0);
        }
    }
}

fn value(
    points: Vec<opentelemetry_proto::tonic::metrics::v1::NumberDataPoint>,
    wanted: &[(&str, &str)],
) -> Option<f64> {
    let wanted: Vec<_> =
        wanted.iter().map(|(name, value)| to_otlp::attribute(*name, *value)).collect();
    let point = points.into_iter().find(|point| point.attributes == wanted)?;
    match point.value? {
        Value::AsDouble(number) => Some(number),
        Value::AsInt(_) => None,
    }
}
