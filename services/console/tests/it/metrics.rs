//! The latest points of every series.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use prost::Message;

use crate::telemetry::{resource, text};
use crate::under_test::{Console, in_time};

async fn send(console: &Console, name: &str, points: &[(&str, i64)]) {
    let point = |(queue, value): &(&str, i64)| NumberDataPoint {
        attributes: vec![text("stream", queue)],
        value: Some(Value::AsInt(*value)),
        ..Default::default()
    };
    let gauge = Gauge { data_points: points.iter().map(point).collect() };
    let metric = Metric { name: name.into(), data: Some(Data::Gauge(gauge)), ..Default::default() };
    let scope = ScopeMetrics { metrics: vec![metric], ..Default::default() };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource("gateway")),
            scope_metrics: vec![scope],
            schema_url: String::new(),
        }],
    };
    let body = request.encode_to_vec();
    let sent = console.export("metrics", "application/x-protobuf", body).send();
    assert!(in_time(sent).await.unwrap().status().is_success());
}

#[tokio::test]
async fn each_series_keeps_its_latest_point() {
    let console = Console::start().await;
    send(&console, "waybill_queue_depth", &[("TODO", 1), ("DONE", 2)]).await;
    send(&console, "waybill_queue_depth", &[("TODO", 5)]).await;
    send(&console, "other", &[("TODO", 9)]).await;
    let answer = console.api("/api/metrics?name=queue_depth&service=gateway").await;
    let metrics = answer["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let values: Vec<_> =
        metrics.iter().map(|metric| &metric["gauge"]["dataPoints"][0]["asInt"]).collect();
    assert_eq!(values, ["2", "5"]);
    assert_eq!(console.count("metric_points", "received").await, 4);
    assert_eq!(console.count("metric_points", "replaced").await, 1);
    assert_eq!(console.count("metric_points", "stored").await, 3);
    let none = console.api("/api/metrics?service=unknown").await;
    assert_eq!(none["resourceMetrics"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn the_series_without_new_points_for_longest_is_evicted_first() {
    let console = Console::with(|config| config.series_max = 2).await;
    send(&console, "depth", &[("A", 1)]).await;
    send(&console, "depth", &[("B", 1)]).await;
    send(&console, "depth", &[("A", 2)]).await;
    send(&console, "depth", &[("C", 1)]).await;
    let answer = console.page("/api/metrics").await;
    assert!(answer.contains("\"A\"") && answer.contains("\"C\"") && !answer.contains("\"B\""));
    assert_eq!(console.count("metric_points", "evicted").await, 1);
}
